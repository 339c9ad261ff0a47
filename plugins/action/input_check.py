# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters, _places

_filters.load()

PROXY = re.compile(r"https?://[^/\s]+/?")
PASSWORD = re.compile("://.*@")
# Variables of roles that have options. Where one is something else, ansible-core fails with words about its own code.
WITH_OPTIONS = (
    "appserver_metrics", "hardening_accounts", "hardening_apparmor", "hardening_audit", "hardening_banner", "hardening_dumps", "hardening_firewall",
    "hardening_integrity", "hardening_intrusion", "hardening_logs", "hardening_modules", "hardening_mounts", "hardening_ssh", "hardening_sysctl",
    "hardening_upgrades", "nginx_acme", "nginx_ca", "nginx_server", "python_uv",
)


def proxy_fault(proxy: str) -> str:
    """What is wrong with the address of a proxy, without the password in it; empty when nothing is."""
    if not proxy or PROXY.fullmatch(proxy):
        return ""
    return f"pyweb_proxy is {PASSWORD.sub('://', proxy)}: an address such as http://proxy.example.com:3128 is needed."


def options_fault(variables: Mapping[str, object]) -> str:
    """Names the first of WITH_OPTIONS that is no mapping; what a template makes of itself is the role's matter."""
    for name in WITH_OPTIONS:
        value = variables.get(name, {})
        if isinstance(value, Mapping) or isinstance(value, str) and "{{" in value:
            continue
        if isinstance(value, bool) and name.startswith("hardening_"):
            return f"{name} is {value}: its options are needed, such as {name}: {{enabled: {str(value).lower()}}}."
        kind = "empty" if value is None else "a text" if isinstance(value, str) else f"a {type(value).__name__}"
        return f"{name} is {kind}: a mapping of its options is needed; the README of role {name.partition('_')[0]} has them."
    return ""


def file_fault(files: dict[str, str], places: list[str]) -> str:
    """Names the first of C(files), as option by path, that is in none of these directories."""
    for path, option in files.items():
        if _places.find(str(path), places) is None:
            return f"{option} is {path}, but the controller has no such file beside the playbook or the inventory: correct the path."
    return ""


class ActionModule(ActionBase):
    """Asks no host, so that nothing has changed when it fails."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec({
            "fault": {"type": "str", "default": ""},
            "proxy": {"type": "str", "default": ""},
            "ca_certificates": {"type": "list", "elements": "dict", "default": []},
            "files": {"type": "dict", "default": {}},
        })
        files = {one["src"]: "python_ca_certificates.src" for one in given["ca_certificates"] if "src" in one}
        variables = task_vars or {}
        fault = (proxy_fault(given["proxy"]) or given["fault"] or options_fault(variables)
                 or file_fault({**files, **given["files"]}, _places.places(variables)))
        if fault:
            raise AnsibleActionFail(fault)
        return {**result, "changed": False}
