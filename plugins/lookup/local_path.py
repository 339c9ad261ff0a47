# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: local_path
short_description: Find files of a user on the controller
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - Finds relative files beside the playbook that is run, then beside the inventory, then in the current directory.
  - In each of these places, the directory C(files) is looked into first.
  - All roles of this collection look for the files that their options name in this way, also when a playbook is called by its name,
    such as C(pyweb.stack.site).
options:
  _terms:
    description: Files or directories, relative or absolute.
    type: list
    elements: str
    required: true
  missing:
    description: Return the terms that are not there, instead of the paths of those that are. Nothing fails then.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Trust the company's CA
  ansible.builtin.copy:
    src: "{{ lookup('pyweb.stack.local_path', 'files/company-ca.crt') }}"
    dest: /usr/local/share/ca-certificates/company-ca.crt
    mode: "0644"
"""

RETURN = r"""
_raw:
  description: Absolute paths, or with O(missing) the terms that are not there.
  type: list
  elements: str
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.pyweb.stack.plugins.plugin_utils import _places


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        directories = _places.places(variables or {})
        found = {str(term): _places.find(str(term), directories) for term in terms}
        missing = [term for term, path in found.items() if path is None]
        if self.get_option("missing"):
            return missing
        if missing:
            raise AnsibleLookupError(f"the controller has no file {missing[0]}: looked in {', '.join(directories)}.")
        return list(found.values())
