# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module release_step does: one step of an activation."""

from __future__ import annotations

import os

from ansible_collections.pyweb.stack.plugins.module_utils import _engine, _hooks, _processes, _prune, _releases, _step


def start(app, params):
    """Everything before the switch."""
    release = _releases.valid_id(params["release"])
    manifest = app.manifest(release)
    if manifest.get("state") not in ("built", "bad", *_releases.GOOD) or not os.path.isdir(app.release_path(release)):
        raise _engine.EngineError(f"release {release} is not built on this host (it is {manifest.get('state', 'unknown')}): deploy it again.")
    if not manifest.get("runtime"):
        if not params["runtime"]:
            raise _engine.EngineError(f"release {release} was never active on this host, and no runtime is given.")
        processes = {**(manifest.get("procfile") or {}).get("processes", {}), **params["runtime"]["processes"]}
        app.update_manifest(release, runtime={**params["runtime"], "processes": processes})
    previous = app.live
    if params["action"] == "activate":
        _hooks.run(app, params["hooks"], "before_activate", release)
    app.begin_switch(release, params["action"], params["lease"]["by"], params["lease"]["token"])
    return {"previous": previous, "warnings": warnings(app, release)}


def warnings(app, release):
    """What of the source's own configuration has no effect here."""
    web = app.manifest(release)["runtime"]["processes"].get("web") or {}
    file = _engine.gunicorn_file(app.release_path(release), web["options"])[0] if web.get("server") == "gunicorn" else None
    if not file:
        return []
    with open(file, encoding="utf-8", errors="replace") as source:
        names = _processes.not_honoured(source.read(2 ** 20), web)
    if not names:
        return []
    return [f"{app.name}: {os.path.relpath(file, app.release_path(release))} sets {', '.join(names)}, which pyweb.stack decides; all else in it is honoured."]


def pin(app, params):
    release = _releases.named(app.manifests(), params["release"] or app.live or "")
    pinned = params["step"] == "pin"
    changed = bool(app.manifest(release).get("pinned")) is not pinned
    if changed:
        app.update_manifest(release, pinned=pinned)
    return {"changed": changed, "release": release}


def prune(app, params):
    try:
        return _prune.prune(app, params)
    except (_step.BuildError, OSError) as error:
        live = f"release {params['release']} is live, but " if params["step"] == "settle" else ""
        raise _engine.EngineError(f"{live}old releases could not be deleted: {_engine.said(error)}") from error


def step(app, params):
    """One step; the turn of who deploys ends with the last one, or when one fails."""
    name, lease = params["step"], params["lease"]
    with app.lock(lease):
        try:
            if name == "start":
                return {"changed": True, **start(app, params)}
            if name in ("pin", "unpin"):
                result = pin(app, params)
            else:
                pruned = []
                if name == "settle":
                    settled = app.settle(params["watch"], lambda: pruned.extend(prune(app, params)))
                    if settled["release"] != params["release"]:
                        raise _engine.EngineError(f"{settled['release']} is live instead of {params['release']}: the host returned by itself.")
                if name == "abort":
                    app.recover()
                if name == "prune" or name == "settle" and not settled["completed"]:
                    pruned = prune(app, params)
                result = {"changed": name != "prune" or bool(pruned), "pruned": pruned}
        except Exception:
            app.drop_lease(lease["token"])
            raise
        app.drop_lease(lease["token"])
        return result


def run(params, check_mode=False):
    fault = f"{params['name']}: "
    app = None
    try:
        app = _engine.App(params["name"])
        result = step(app, params)
        if params["step"] == "settle":
            # Others may deploy again while these run.
            fault += f"release {params['release']} is live, but "
            _hooks.run(app, params["hooks"], "on_rollback" if params["action"] == "rollback" else "after_activate", params["release"])
        return result
    except (_engine.EngineError, _releases.ReleaseError, _step.BuildError, OSError) as error:
        more = _hooks.failure(app, params["hooks"], params["release"], error) if app and params["step"] in ("start", "settle") else ""
        return {"failed": True, "msg": app.mask(f"{fault}{_engine.said(error)}{more}") if app else f"{fault}{error}"}
