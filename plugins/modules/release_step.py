#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_step
short_description: One step of an activation on the host
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - What M(pyweb.stack.release) has done on the host. Use that one.
extends_documentation_fragment:
  - pyweb.stack.release.name
  - pyweb.stack.release.lease
  - pyweb.stack.release.keep
attributes:
  check_mode:
    description: M(pyweb.stack.release) calls no step in check mode.
    support: none
  diff_mode:
    description: M(pyweb.stack.release) shows the difference.
    support: none
options:
  step:
    description:
      - V(start) starts a release beside the live one and proves it. V(settle) proves it after the switch, and stops the old one.
      - V(abort) returns from a switch that did not happen. V(prune) deletes old releases. V(unlock) ends somebody's turn.
      - V(pin) keeps a release from being deleted, V(unpin) lets it go.
    type: str
    choices: [start, settle, abort, prune, unlock, pin, unpin]
    required: true
  action:
    description: What the history calls it.
    type: str
    choices: [activate, rollback]
    default: activate
  release:
    description: Id of the release.
    type: str
  runtime:
    description: The processes of the release, if it was never active before.
    type: dict
  watch:
    description: Seconds that the old release stays ready after the switch.
    type: float
    default: 2.5
  hooks:
    description: What runs at each phase.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Use the action instead
  pyweb.stack.release:
    name: guestbook
    state: rollback
"""

RETURN = r"""
previous:
  description: Id of the release that is live.
  returned: with O(step=start)
  type: str
pruned:
  description: Ids of the releases that were deleted.
  returned: with the other steps
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

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


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["start", "settle", "abort", "prune", "unlock", "pin", "unpin"], "required": True},
            "action": {"type": "str", "choices": ["activate", "rollback"], "default": "activate"},
            "release": {"type": "str"},
            "runtime": {"type": "dict"},
            "watch": {"type": "float", "default": 2.5},
            **_prune.KEEP,
            "hooks": {"type": "dict", "default": {}},
            "lease": {"type": "dict", "required": True},
        },
    )
    params = module.params
    fault = f"{params['name']}: "
    app = None
    try:
        app = _engine.App(params["name"])
        result = step(app, params)
        if params["step"] == "settle":
            # Others may deploy again while these run.
            fault += f"release {params['release']} is live, but "
            _hooks.run(app, params["hooks"], "on_rollback" if params["action"] == "rollback" else "after_activate", params["release"])
        module.exit_json(**result)
    except (_engine.EngineError, _releases.ReleaseError, _step.BuildError, OSError) as error:
        more = _hooks.failure(app, params["hooks"], params["release"], error) if app and params["step"] in ("start", "settle") else ""
        module.fail_json(msg=app.mask(f"{fault}{_engine.said(error)}{more}") if app else f"{fault}{error}")


if __name__ == "__main__":
    main()
