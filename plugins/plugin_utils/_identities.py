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
    files: list[File]  # what each application gets
    moved: list[File]  # those of them that the host has, with other domains


def identities(applications: t.Mapping[str, dict[str, t.Any]], contents: t.Mapping[str, str]) -> Identities:
    """C(applications) as the role app takes them, by name; C(contents) of files on the host by path, with those that are noted already."""
    result: Identities = {"faults": [], "files": [], "moved": []}
    for name, app in applications.items():
        path, source, domains = Layout(name).identity, identity.of_source(app["source"]), app["domains"]
        before = identity.noted(json.loads(contents[path])) if path in contents else None
        fault = identity.fault(name, before, source, domains)
        result["faults"] += [fault] if fault else []
        file: File = {"path": path, "content": identity.note(source, domains), "mode": f"{identity.MODE:04o}"}
        result["files"].append(file)
        if before and sorted(domains) != before["domains"]:
            result["moved"].append(file)
    return result
