# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ca_files
short_description: Certificates of authorities as the files that a host gets
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - Reads what is named by C(src) on the controller, where P(pyweb.stack.local_path#lookup) finds it.
options:
  _terms:
    description:
      - Certificates as in C(python_ca_certificates) of the role P(pyweb.stack.python#role), each with C(name), and C(content) or C(src).
      - One whose file is not there has no content. Nothing fails then.
    type: list
    elements: dict
    required: true
  directory:
    description: Where the host has them.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Trust the company's CA
  pyweb.stack.config_files:
    files: "{{ query('pyweb.stack.ca_files', {'name': 'company', 'src': 'files/company-ca.crt'}, directory='/usr/local/share/ca-certificates') }}"
"""

RETURN = r"""
_raw:
  description: For each certificate its C(path) on the host, and its C(content).
  type: list
  elements: dict
"""

from ansible.plugins.lookup import LookupBase

from ansible_collections.pyweb.stack.plugins.plugin_utils import _places


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        directories = _places.places(variables or {})
        return [{"path": f"{self.get_option('directory')}/{term['name']}.crt", "content": f"{self._text(term, directories).strip()}\n"} for term in terms]

    def _text(self, certificate, directories):
        if certificate.get("content"):
            return certificate["content"]
        path = _places.find(str(certificate["src"]), directories) if "src" in certificate else None
        return self._loader.get_text_file_contents(path) if path else ""
