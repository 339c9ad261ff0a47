# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where applications are placed, and what of each goes to which role. They are complete and checked already. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.plugin_utils import _balancer, _sites
from ansible_collections.pyweb.stack.plugins.plugin_utils._digest import config_digest

# The server that an application's environment lacks is added in this version.
SERVER_PACKAGES = {"gunicorn": ["gunicorn==27.0.1"], "uvicorn": ["uvicorn==0.54.0", "websockets==17.4"], "gevent": ["gevent==26.9.0", "packaging==26.3"]}


def _placed(where: str, wanted: list[str] | None, host: str | None, groups: dict[str, list[str]]) -> list[str] | None:
    """The hosts that a C(hosts) option names, in the inventory's order; None: everywhere."""
    if wanted is None:
        return None
    hosts = []
    known = {member for members in groups.values() for member in members} | ({host} if host else set())
    for item in wanted:
        if item not in groups and item not in known:
            raise AppsError(f"{where}.hosts has {item!r}: neither a group nor a host of the inventory has this name.")
        hosts += [member for member in groups.get(item, [item]) if member not in hosts]
    return hosts


def _has_workers(name: str, app: dict[str, Any], host: str | None, groups: dict[str, list[str]]) -> bool:
    """Does a server of ours run on this host for it?"""
    if app["state"] == "absent" or not (app["processes"].get("web") or {}).get("server"):
        return False
    web = app["processes"]["web"]
    places = (_placed(f"pyweb_apps.{name}", app["hosts"], host, groups), _placed(f"pyweb_apps.{name}.processes.web", web["hosts"], host, groups))
    return all(placed is None or host is None or host in placed for placed in places)


def _slices(name: str, app: dict[str, Any], host: str | None, groups: dict[str, list[str]], applications: int = 1) -> dict[str, Any]:
    where = f"pyweb_apps.{name}"
    everywhere = _placed(where, app["hosts"], host, groups) or groups.get("pyweb") or [host or ""]
    processes = {}
    for key, process in app["processes"].items():
        placed = _placed(f"{where}.processes.{key}", process["hosts"], host, groups)
        if process["singleton"]:
            placed = (placed or everywhere)[:1]
        if placed is None or host is None or host in placed:
            processes[key] = {option: value for option, value in process.items() if option != "hosts"}
    site = app["site"] or {}
    static = site.get("static", {})
    packages = [package for process in app["processes"].values() for name in (process["server"], process["worker_class"])
                for package in SERVER_PACKAGES.get(name, [])]
    # Only the build finds out what a Procfile of the source says.
    procfile = {"defined": list(app["processes"]), "web": bool(site), "hosts": len(everywhere)} if (
        "web" not in app["processes"] and not site.get("root")) else None
    backup = app["backup"]
    places = _placed(f"{where}.backup", backup["hosts"], host, groups) if backup else []
    common = {"name": name, "state": app["state"]}
    result = {
        "name": name,
        "state": app["state"],
        "migrates": bool(app["migrate"] or procfile),
        "app": {
            **common,
            **{option: app[option] for option in (
                "source", "python", "dependencies", "system_packages", "env", "secrets", "build_env", "build", "migrate", "shared", "files", "hooks",
                "keep_releases", "keep_days", "keep_free",
            )},
            "domains": site.get("domains", []),
            "server_packages": packages,
            "procfile": procfile,
            "backup": backup if places is None or host is None or host in places else None,
            # A site of files alone is published like static files.
            "static": static | ({"/": site["root"]} if site.get("root") else {}),
            "config_digest": config_digest(app, static, site.get("root")),
        },
        "appserver": {
            **common, "manager": app["manager"], "processes": processes, "hooks": app["hooks"], "applications": applications, "procfile": bool(procfile),
            **{option: app[option] for option in ("keep_releases", "keep_days", "keep_free", "watch")},
        },
        # The site of an application that has none is to go.
        "site": {**common, "state": "absent"},
    }
    if site:
        result["appserver"]["site"] = {"domain": _sites.canonical(site["domains"]), "files": bool(site["root"])}
        if site["path"] != "/":
            result["appserver"]["site"]["path"] = site["path"]
        result["site"] = {**common, **_sites.sliced(name, Layout(name).path, site, app["shared"], (app["processes"].get("web") or {}).get("server"))}
    return result


def on(host: str | None, full: dict[str, dict[str, Any]], groups: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The slices of those applications of C(full) that are placed on C(host)."""
    applications = max(1, sum(_has_workers(name, item, host, groups) for name, item in full.items()))
    found = []
    for name, item in full.items():
        placed = _placed(f"pyweb_apps.{name}", item["hosts"], host, groups)
        if placed is not None and host is not None and host not in placed:
            continue
        if item["state"] == "absent":
            common = {"name": name, "state": "absent"}
            site = {**common, "domains": ["removed.invalid"]}
            found.append({**common, "app": common, "appserver": common, "site": site})
        else:
            found.append(_slices(name, item, host, groups, applications))
    return found


def check_chosen(full: dict[str, dict[str, Any]], names: list[str], hosts: list[str], groups: dict[str, list[str]]) -> None:
    """Raise AppsError for the first of C(names), which somebody typed, that none of C(hosts) has: the run would do nothing for it, and end well."""
    for name in names:
        placed = _placed(f"pyweb_apps.{name}", full[name]["hosts"], None, groups)
        if placed is None or not hosts or set(placed) & set(hosts):
            continue
        there = [host for host in placed if host in groups.get("pyweb", [])]
        remedy = f"it is on {', '.join(there)}: correct --limit" if there else "none of the group pyweb has it: correct its hosts in pyweb_apps"
        raise AppsError(f"app is {name!r}, which none of these hosts has: {', '.join(hosts)}; {remedy}.")


def before(full: dict[str, dict[str, Any]], groups: dict[str, list[str]], balancing: _balancer.Balancing) -> list[dict[str, Any]]:
    """What a balancer serves of each application: only its site."""
    found = []
    for name, app in full.items():
        item = on(None, {name: app}, groups)[0]
        web = _placed(f"pyweb_apps.{name}.processes.web", (app["processes"].get("web") or {}).get("hosts"), None, groups)
        placed = _placed(f"pyweb_apps.{name}", app["hosts"], None, groups)
        members = [member for member in (groups.get("pyweb", []) if placed is None else placed) if web is None or member in web]
        found.append({"name": name, "state": item["state"], "site": _balancer.balancer_site(item["site"], members, balancing)})
    return found
