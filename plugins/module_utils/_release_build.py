# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module release_build does: one release, beside the live one."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd

from ansible_collections.pyweb.stack.plugins.module_utils import _engine, _hooks, _processes, _prune, _releases, _step
from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.builder import Builder
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import is_shared, make_shared
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import find_python
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import own_key

# What a release that is copied has in common with the one that it was copied from.
COPIED = ("environment", "lock_digest", "python", "python_version", "lock")


def build_digest(params):
    """What a build is made from. Configuration that only processes see is not part of it, nor is a password in an address."""
    dependencies = params["dependencies"] or {}
    material = {name: params[name] for name in ("revision", "python", "server_packages", "build_env", "build", "shared", "static")}
    material["dependencies"] = {name: json.loads(without_password(json.dumps(value))) for name, value in dependencies.items()}
    material["hooks"] = {phase: _hooks.commands(params["hooks"], phase) for phase in ("after_fetch", "before_build", "after_build")}
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


def donor_of(app, params, digest):
    if params["force"]:
        return None
    # As who builds: it runs the interpreter, which may lie where others than root can write.
    python = _step.as_user(f"{app.name}-build", lambda: find_python(params["python"]))[0]
    return _releases.donor(app.manifests(), digest, python)


def bytecode_of(app, params):
    """The live release, if it has the same Python."""
    live = app.live
    if not live:
        return None
    python, version = _step.as_user(f"{app.name}-build", lambda: find_python(params["python"]))
    manifest = app.manifest(live)
    return app.release_path(live) if (manifest.get("python"), manifest.get("python_version")) == (python, version) else None


def find_lock(app, params):
    """The lock of this release, or of the build that it will be a copy of; else what the source says now. None when that has to be sent first."""
    release = _releases.valid_id(params["release"])
    if app.manifest(release).get("state") not in ("built", *_releases.GOOD):
        release = donor_of(app, params, build_digest(params))
    found = app.manifest(release).get("lock") if release else None
    builder = Builder(app.name, app.path, {**params, "source": own_key(app.config_path, params["source"])})
    if not found and builder.source.missing(params["revision"]):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])

    def read():
        if not found:
            return builder.lock(params["revision"])
        with open(f"{app.release_path(release)}/.venv/pyweb-lock.txt", encoding="utf-8") as file:
            return {**found, "text": file.read()}

    return _step.as_user(f"{app.name}-build", read)


def read_procfile(name, target, wanted):
    """What the source itself says that runs."""
    defined, path = wanted.get("defined") or [], f"{target}/Procfile"

    def read():
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(2 ** 20)

    text = _step.as_user(f"{name}-build", read)
    try:
        found = _processes.procfile(text or "", defined)
    except _processes.AppsError as error:
        raise _step.BuildError(str(error)) from None
    if not defined and not found["processes"]:
        raise _step.BuildError(f"pyweb_apps.{name}.processes is empty, and the source has no Procfile with a process: define at least one.")
    if wanted.get("web") and "web" not in (*defined, *found["processes"]):
        raise _step.BuildError(f"pyweb_apps.{name}.site has nothing to serve: define pyweb_apps.{name}.processes.web, or a line web in the Procfile.")
    return found


def make(app, params):
    """The manifest of the release; none when the controller has to send the source first."""
    release, revision = _releases.valid_id(params["release"]), params["revision"]
    target = app.release_path(release)
    if app.manifest(release).get("state") in ("built", *_releases.GOOD):
        return app.manifest(release)
    if os.path.lexists(target):
        raise _engine.EngineError(f"{target} is there already: no two builds write into one directory, deploy again for a new id.")
    for other, manifest in app.manifests().items():
        if manifest.get("state") == "building":
            app.update_manifest(other, state="failed", error="its build was cut short.")
    if _prune.free(app) < params["keep_free"]:
        _prune.prune(app, params)
    digest = build_digest(params)
    donor = donor_of(app, params, digest)
    builder = Builder(app.name, app.path, {**params, "source": own_key(app.config_path, params["source"])})
    if not donor and builder.source.missing(revision):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])
    app.update_manifest(
        release, schema=1, app=app.name, release=release, state="building", created=_engine.now(), revision=revision,
        **builder.source.facts(), by=params["lease"]["by"], config_digest=params["config_digest"], build_digest=digest, static=params["static"],
    )
    account = pwd.getpwnam(f"{app.name}-build")
    owner = pwd.getpwnam(app.name)
    os.mkdir(target, 0o751)
    os.chmod(target, 0o751)
    os.chown(target, account.pw_uid, account.pw_gid)
    if params["shared"]:
        media = [directory for directory in params["static"].values() if is_shared(directory, params["shared"])]
        web = grp.getgrnam(f"{app.name}-web").gr_gid if media else -1
        _step.as_user(owner.pw_name, lambda: make_shared(app.shared, params["shared"], media, web))
    run_path = f"{app.run_path}/{release}"
    try:
        if donor:
            facts = _step.as_user(account.pw_name, lambda: builder.copy(app.release_path(donor), target, run_path))
            facts = {**{name: app.manifest(donor)[name] for name in COPIED if name in app.manifest(donor)}, **facts, "build_of": donor}
        else:
            before = bytecode_of(app, params)
            facts = _step.as_user(account.pw_name, lambda: builder.build(revision, release, target, run_path, app.shared, before))
        if params["procfile"]:
            facts["procfile"] = read_procfile(app.name, target, params["procfile"])
        app.write_launcher(release, revision, "".join(f"{name}={value}\0" for name, value in sorted(params["env"].items())))
        secrets_digest = app.write_secrets(params["secrets"])
    except (_step.BuildError, OSError) as error:
        # On a full disk not even that: the next build notes it.
        with contextlib.suppress(OSError):
            app.update_manifest(release, state="failed", error=app.mask(_engine.said(error)).split("\n", 1)[0], ended=_engine.now())
        raise
    return app.update_manifest(release, state="built", secrets_digest=secrets_digest, **facts)


def run(params, check_mode=False):
    release = {"release": params["release"]}
    if check_mode:
        return {"changed": not params["lock_only"], **release, **({"lock": {}} if params["lock_only"] else {})}
    app = None
    try:
        app = _engine.App(params["name"])
        with app.lock(params["lease"]):
            try:
                if params["lock_only"]:
                    lock = find_lock(app, params)
                    return {"changed": False, **release, **({"lock": lock} if lock else {})}
                manifest = make(app, params)
            except Exception:
                app.drop_lease(params["lease"]["token"])
                raise
        return {"changed": bool(manifest), **release, "manifest": manifest}
    except (_engine.EngineError, _step.BuildError, _releases.ReleaseError, OSError) as error:
        fault = f"{params['name']}: release {params['release']} was not built: {_engine.said(error)}"
        return {"failed": True, **release, "msg": app.mask(fault + _hooks.failure(app, params["hooks"], None, error)) if app else fault}
