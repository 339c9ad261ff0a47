# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The action plugin of the same name does it all.

DOCUMENTATION = r"""
module: input_check
short_description: Refuse what an inventory asks for and cannot be had
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - Every playbook of this collection begins with it. It fails with the first fault, in one sentence that names variable, value and remedy.
  - Runs on the controller alone; no host is asked.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  fault:
    description: What is wrong with C(pyweb_apps), as the filter P(pyweb.stack.survey#filter) says it; empty when nothing is.
    type: str
    default: ""
  proxy:
    description: C(pyweb_proxy), the proxy by which hosts reach the outside. The password in it is not shown.
    type: str
    default: ""
  ca_certificates:
    description: C(python_ca_certificates). A file that one names in C(src) must be on the controller.
    type: list
    elements: dict
    default: []
  files:
    description:
      - Files that must be on the controller, and by each the option that names it.
      - Relative ones are looked for as P(pyweb.stack.local_path#lookup) does.
      - Where the option is C(source.path) of an application, git must be there as well.
    type: dict
    default: {}
  roles:
    description:
      - Roles of this collection, and by each the entry point whose variables are checked as the role itself does it later.
      - Variables that are called nearly as one of theirs are warned of.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Look for the files of tasks before the first host changes
  pyweb.stack.input_check:
    files:
      leave.yml: patch_before

- name: Look at the variables of a role before the first host changes
  pyweb.stack.input_check:
    roles:
      nginx: main
"""

RETURN = r"""
{}
"""
