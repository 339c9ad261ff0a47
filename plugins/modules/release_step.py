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
attributes:
  check_mode:
    description: M(pyweb.stack.release) calls no step in check mode.
    support: none
  diff_mode:
    description: M(pyweb.stack.release) shows the difference.
    support: none
options:
  name:
    description: Name of the application.
    type: str
    required: true
  step:
    description:
      - V(start) starts a release beside the live one and proves it. V(settle) proves it after the switch, and stops the old one.
      - V(abort) returns from a switch that did not happen. V(prune) deletes old releases. V(unlock) ends somebody's turn.
    type: str
    choices: [start, settle, abort, prune, unlock]
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
  keep_releases:
    description: How many good releases are kept.
    type: int
    default: 5
  lease:
    description: Who deploys.
    type: dict
    required: true
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
import shutil

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import _build, _engine, _releases


def prune(app, keep):
    manifests = app.manifests()
    pruned = _releases.prunable(manifests, app.live, app.history(), keep, app.running())
    for release in pruned:
        # However far this gets, nobody takes what is left for a release.
        app.update_manifest(release, state="gone")
        # Unit files first: a release without files must not be startable.
        for process in app.processes(release):
            path = f"{_engine.UNITS}/{app.unit(release, process)}"
            if os.path.exists(path):
                os.unlink(path)
        for path in (app.release_path(release), app.meta_path(release)):
            if os.path.islink(path):
                os.unlink(path)
            elif os.path.exists(path):
                shutil.rmtree(path)
    if pruned:
        _engine.run(["systemctl", "daemon-reload"])
        kept = {release: manifest for release, manifest in manifests.items() if release not in pruned}
        _build.prune_environments(app.build_path, {manifest.get("environment") for manifest in kept.values()})
        _build.prune_assets(f"{app.path}/assets", [
            {url: f"{app.release_path(release)}/{directory}" for url, directory in manifest.get("static", {}).items()}
            for release, manifest in kept.items()
        ])
    return pruned


def start(app, params):
    """Everything before the switch."""
    release = _releases.valid_id(params["release"])
    manifest = app.manifest(release)
    if manifest.get("state") not in ("built", "bad", *_releases.GOOD) or not os.path.isdir(app.release_path(release)):
        raise _engine.EngineError(f"release {release} is not built on this host (it is {manifest.get('state', 'unknown')}): deploy it again.")
    if not manifest.get("runtime"):
        if not params["runtime"]:
            raise _engine.EngineError(f"release {release} was never active on this host, and no runtime is given.")
        app.update_manifest(release, runtime=params["runtime"])
    previous = app.live
    app.begin_switch(release, params["action"], params["lease"]["by"])
    return {"previous": previous}


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["start", "settle", "abort", "prune", "unlock"], "required": True},
            "action": {"type": "str", "choices": ["activate", "rollback"], "default": "activate"},
            "release": {"type": "str"},
            "runtime": {"type": "dict"},
            "watch": {"type": "float", "default": 2.5},
            "keep_releases": {"type": "int", "default": 5},
            "lease": {"type": "dict", "required": True},
        },
    )
    params = module.params
    step, lease = params["step"], params["lease"]
    try:
        app = _engine.App(params["name"])
        with app.lock(lease):
            try:
                if step == "start":
                    module.exit_json(changed=True, **start(app, params))
                if step == "settle":
                    settled = app.settle(params["watch"])
                    if settled["release"] != params["release"]:
                        raise _engine.EngineError(f"{settled['release']} is live instead of {params['release']}: the host returned by itself.")
                if step == "abort":
                    app.recover()
                pruned = prune(app, params["keep_releases"]) if step in ("settle", "prune") else []
                app.drop_lease(lease["token"])
                module.exit_json(changed=step != "prune" or bool(pruned), pruned=pruned)
            except Exception:
                app.drop_lease(lease["token"])
                raise
    except (_engine.EngineError, _releases.ReleaseError, OSError) as error:
        module.fail_json(msg=f"{params['name']}: {_engine.App(params['name']).mask(str(error))}")


if __name__ == "__main__":
    main()
