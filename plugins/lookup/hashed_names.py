# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the role nginx the patterns by which the build keeps files with a hash in their name."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hashed_names
short_description: Patterns of static files that carry a hash of their content in their name
version_added: 0.1.0
author:
  - The pyweb.stack authors (@pyweb)
description:
  - Says by which names nginx tells files that never change from those that do.
  - The same patterns decide which files of a release are kept when the release is gone.
options:
  _terms:
    description: V(pages) for what is never kept, V(possible) for what V(immutable) may be, V(immutable) for what never changes.
    type: list
    elements: str
    choices: [pages, possible, immutable]
    required: true
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ lookup('pyweb.stack.hashed_names', 'immutable', wantlist=true) }}"
"""

RETURN = r"""
_raw:
  description: Regular expressions for paths in URLs, as Python and nginx both read them.
  type: list
  elements: str
"""

from ansible.plugins.lookup import LookupBase

from ansible_collections.pyweb.stack.plugins.module_utils._host.build import hashed

PATTERNS = {"pages": [hashed.PAGES], "possible": [hashed.POSSIBLE], "immutable": list(hashed.IMMUTABLE.values())}


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [pattern for term in terms for pattern in PATTERNS[term]]
