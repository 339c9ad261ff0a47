# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of an application: set up, made, listed and put back."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._declared.backup import BACKUP, RETENTION
from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import defaults
from ansible_collections.pyweb.stack.plugins.module_utils._host import releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup import config as backup_config, units
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.config import Config
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.make import make
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.restic import Restic
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.restore import look, restore
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import BACKING_SERVICES


def wanted(app: App, params: dict[str, t.Any]) -> tuple[Config, str]:
    """What the host is to know, and the password."""
    given = {**defaults(BACKUP), **{name: value for name, value in json.loads(params["config"]).items() if value is not None}}
    given["keep"] = {**defaults(RETENTION), **(given["keep"] or {})}
    password = given.pop("password")
    given.pop("hosts")
    return t.cast(Config, {**given, "host": params["host"], "period": units.period(app, given["schedule"])}), password


def configure(app: App, params: dict[str, t.Any], check_mode: bool) -> bool:
    """Whether anything changes."""
    if not app.exists:
        # In check mode, on a host that has nothing yet.
        return True
    config, password = wanted(app, params)
    if check_mode:
        return backup_config.differs(app.paths, config, password)
    written = backup_config.write(app.paths, config, password)
    return units.write(app, config["schedule"], BACKING_SERVICES) or written


def remove(app: App, check_mode: bool) -> bool:
    """Whether there was anything."""
    there = os.path.exists(app.paths.backup_config) or os.path.exists(f"{app.paths.units}/{app.paths.backup_unit}.timer")
    if not check_mode:
        backup_config.remove(app.paths)
        units.remove(app)
    return there


def listed(app: App) -> dict[str, t.Any]:
    config = backup_config.read(app.paths)
    return {"changed": False, "host": config["host"], "snapshots": Restic(app.paths, config).snapshots()}


def dispatch(app: App, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    action = params["action"]
    if action == "configure":
        return {"changed": configure(app, params, check_mode)}
    if action == "remove":
        return {"changed": remove(app, check_mode)}
    if action == "list":
        return listed(app)
    if action == "make":
        changed = bool(params["config"]) and configure(app, params, check_mode)
        if check_mode:
            # What it would need is there: the repository answers, or can be made. Where backups are only about to be set up, nobody can ask it yet.
            if not changed and os.path.exists(app.paths.backup_config):
                Restic(app.paths, backup_config.read(app.paths)).exists()
            return {"changed": True}
        if params["before"] and not app.live:
            # Where nothing was live yet there is nothing to go back to; and nobody is to take an empty database for the last backup.
            return {"changed": changed}
        return {"changed": True, "backup": make(app, params["before"])}
    if check_mode:
        dummy, snapshot, code = look(app, params["snapshot"])
        return {"changed": True, "snapshot": snapshot, "release": code or app.live, "previous": app.live}
    return {"changed": True, **restore(app, params["snapshot"], params["by"])}


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    app = None
    try:
        app = App(params["name"])
        return dispatch(app, params, check_mode)
    except (HostError, releases.ReleaseError, BuildError, OSError) as error:
        text = f"{params['name']}: {said(error).replace(' and deploy again', '')}"
        return {"failed": True, "msg": app.secrets.mask(text) if app else text}
