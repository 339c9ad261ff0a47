# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module release_build does: one release, beside the live one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host import hooks, identity, progress, prune, releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.build import extra
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.builder import Builder
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.durable import durable
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.files import make_directory
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import is_shared, make_shared, missing
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import find_python
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import marked
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import SCHEMA
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import own_key

# What a release that is copied has in common with the one that it was copied from.
COPIED = ("environment", "lock_digest", "python", "python_version", "lock")


def build_digest(app: App, params: dict[str, t.Any]) -> str:
    """What a build is made from. Configuration that only processes see is not part of it, nor is a password in an address."""
    dependencies = params["dependencies"] or {}
    material = {name: params[name] for name in ("revision", "python", "server_packages", "build_env", "build", "shared", "static")}
    material["dependencies"] = {name: json.loads(without_password(json.dumps(value))) for name, value in dependencies.items() if name != "git"}
    directory = (params["source"] or {}).get("directory")
    if directory:
        material["directory"] = directory
    if params["files"]:
        # Keyed: they may have passwords.
        material["files"] = app.secrets.digest(json.dumps(extra.material(params["files"])))
    material["hooks"] = {phase: hooks.commands(params["hooks"], phase) for phase in ("after_fetch", "before_build", "after_build")}
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


def python_of(app: App, params: dict[str, t.Any]) -> tuple[str, str]:
    """The interpreter and its version, asked as who builds: it may lie where others than root can write."""
    found: tuple[str, str] = app.system.as_user(app.paths.build_user, lambda: find_python(params["python"]))
    return found


def as_builder(app: App, function: t.Callable[[], t.Any]) -> t.Any:
    """Run a part of the build as who builds, where those who wait can see what it is doing."""
    def watched() -> t.Any:
        with progress.kept(app.paths.progress):
            return function()

    return app.system.as_user(app.paths.build_user, watched)


def donor_of(app: App, params: dict[str, t.Any], digest: str, python: tuple[str, str]) -> str | None:
    """The release whose build is the one that is asked for; none when another one is wanted all the same."""
    if params["force"]:
        return None
    found = releases.donor(app.store.manifests(), digest, python)
    return found if found and app.contents.as_built(found) else None


def bytecode_of(app: App, python: str, version: str) -> str | None:
    """The live release, if it has the same Python."""
    live = app.live
    if not live or app.contents.damage(live):
        return None
    manifest = app.store.manifest(live)
    return app.paths.release(live) if (manifest.get("python"), manifest.get("python_version")) == (python, version) else None


def find_lock(app: App, params: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The lock of this release, or of the build that it will be a copy of; else what the source says now. None when that has to be sent first."""
    release: str | None = releases.valid_id(params["release"])
    if app.store.manifest(release or "").get("state") not in ("built", *releases.GOOD):
        release = donor_of(app, params, build_digest(app, params), python_of(app, params))
    found = app.store.manifest(release).get("lock") if release else None
    builder = Builder(app.name, app.paths.path, {**params, "source": own_key(app.paths.config, params["source"])})
    if not found and builder.source.missing(params["revision"]):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])

    def read() -> dict[str, t.Any]:
        if not found:
            return builder.lock(params["revision"])
        with open(f"{app.paths.release(release or '')}/.venv/pyweb-lock.txt", encoding="utf-8") as file:
            return {**found, "text": file.read()}

    lock: dict[str, t.Any] = as_builder(app, read)
    return lock


def read_procfile(app: App, target: str, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
    """What the source itself says that runs."""
    defined, path = wanted.get("defined") or [], f"{target}/Procfile"

    def read() -> str | None:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            content = file.read(2 ** 20)
        return content.decode(marked(content), errors="replace")

    text = app.system.as_user(app.paths.build_user, read)
    try:
        found = _processes.procfile(text or "", defined, wanted.get("hosts") or 1)
    except AppsError as error:
        raise BuildError(str(error)) from None
    if not defined and not found["processes"]:
        raise BuildError(f"pyweb_apps.{app.name}.processes is empty, and the source has no Procfile with a process: define at least one.")
    if wanted.get("web") and "web" not in (*defined, *found["processes"]):
        raise BuildError(f"pyweb_apps.{app.name}.site has nothing to serve: define pyweb_apps.{app.name}.processes.web, or a line web in the Procfile.")
    return found


def make(app: App, params: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[str]] | None:
    """What is to be recorded of the release once all of it is on the disk; none when the controller has to send the source first."""
    release, revision = releases.valid_id(params["release"]), params["revision"]
    target = app.paths.release(release)
    if os.path.lexists(target):
        raise HostError(f"{target} is there already: no two builds write into one directory, deploy again for a new id.")
    for other, manifest in app.store.manifests().items():
        if manifest.get("state") == "building":
            app.store.update(other, state="failed", error="its build was cut short.")
    if prune.free(app) < params["keep_free"]:
        prune.prune(app, params)
    app.secrets.make_key()
    digest = build_digest(app, params)
    python, version = python_of(app, params)
    donor = donor_of(app, params, digest, (python, version))
    builder = Builder(app.name, app.paths.path, {**params, "source": own_key(app.paths.config, params["source"])})
    if not donor and builder.source.missing(revision):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])
    app.store.update(
        release, schema=SCHEMA, app=app.name, release=release, state="building", created=now(), revision=revision,
        **builder.source.facts(), by=params["lease"]["by"], config_digest=params["config_digest"], build_digest=digest, static=params["static"],
        config={"build": params["build"], "build_env": sorted(params["build_env"]), "shared": params["shared"]},
    )
    account = app.system.account(app.paths.build_user)
    owner = app.system.account(app.paths.user)
    make_directory(app, release)
    media = [directory for directory in params["static"].values() if is_shared(directory, params["shared"])]
    web = app.system.group(app.paths.web_group) if media else -1
    run_path, files = app.paths.sockets(release), app.paths.files(release)
    try:
        extra.store(params["files"], files, app.store.own_group())
        notes, first = [], {}
        if donor:
            facts = app.system.as_user(account.pw_name, lambda: builder.copy(app.paths.release(donor), target, run_path, files))
            facts = {**{name: app.store.manifest(donor)[name] for name in COPIED if name in app.store.manifest(donor)}, **facts, "build_of": donor}
        else:
            before = bytecode_of(app, python, version)
            facts = as_builder(app, lambda: builder.build(revision, release, target, run_path, app.paths.shared, files, before))
            notes, first = facts.pop("notes"), facts.pop("brought")
        if params["shared"]:
            app.system.as_user(owner.pw_name, lambda: make_shared(app.paths.shared, params["shared"], media, web, target, first))
            notes += missing(app.paths.shared, params["shared"])
        if not donor:
            done = as_builder(app, lambda: builder.finish(revision, release, target, app.paths.shared))
            facts.update({name: done[name] for name in ("size", "contents")})
            notes += done["notes"]
            facts["durations"]["build"] = round(facts["durations"]["build"] + done["durations"]["build"], 3)
        if params["procfile"]:
            facts["procfile"] = read_procfile(app, target, params["procfile"])
        app.launcher.write(release, revision, "".join(f"{name}={value}\0" for name, value in sorted(params["env"].items())))
        app.secrets.write(params["secrets"])
        secrets_digest = app.secrets.digest_with(params["secrets"], params["files"])
    except (BuildError, OSError) as error:
        # On a full disk not even that: the next build notes it.
        with contextlib.suppress(OSError):
            app.store.update(release, state="failed", error=app.secrets.mask(said(error)).split("\n", 1)[0], ended=now())
        raise
    return {"secrets_digest": secrets_digest, **facts}, notes


def built(app: App, params: dict[str, t.Any]) -> tuple[dict[str, t.Any] | None, list[str]]:
    """The manifest of a release that is built, and what to tell; no manifest when the controller has to send the source first."""
    release = params["release"]
    if app.store.manifest(releases.valid_id(release)).get("state") in ("built", *releases.GOOD):
        return app.store.manifest(release), []
    with durable(app):
        made = make(app, params)
    if made is None:
        return None, []
    facts, notes = made
    # Now it is on the disk, and nobody is led to what is not.
    app.contents.note_whole(release)
    identity.add_source(app.paths.identity, app.name, identity.of_source(params["source"] or {}))
    return app.store.update(release, state="built", **facts), notes


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    release = {"release": params["release"]}
    if check_mode:
        return {"changed": not params["lock_only"], **release, **({"lock": {}} if params["lock_only"] else {})}
    app = None
    try:
        app = App(params["name"])
        with app.lock.hold(params["lease"]):
            try:
                if params["lock_only"]:
                    with durable(app):
                        lock = find_lock(app, params)
                    return {"changed": False, **release, **({"lock": lock} if lock else {})}
                manifest, notes = built(app, params)
            except Exception:
                app.lock.drop(params["lease"]["token"])
                raise
        warnings = [f"{app.name}: {note}" for note in notes]
        return {"changed": bool(manifest), **release, "manifest": manifest, **({"warnings": warnings} if warnings else {})}
    except (HostError, BuildError, releases.ReleaseError, OSError) as error:
        fault = f"{params['name']}: release {params['release']} was not built: {said(error)}"
        return {"failed": True, **release, "msg": app.secrets.mask(fault + hooks.failure(app, params["hooks"], None, error)) if app else fault}
