# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module release_info does: what is deployed, and what the source has to offer."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import identity
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.builder import Builder
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import find_python, minor
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now, read_json
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import own_key


def missing(packages: list[str]) -> list[str]:
    if not packages:
        return []
    done = subprocess.run(["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", "--", *packages],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    installed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("installed ")}
    return [name for name in packages if name not in installed]


def look(app: App, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    live = app.live if app.exists else None
    switch = app.store.switch()
    damaged = live is not None and bool(app.contents.damage(live))
    info: dict[str, t.Any] = {
        "exists": app.exists, "live": live, "running": live is not None and not damaged and app.processes.active(live) and app.checks.answers(live),
        "releases": app.store.manifests(), "history": app.store.history(),
        "lease": app.lock.lease(), "switch": {**switch, "until": app.guard.due()} if switch else None,
        "now": now(), "directories": all(os.path.isdir(path) for path in (app.paths.releases, app.paths.shared)),
    }
    if damaged and live in info["releases"]:
        # It is built anew, and nothing is made from it.
        info["releases"][live]["state"] = "damaged"
    if not params["source"]:
        return info
    # Before anything is fetched.
    another = identity.fault(app.name, identity.noted(read_json(app.paths.identity)), identity.of_source(params["source"]), params["domains"])
    if another:
        raise HostError(another)
    source = Builder(app.name, app.paths.path, {**params, "source": own_key(app.paths.config, params["source"])}).source
    info["version"] = source.version
    ready, user = app.exists, f"{app.name}-build"
    try:
        app.system.account(user)
    except KeyError:
        ready, user = False, "nobody"
    if not ready and not check_mode:
        raise HostError(f"{app.name} is not set up on this host: run the playbook site (or provision) first.")
    if source.kind != "repo":
        info["revision"] = source.resolve()
    elif not ready or (check_mode and not shutil.which("git")):
        info["revision"] = None
    else:
        info["revision"] = app.system.as_user(f"{app.name}-build", source.remote if check_mode else source.resolve)
        old = info["releases"].get(live or "", {})
        if old.get("revision") and old.get("kind", "repo") == "repo" and not check_mode:
            info["pending"] = app.system.as_user(f"{app.name}-build", lambda: source.between(old["revision"], info["revision"]))
    try:
        # It runs the interpreter, which may lie where others than root can write.
        python, python_version = app.system.as_user(user, lambda: find_python(params["python"]))
    except (BuildError, OSError):
        if not check_mode:
            raise
        python = python_version = None
    info["missing_packages"] = missing(params["system_packages"])
    info["platform"] = f"{minor(python_version or '')} {platform.machine()}"
    info["wanted"] = {
        "config_digest": params["config_digest"], "python": python, "python_version": python_version,
        # A secrets file that somebody removed is written again, and one that a deploy which then failed has left: the next start would read it.
        "secrets_digest": app.secrets.digest_with(params["secrets"], params["files"]) if app.secrets.written(params["secrets"]) else None,
    }
    return info


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    try:
        return {"changed": False, **look(App(params["name"]), params, check_mode)}
    except (HostError, BuildError) as error:
        return {"failed": True, "msg": f"{params['name']}: {error}"}
