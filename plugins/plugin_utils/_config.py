# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of releases as people read it: what a release has, and what differs from the inventory or from another one. Pure: no I/O."""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import HEALTH, PROCESS
from ansible_collections.pyweb.stack.plugins.module_utils._host import scaling
from ansible_collections.pyweb.stack.plugins.module_utils._host.secrets import MASK, SHORTEST

# What tells releases apart anyway, and what the inventory does not say.
OF_A_RELEASE = ("release", "revision", "kind", "python_version", "procfile", "scale")


def _set(value: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Without what has its default."""
    return {name: item for name, item in value.items() if name in options and item not in (None, options[name].get("default"))}


def _processes(given: dict[str, dict[str, Any]]) -> dict[str, Any]:
    result = {}
    for name, process in given.items():
        result[name] = {key: value for key, value in _set(process, PROCESS).items() if key != "hosts"}
        if process.get("health"):
            result[name]["health"] = _set(process["health"], HEALTH)
            if not result[name]["health"]:
                del result[name]["health"]
    return result


def readable(config: dict[str, Any]) -> dict[str, Any]:
    """Without defaults and what is empty."""
    result = {**config, **({"processes": _processes(config["processes"])} if "processes" in config else {})}
    return {key: value for key, value in result.items() if value not in (None, {}, [])}


def text(config: dict[str, Any]) -> list[str]:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=140).splitlines()


def wanted(item: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """What the inventory has of what C(live), a release on a host, has on record; C(item) is one of survey()."""
    app, server = item["app"], item["appserver"]
    secrets = sorted((str(value) for value in app["secrets"].values() if len(str(value)) >= SHORTEST), key=len, reverse=True)

    def masked(value: str) -> str:
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value

    # What a Procfile of the source says is known after the next build only.
    procfile = {name: live["processes"][name] for name in live.get("procfile", []) if name in live.get("processes", {})} if app["procfile"] else {}
    processes, dummy = scaling.applied({**procfile, **server["processes"]}, live.get("scale") or {})
    result = {
        "env": {name: masked(value) for name, value in app["env"].items()}, "secrets": {name: MASK for name in app["secrets"]},
        "build": app["build"], "build_env": sorted(app["build_env"]), "shared": app["shared"], "static": app["static"],
        "manager": server["manager"], "domain": (server.get("site") or {}).get("domain"), "processes": processes,
    }
    if live.get("kind") in ("repo", "package"):
        result["version"] = app["source"]["version"]
    return {key: value for key, value in result.items() if key in live}


def difference(before: dict[str, Any], after: dict[str, Any], names: tuple[str, str]) -> list[str]:
    """Lines as diff -u has them; nothing where both are the same. Only what both sides have on record is compared."""
    common = [key for key in before if key in after and key not in OF_A_RELEASE]
    sides = [text(_sorted(readable({key: side[key] for key in common}))) for side in (before, after)]
    return list(difflib.unified_diff(*sides, *names, n=2, lineterm=""))


def _sorted(value: Any) -> Any:
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


def lines(app: str, hosts: dict[str, dict[str, Any]], items: dict[str, dict[str, Any]], compare: str | None) -> list[str]:
    """C(hosts) has what the module release_config returned on each; C(items) what the inventory has there. Hosts that say the same stand together."""
    groups: dict[str, list[str]] = {}
    for host, found in hosts.items():
        groups.setdefault("\n".join(_of_host(found, items[host], compare)), []).append(host)
    return [line for told, names in groups.items() for line in (f"{app} on {', '.join(names)}:", *(f"  {line}" for line in told.split("\n")))]


def _of_host(found: dict[str, Any], item: dict[str, Any], compare: str | None) -> list[str]:
    config = found["config"]
    if not compare:
        return text(readable(config))
    if compare != "inventory":
        other = found["compared"]
        names = (f"release {config['release']}", f"release {other['release']}")
        return difference(config, other, names) or [f"Both releases have the same configuration: {config['release']}, {other['release']}."]
    result = difference(config, wanted(item, config), (f"release {config['release']}", "inventory"))
    if found["secrets_differ"]:
        result.append("Secrets or files have other contents than those of the release.")
    return result or [f"The inventory has the configuration of release {config['release']}."]
