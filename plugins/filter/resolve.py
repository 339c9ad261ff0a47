# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _shown


def plain(value):
    """Templates are rendered once, here: each copy of what Ansible hands over would take its templar along."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def resolve(apps, overrides=None, app=None, version=None, host=None, groups=None):
    try:
        return _apps.resolve(plain(apps), plain(overrides), app or None, version or None, host, plain(groups))
    except _apps.AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def survey(apps, overrides=None, app=None, version=None, host=None, groups=None):
    try:
        everything, chosen = _apps.survey(plain(apps), plain(overrides), app or None, version or None, host, plain(groups))
    except _apps.AppsError as error:
        return {"fault": str(error), "all": {}, "chosen": {}}
    return {
        "fault": "", "all": {item["name"]: item for item in everything},
        "chosen": {item["name"]: item for item in chosen if item["state"] == "present"},
    }


def processes(given, where="processes"):
    try:
        return _processes.valid_processes(given, where)
    except _processes.AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def shown(apps, overrides=None, app=None):
    try:
        return _shown.shown(apps, overrides, app or None)
    except _apps.AppsError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"resolve": resolve, "survey": survey, "shown": shown, "processes": processes, "processes_fault": _processes.processes_fault}
