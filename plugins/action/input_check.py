# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shutil

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters, _places, _role_options

_filters.load()

# Of a name and password those characters that no program takes for the end of them, nor quotes.
PROXY = re.compile(r"https?://([\w.~!$&'()*+,;=:%-]*@)?[^/\s@?#\"\\]+/?", re.ASCII)


def proxy_fault(proxy: str) -> str:
    """What is wrong with the address of a proxy, without the password in it; empty when nothing is."""
    if not proxy or PROXY.fullmatch(proxy):
        return ""
    login, at, host = proxy.rpartition("@")
    scheme = re.match(r"(\w+://)?", login if at else proxy)
    shown = f"{scheme[0] if scheme else ''}{host}" if at else proxy
    if at and PROXY.fullmatch(shown):
        return (f"pyweb_proxy is {shown} with a name and password that no address can hold as they are: "
                "write special characters as %40 for @, %3A for :, %2F for / and %23 for #.")
    return f"pyweb_proxy is {shown}: an address such as http://proxy.example.com:3128 is needed."


def file_fault(files: dict[str, str], places: list[str]) -> str:
    """Names the first of C(files), as option by path, that is in none of these directories."""
    for path, option in files.items():
        if _places.find(str(path), places) is None:
            return f"{option} is {path}, but the controller has no such file beside the playbook or the inventory: correct the path."
    return ""


def git_fault(files: dict[str, str]) -> str:
    """Names the first of C(files), option by path, that is a source which cannot be packed without git."""
    path, option = next(((path, option) for path, option in files.items() if option.endswith(".source.path")), ("", ""))
    if not option or shutil.which("git"):
        return ""
    return f"{option} is {path}, but the controller has no git, which tells what belongs to it and what is ignored there: install git on the controller."


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
            "roles": {"type": "dict", "default": {}},
        })
        files = {one["src"]: "python_ca_certificates.src" for one in given["ca_certificates"] if "src" in one}
        variables = task_vars or {}
        fault = (proxy_fault(given["proxy"]) or given["fault"] or self.role_fault(given["roles"], variables, result)
                 or file_fault({**files, **given["files"]}, _places.places(variables)) or git_fault(given["files"]))
        if fault:
            raise AnsibleActionFail(fault)
        return {**result, "changed": False}

    def role_fault(self, roles: dict[str, str], variables: dict, result: dict) -> str:
        """What is wrong with the variables of these roles, entry points by names; slips of the pen are warnings of the C(result)."""
        declared = {role: _role_options.declared(role, entry, self._loader.load_from_file) for role, entry in roles.items()}
        result["warnings"] = _role_options.slips([name for options in declared.values() for name in options], variables)
        found = (_role_options.fault(role, options, variables, self._templar.template) for role, options in declared.items())
        return next(filter(None, found), "")
