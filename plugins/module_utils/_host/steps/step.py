# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module release_step does: one step of an activation."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.module_utils._host import hooks, prune as pruning, releases, scaling
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.servers import gunicorn_file


def start(app: App, params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Everything before the switch."""
    release = releases.valid_id(params["release"])
    if params["action"] in releases.SAME:
        # Not loaded by other steps.
        from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import again

        again.copy(app, params)
    manifest = app.store.manifest(release)
    if manifest.get("state") not in ("built", "bad", *releases.GOOD) or not os.path.isdir(app.paths.release(release)):
        raise HostError(f"release {release} is not built on this host (it is {manifest.get('state', 'unknown')}): deploy it again.")
    if not manifest.get("runtime"):
        if not params["runtime"]:
            raise HostError(f"release {release} was never active on this host, and no runtime is given.")
        processes = {**(manifest.get("procfile") or {}).get("processes", {}), **params["runtime"]["processes"]}
        processes, scale = scaling.applied(processes, app.store.manifest(app.live).get("scale", {}) if app.live else {})
        app.store.update(release, runtime={**params["runtime"], "processes": processes}, scale=scale)
    previous = app.live
    if params["action"] == "activate":
        hooks.run(app, params["hooks"], "before_activate", release)
    app.switcher.begin(release, params["action"], params["lease"]["by"], params["lease"]["token"])
    return {"previous": previous, "warnings": warnings(app, release)}


def warnings(app: App, release: str) -> list[str]:
    """What of the source's own configuration has no effect here."""
    web = app.store.manifest(release)["runtime"]["processes"].get("web") or {}
    file = gunicorn_file(app.paths.release(release), web["options"])[0] if web.get("server") == "gunicorn" else None
    if not file:
        return []
    with open(file, encoding="utf-8", errors="replace") as source:
        names = _processes.not_honoured(source.read(2 ** 20), web)
    if not names:
        return []
    return [f"{app.name}: {os.path.relpath(file, app.paths.release(release))} sets {', '.join(names)}, which pyweb.stack decides; all else in it is honoured."]


def pin(app: App, params: dict[str, t.Any]) -> dict[str, t.Any]:
    release = releases.named(app.store.manifests(), params["release"] or app.live or "")
    pinned = params["step"] == "pin"
    changed = bool(app.store.manifest(release).get("pinned")) is not pinned
    if changed:
        app.store.update(release, pinned=pinned)
    return {"changed": changed, "release": release}


def prune(app: App, params: dict[str, t.Any]) -> list[str]:
    try:
        return pruning.prune(app, params)
    except (BuildError, OSError) as error:
        live = f"release {params['release']} is live, but " if params["step"] == "settle" else ""
        raise HostError(f"{live}old releases could not be deleted: {said(error)}") from error


def step(app: App, params: dict[str, t.Any]) -> dict[str, t.Any]:
    """One step. The lease is given up after the last one, or when one fails."""
    name, lease = params["step"], params["lease"]
    with app.lock.hold(lease):
        try:
            if name == "start":
                return {"changed": True, **start(app, params)}
            if name in ("pin", "unpin"):
                result = pin(app, params)
            else:
                pruned = []
                if name == "settle":
                    settled = app.switcher.settle(params["watch"], lambda: pruned.extend(prune(app, params)))
                    if settled["release"] != params["release"]:
                        raise HostError(f"{settled['release']} is live instead of {params['release']}: the host returned by itself.")
                if name == "abort":
                    app.switcher.recover()
                if name == "prune" or name == "settle" and not settled["completed"]:
                    pruned = prune(app, params)
                result = {"changed": name != "prune" or bool(pruned), "pruned": pruned}
        except Exception:
            app.lock.drop(lease["token"])
            raise
        app.lock.drop(lease["token"])
        return result


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    fault = f"{params['name']}: "
    app = None
    try:
        app = App(params["name"])
        result = step(app, params)
        if params["step"] == "settle":
            # Others may deploy again while these run.
            fault += f"release {params['release']} is live, but "
            phase = {"activate": "after_activate", "rollback": "on_rollback"}.get(params["action"])
            if phase:
                hooks.run(app, params["hooks"], phase, params["release"])
        return result
    except (HostError, releases.ReleaseError, BuildError, OSError) as error:
        more = hooks.failure(app, params["hooks"], params["release"], error) if app and params["step"] in ("start", "settle") else ""
        return {"failed": True, "msg": app.secrets.mask(f"{fault}{said(error)}{more}") if app else f"{fault}{error}"}
