# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The action plugin of the same name does it all.

DOCUMENTATION = r"""
module: bootstrap
short_description: Install Python on a host that lacks it
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Installs Python by the host's shell and apt-get, since no module runs without it. On a host that has Python it costs a fraction of a task.
  - While another program uses apt, as a fresh host's own first upgrade does for minutes, it says which one and waits.
  - In check mode, fails on a host without Python, since nothing more can be looked at there.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: partial
    details: Fails where Python would have to be installed.
  diff_mode:
    support: none
  platform:
    platforms: debian
options:
  lock_timeout:
    description: Seconds to wait for another program that uses apt.
    type: int
    default: 900
  look_for:
    description: Paths to tell of by the way, each absolute and with C(*) for what differs.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  read:
    description: Files to read by the way, each as an absolute path and with C(*) for what differs.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Install Python where it is missing
  pyweb.stack.bootstrap:
"""

RETURN = r"""
found:
  description: Paths on the host that O(look_for) matches.
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/conf.d/pyweb.site.guestbook.conf]
contents:
  description: The files on the host that O(read) matches, each path with its text.
  returned: success
  type: dict
  sample: {/var/lib/pyweb/guestbook/identity.json: "{}"}
"""
