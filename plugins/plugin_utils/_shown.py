# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications as people read them: complete, and without a secret. Pure: no I/O."""

from __future__ import annotations

from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._declared.app import APP
from ansible_collections.pyweb.stack.plugins.module_utils._declared.source import SOURCE
from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.plugin_utils._apps import complete
from ansible_collections.pyweb.stack.plugins.plugin_utils._extra import choice

HIDDEN = "********"


def _bare(value: Any) -> Any:
    """Without options that nobody has set and that have no default."""
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if item is not None}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def shown(apps: Any, overrides: Any = None, app: str | list[str] | None = None) -> dict[str, dict[str, Any]]:
    """The applications with presets, overrides and defaults filled in, for people to read: without a secret."""
    full = complete(apps, overrides)
    names = choice(full, app)
    result = {}
    for name, item in full.items():
        if names and name not in names:
            continue
        if item["state"] == "present":
            item["secrets"] = {key: HIDDEN for key in item["secrets"]}
            item["files"] = {path: {"content": HIDDEN, "build": True} if file["build"] else HIDDEN for path, file in item["files"].items()}
            for rule in (item["site"] or {}).get("access", {}).values():
                rule |= {"users": {user: HIDDEN for user in rule["users"]}} if rule.get("users") else {}
            if item["backup"]:
                item["backup"] |= {"password": HIDDEN, "env": {key: HIDDEN for key in item["backup"]["env"]},
                                   "repository": without_password(item["backup"]["repository"])}
            source = item["source"]
            for option, spec in SOURCE.items():
                if source[option] and spec.get("no_log"):
                    source[option] = HIDDEN
                elif isinstance(source[option], str):
                    source[option] = without_password(source[option])
            if "://" in (source["archive"] or "") and "?" in source["archive"]:
                # Often a signature.
                source["archive"] = f"{source['archive'].partition('?')[0]}?{HIDDEN}"
            dependencies = item["dependencies"]
            dependencies["index"] = without_password(dependencies["index"]) if dependencies["index"] else None
            dependencies["extra_indexes"] = [without_password(address) for address in dependencies["extra_indexes"]]
            for access in dependencies["git"]:
                access["url"] = without_password(access["url"])
                access.update({option: HIDDEN for option in ("token", "deploy_key") if access[option]})
            for group in ("source", "dependencies", "hooks"):
                item[group] = {key: value for key, value in item[group].items() if value not in (None, [])}
            if not source["repo"] and not source["package"]:
                del item["source"]["version"]
            for process in item["processes"].values():
                del process["kind"]
            item = {option: item[option] for option in APP}
        else:
            item = {"state": "absent"}
        result[name] = _bare(item)
    return result
