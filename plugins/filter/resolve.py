# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps


def resolve(apps, overrides=None, app=None, version=None, host=None, groups=None):
    try:
        return _apps.resolve(apps, overrides, app or None, version or None, host, groups)
    except _apps.AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def resolve_fault(apps, overrides=None, app=None, version=None, host=None, groups=None):
    try:
        _apps.resolve(apps, overrides, app or None, version or None, host, groups)
    except _apps.AppsError as error:
        return str(error)
    return ""


class FilterModule:
    def filters(self):
        return {"resolve": resolve, "resolve_fault": resolve_fault}
