# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.parsing.splitter import parse_kv
from ansible.parsing.utils.yaml import from_yaml

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _balancer, _extra, _shown


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
    except AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def extra_variables():
    """The extra variables of this run that were typed one by one, or as JSON or YAML; a file of them is not typed in a hurry."""
    found = {}
    for text in context.CLIARGS.get("extra_vars") or ():
        text = str(text)
        if text.startswith("@"):
            continue
        try:
            given = from_yaml(text) if text[:1] in "{[" else parse_kv(text)
        except Exception:  # pylint: disable=broad-except
            # Ansible has its own words for it.
            continue
        found.update({str(name): value for name, value in given.items()} if isinstance(given, dict) else {})
    found.pop("_raw_params", None)
    return found


def survey(apps, overrides=None, app=None, version=None, host=None, groups=None, balancing=None, hosts=None):
    typed = extra_variables()
    fault = _extra.fault(typed) or _extra.switch_fault(typed)
    if fault:
        return {"fault": fault, "all": {}, "chosen": {}, "wanted": {}, "names": []}
    try:
        everything, chosen = _apps.survey(
            plain(apps), plain(overrides), app or None, version or None, host, plain(groups), plain(balancing or {}) or None,
            plain(hosts))
    except AppsError as error:
        return {"fault": str(error), "all": {}, "chosen": {}, "wanted": {}, "names": []}
    return {
        "fault": "", "names": _extra.chosen(app) or [str(name) for name in apps], "all": {item["name"]: item for item in everything},
        "chosen": {item["name"]: item for item in chosen if item["state"] == "present"},
        "wanted": {item["name"]: item for item in chosen},
    }


def member_firewall(given, balancers):
    return _balancer.firewall(plain(given), plain(balancers))


def processes(given, where="processes"):
    try:
        return _processes.valid_processes(plain(given), where)
    except AppsError as error:
        raise AnsibleFilterError(str(error)) from None


def processes_fault(given, where, manager="systemd"):
    return _processes.processes_fault(plain(given), where, manager)


def shown(apps, overrides=None, app=None):
    try:
        return _shown.shown(apps, overrides, app or None)
    except AppsError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"resolve": resolve, "survey": survey, "shown": shown, "processes": processes, "processes_fault": processes_fault,
                "member_firewall": member_firewall}
