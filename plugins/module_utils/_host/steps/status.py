# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host and its applications do, in one call. Changes nothing."""

from __future__ import annotations

import concurrent.futures
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import certificate, machine, releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup import config as backup_config
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import applications
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System, here

# Entries of the history that are told, the newest.
HISTORY = 30
# Applications that are asked side by side: one that hangs must not hold up the others.
TOGETHER = 8


def failure(app: App, live: str | None) -> dict[str, t.Any] | None:
    """The newest release that came after the live one and failed.

    Whoever has made a release live since has seen that it did, unless the host went back to it by itself.
    """
    chosen = next((entry["time"] for entry in reversed(app.store.history())
                   if entry.get("release") == live and entry.get("action") in ("activate", "rollback")), "")
    for name, manifest in sorted(app.store.manifests().items(), reverse=True):
        state = manifest.get("state")
        if name <= (live or "") or (state == "failed" and (manifest.get("created") or "") < chosen):
            return None
        if state in ("failed", "bad"):
            return {"release": name, **{key: manifest.get(key) for key in ("state", "error", "by", "version", "created")}}
    return None


def backup(app: App) -> dict[str, t.Any] | None:
    """How its backups went; None where the host makes none."""
    try:
        config = backup_config.read(app.paths)
    except HostError:
        return None
    state = backup_config.state(app.paths)
    return {"schedule": config["schedule"], "period": config["period"], "since": round(os.stat(app.paths.backup_config).st_mtime),
            "last": state.get("last"), "failure": state.get("failure")}


def look(app: App) -> dict[str, t.Any]:
    """One application. See modules/release_status.py for the keys."""
    live = app.live if app.exists else None
    manifest = app.store.manifest(live) if live else {}
    history, switch = app.store.history(), app.store.switch()
    last: dict[str, t.Any] = next((entry for entry in reversed(history) if entry.get("release") == live), {})
    result: dict[str, t.Any] = {
        "exists": app.exists, "live": live,
        **{key: manifest.get(key) for key in ("version", "revision", "created", "config_digest", "python_version", "copy_of")},
        "since": last.get("time"), "by": last.get("by"), "action": last.get("action"), "damage": app.contents.damage(live) if live else "",
        "manager": app.store.runtime(live).get("manager"), "processes": app.processes.look(live) if live else [], "jobs": sorted(app.store.jobs(live)),
        "health": app.checks.now(live) if live else None, "visitor": app.checks.visitor(live) if live else None,
        "certificate": certificate.of_site(app.system, app.name), "failure": failure(app, live),
        "scale": manifest.get("scale") or {},
        "backup": backup(app), "lease": app.lock.lease(), "switch": {**switch, "until": app.guard.due()} if switch else None, "history": history[-HISTORY:],
    }
    for kept in ("lease", "switch"):
        # What lets a controller go on is nobody else's.
        if result[kept]:
            result[kept].pop("token", None)
    return result


def one(name: str, system: System) -> dict[str, t.Any]:
    try:
        return look(App(name, system))
    except (HostError, releases.ReleaseError, OSError, ValueError) as error:
        # One that cannot be read must not hide the others.
        return {"exists": True, "live": None, "fault": str(error)}


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    system, names = here(), params["names"]
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        host = pool.submit(machine.look, system.root)
        found = dict(zip(names, pool.map(lambda name: one(name, system), names)))
        return {"changed": False, "now": now(), "host": host.result(), "applications": found,
                "others": [name for name in applications(system.root) if name not in names]}
