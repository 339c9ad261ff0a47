# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the applications that a host has are those of this inventory, and what is noted there so that others can tell. Pure."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import identity
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout


class File(t.TypedDict):
    """An item of C(files) of the module config_files."""

    path: str
    content: str
    mode: str


class Identities(t.TypedDict):
    faults: list[str]  # sentences on applications that are others than those of these names on the host
    files: list[File]  # of all applications, with the domains that the host serves
    moved: list[File]  # of those whose domains change, once nginx serves these


def identities(applications: t.Mapping[str, t.Mapping[str, t.Any]], contents: t.Mapping[str, str]) -> Identities:
    """C(applications) by name, with what the roles C(app) and C(appserver) take; C(contents) of files on the host by path, also of those that are noted."""
    result: Identities = {"faults": [], "files": [], "moved": []}
    for name, item in applications.items():
        path, source, domains = Layout(name).identity, identity.of_source(item["app"]["source"]), item["app"]["domains"]
        domain = (item["appserver"].get("site") or {}).get("domain", "")
        before = identity.noted(json.loads(contents[path])) if path in contents else None
        fault = identity.fault(name, before, source, domains)
        result["faults"] += [fault] if fault else []
        # What nginx serves is another one's business: until then, its sites are those of before.
        result["files"].append(_file(path, source, before["domains"] if before else domains, before["domain"] if before else domain))
        if before and (sorted(domains), domain) != (before["domains"], before["domain"]):
            result["moved"].append(_file(path, source, domains, domain))
    return result


def _file(path: str, source: str, domains: list[str], domain: str) -> File:
    return {"path": path, "content": identity.note(source, domains, domain), "mode": f"{identity.MODE:04o}"}
