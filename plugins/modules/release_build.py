#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_build
short_description: Build a release of a Python web application beside the live one
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Makes one release directory with the source of one revision, an environment of its own, the results of the build steps,
    links to the shared directories and static files that nginx may read. Nothing that is live changes.
  - All of it runs as the application's build user. A build that fails is kept for a look and never becomes live.
extends_documentation_fragment:
  - pyweb.stack.release.name
  - pyweb.stack.release.source
  - pyweb.stack.release.lease
  - pyweb.stack.release.keep
attributes:
  check_mode:
    description: Can run in check_mode and say that a release would be built.
    support: full
  diff_mode:
    description: A release is a whole directory; its revision is what changes.
    support: none
notes:
  - An action plugin goes before it, and sends what the source has on the controller to a host that does not have it yet.
options:
  release:
    description: Id of the release to build, as O(pyweb.stack.release#module:state=begin) returned it.
    type: str
    required: true
  revision:
    description: The commit to build, or the digest of what the source is otherwise.
    type: str
    required: true
  server_packages:
    description: Pinned packages that are added when the application's own requirements lack them.
    type: list
    elements: str
    default: []
  env:
    description: Environment variables of build steps and processes. They travel with the release.
    type: dict
    default: {}
  build_env:
    description: Environment variables of build steps only.
    type: dict
    default: {}
  secrets:
    description: Secrets of the application as C(NAME=value), each ended by a NUL character. Build steps do not see them.
    type: str
    default: ''
  build:
    description: Commands, run by bash in the release with its environment.
    type: list
    elements: str
    default: []
  shared:
    description: Directories of the release that outlive it. They become links into C(shared/), and are the application's alone unless O(static) names them.
    type: list
    elements: str
    default: []
  static:
    description:
      - Addresses and the directories of the release that nginx serves there; V(/) is for a site of files alone.
      - A directory that lies in one of O(shared) is the application's data. It becomes readable for the group C(<name>-web), now and later.
    type: dict
    default: {}
  procfile:
    description: >-
      The processes that are defined (V(defined), a list) and whether there has to be one named web (V(web)).
      A C(Procfile) of the source adds what it has besides. Without this option it is not read.
    type: dict
  config_digest:
    description: Digest of the configuration that belongs to the release.
    type: str
    default: ''
  hooks:
    description: What runs at each phase, as the role app takes it. Files of tasks are the business of the playbook.
    type: dict
    default: {}
  force:
    description: Build again what was built already. Without it, a release that differs in its configuration only is a copy by hard links.
    type: bool
    default: false
  platforms:
    description: The versions of Python and machines of all hosts that build the release, such as V(3.13 x86_64).
    type: list
    elements: str
    default: []
  lock_only:
    description: Only find the versions of all requirements, for all O(platforms). Nothing is built.
    type: bool
    default: false
  lock:
    description: What another host returned with O(lock_only). Taken where it fits, so that all hosts have the same versions.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Build what was begun
  pyweb.stack.release_build:
    name: guestbook
    release: "{{ begun.release }}"
    revision: "{{ begun.revision }}"
    lease: "{{ begun.lease }}"
    source: {repo: "https://git.example.com/guestbook.git"}
    server_packages: [gunicorn==27.0.1]
  when: begun.build
"""

RETURN = r"""
release:
  description: Id of the release.
  returned: always
  type: str
lock:
  description: All requirements with their versions, and what they were found for.
  returned: with O(lock_only)
  type: dict
manifest:
  description: What the release was made from, and how long each phase took in seconds.
  returned: when it was built
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import _addresses, _options, _release_build


def main():
    module = AnsibleModule(argument_spec=_options.RELEASE_BUILD, supports_check_mode=True)
    module.no_log_values -= _addresses.public(module.params)
    result = _release_build.run(module.params, module.check_mode)
    (module.fail_json if result.get("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
