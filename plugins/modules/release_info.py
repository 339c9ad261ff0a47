#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Tell what is deployed of an application, and what its source has to offer
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Returns the live release, the manifests of all kept releases and the history of activations on a host.
  - With O(source), also returns the commit that the wanted version names now, and everything that O(pyweb.stack.release#module:state=begin)
    needs for its decision. The application's git mirror on the host is brought up to date for that; of a source that lies on the
    controller, the revision is a digest of what is there now.
extends_documentation_fragment:
  - pyweb.stack.release.name
  - pyweb.stack.release.source
attributes:
  check_mode:
    description: Can run in check_mode and return the same; the mirror is then left as it is.
    support: full
  diff_mode:
    description: Nothing changes, so there is nothing to show.
    support: none
notes:
  - An action plugin goes before it. On the controller, once in a run for all hosts, it packs what the source has there.
options:
  prepare:
    description: Whether O(source.prepare) runs. Without, what it has made last is looked at, as in check mode.
    type: bool
    default: true
  system_packages:
    description: Debian packages that the application needs.
    type: list
    elements: str
    default: []
  config_digest:
    description: Digest of the configuration that the wanted release is to have.
    type: str
    default: ''
  secrets:
    description: Secrets of the application as C(NAME=value), each ended by a NUL character. Only compared, never returned.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: See what is deployed
  pyweb.stack.release_info:
    name: guestbook
  register: guestbook

- name: Show the live release
  ansible.builtin.debug:
    msg: "{{ guestbook.live }} of {{ guestbook.releases[guestbook.live].revision }}"
"""

RETURN = r"""
exists:
  description: Whether the application is set up on this host.
  returned: always
  type: bool
live:
  description: Id of the live release, or none.
  returned: always
  type: str
  sample: 20261120T201500Z-1a2b3c4
running:
  description: Whether all processes of the live release are up.
  returned: always
  type: bool
releases:
  description: Manifests of all kept releases by id.
  returned: always
  type: dict
history:
  description: Activations, rollbacks and automatic returns, oldest first.
  returned: always
  type: list
  elements: dict
switch:
  description: The switch that is under way, if any; also one that nobody has ended yet.
  returned: always
  type: dict
now:
  description: When this was looked at, UTC. What is made of the answers of several hosts gets one time.
  returned: always
  type: str
  sample: 20261120T201500Z
directories:
  description: Whether the directories for releases and shared data are there.
  returned: always
  type: bool
lease:
  description: Who is deploying just now, if anybody.
  returned: always
  type: dict
revision:
  description: The commit that the wanted version names, or a digest of what the source is otherwise.
  returned: when O(source) is given and the host can tell
  type: str
pending:
  description: Commits between the live release and C(revision), newest first, each as short revision and subject; 50 at the most.
  returned: when O(source.repo) is given, not in check mode
  type: list
  elements: str
version:
  description: The wanted version, as people call it. Of a directory, its commit or its name; of an archive, the name of the file.
  returned: when O(source) is given
  type: str
missing_packages:
  description: Those of O(system_packages) that are not installed.
  returned: when O(source) is given
  type: list
  elements: str
platform:
  description: Version of Python and machine that the wanted release is for.
  returned: when O(source) is given
  type: str
  sample: 3.13 x86_64
wanted:
  description: What the wanted release is compared by.
  returned: when O(source) is given
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import _options, _release_info


def main():
    module = AnsibleModule(argument_spec=_options.RELEASE_INFO, supports_check_mode=True)
    result = _release_info.run(module.params, module.check_mode)
    (module.fail_json if result.get("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
