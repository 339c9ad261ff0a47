# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _adopted
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def adopted(found, name):
    try:
        return _adopted.written(plain(found), str(name))
    except AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def adopted_name(path, given=None, taken=""):
    return _adopted.name_for(str(path), str(given) if given else None, str(taken))


def adopted_name_fault(given):
    return _adopted.name_fault(str(given))


def adopted_secrets(found, name):
    return _adopted.vault(plain(found), str(name))


class FilterModule:
    def filters(self):
        return {
            "adopted": adopted,
            "adopted_name": adopted_name,
            "adopted_name_fault": adopted_name_fault,
            "adopted_pairs": _adopted.pairs,
            "adopted_secrets": adopted_secrets,
        }
