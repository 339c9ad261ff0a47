# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user types behind C(-e): a misspelt name would be ignored, and all applications be deployed instead of one."""

from __future__ import annotations

import difflib
from typing import Any, Iterable, Mapping

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError

# What the playbooks take from the command line, each with an example.
ACCEPTED = {
    "app": "-e app=shop, or -e app=shop,blog",
    "version": "-e version=v1.2",
    "force": "-e force=true",
    "pinned": "-e pinned=false",
    "format": "-e format=json",
    "status_file": "-e status_file=status.json",
    "status_fail": "-e status_fail=true",
    "report_file": "-e report_file=report.html",
    "confirm": "-e confirm=shop",
    "path": "-e path=/var/www/shop",
    "unit": "-e unit=shop.service",
    "secrets_file": "-e secrets_file=secrets.yml",
    "back": "-e back=true",
    "keys": "-e keys=keys.pub",
    "data": "-e data=delete",
    "snapshot": "-e snapshot=4bba301e",
    "log": "-e log=nginx",
    "process": "-e process=worker",
    "workers": "-e workers=4",
    "count": "-e count=3",
    "reset": "-e reset=true",
    "compare": "-e compare=inventory",
    "since": "-e since='1 hour ago'",
    "until": "-e until=today",
    "text": "-e text=Traceback",
    "status": "-e status='>=500'",
    "lines": "-e lines=50",
    "follow": "-e follow=true",
    "command": "-e \"command='python manage.py check'\"",
    "state": "-e state=on",
    "allow": "-e allow=192.0.2.7",
    "page": "-e page=maintenance.html",
    "audit_fail": "-e audit_fail=true",
    "audit_directory": "-e audit_directory=/srv/audit",
    "audit_scap": "-e audit_scap=/root/ssg-debian13-ds.xml",
    "audit_scap_profiles": "-e audit_scap_profiles=cis_level1_server",
    "patch_reboot": "-e patch_reboot=never",
    "patch_before": "-e patch_before=leave.yml",
    "patch_after": "-e patch_after=join.yml",
}
# Those that are true or false. Any other word would be false to Ansible, in silence.
SWITCHES = ("force", "pinned", "status_fail", "back", "reset", "follow", "audit_fail")
WORDS = ("true", "false", "yes", "no", "on", "off", "1", "0")
# What people call them elsewhere, beyond what only looks alike.
ELSEWHERE = {"application": "app", "applications": "app", "app_name": "app", "app_names": "app"}


def nearest(name: str) -> str | None:
    """The variable that C(name) was meant to be; None for one that is right, or somebody else's."""
    if name in ACCEPTED:
        return None
    lowered = name.lower().replace("-", "_")
    if lowered in ACCEPTED:
        return lowered
    return ELSEWHERE.get(lowered) or next(iter(difflib.get_close_matches(lowered, ACCEPTED, n=1, cutoff=0.85)), None)


def fault(names: Iterable[str]) -> str:
    """One sentence about the first of C(names), those of extra variables, that is nearly one of ours; empty when there is none."""
    for name in names:
        meant = nearest(name)
        if meant:
            return f"-e {name}=… is not a variable of the playbooks of pyweb.stack: did you mean {meant} ({ACCEPTED[meant]})?"
    return ""


def switch_fault(given: Mapping[str, Any]) -> str:
    """One sentence about the first of these extra variables that has to be true or false and is neither; empty when there is none."""
    for name in SWITCHES:
        value = str(given.get(name, "no")).strip()
        if value.lower() not in WORDS and "{{" not in value:
            return f"{name} is {value!r}: true or false is needed, as {ACCEPTED[name]}."
    return ""


def chosen(app: str | list[str] | None) -> list[str]:
    """The names in C(-e app=a,b): separated by commas, spaces allowed, each once; none for all applications."""
    names = app.split(",") if isinstance(app, str) else [str(name) for name in app or []]
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def choice(full: dict[str, dict[str, Any]], app: str | list[str] | None) -> list[str]:
    """The applications that C(-e app=a,b) names; none for all of them. Raises AppsError for one that is not defined."""
    names = chosen(app)
    for name in names:
        if name not in full:
            raise AppsError(f"app is {name!r}: pyweb_apps defines {', '.join(full)}.")
    return names
