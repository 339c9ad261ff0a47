# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup: databases by their tools, then all of it as one snapshot, which is read again before it counts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup import config as backup_config
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.config import Config, Good
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds import KINDS
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.sqlite import BESIDE
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.restic import Restic
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now
from ansible_collections.pyweb.stack.plugins.module_utils._host.lock import locked

# Of the manifest that lies in each backup.
SCHEMA = 1
# Seconds that another backup or restore of the application is waited for.
PATIENCE = 3600.0
# A dump up to this size, in bytes, is read back whole.
SAMPLE = 2 ** 28


class Manifest(t.TypedDict, total=False):
    """manifest.json of a backup."""

    schema: int
    app: str
    host: str
    time: str
    release: str | None  # which was live
    before: str | None  # which migrated next
    paths: list[str] | None  # below shared/; None: all of it
    dumps: list[Dump]
    accounts: dict[str, list[int]]  # users and groups of the application on the host that was backed up


@contextlib.contextmanager
def alone(app: App, wait: float = PATIENCE) -> t.Iterator[None]:
    """No two backups or restores of an application at a time. Raises HostError after C(wait) seconds."""
    def busy() -> str:
        return f"another backup or restore of {app.name} still runs on this host; wait until it is done."

    with locked(app.system, app.paths.backup_lock, wait, busy, pause=0.5):
        yield


def give_way(app: App) -> None:
    """Visitors go before: this process and what it starts take processor and disk when nobody else wants them."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 19)
    app.system.run(["ionice", "-c", "3", "-p", str(os.getpid())])


def accounts(app: App) -> dict[str, list[int]]:
    """Numbers of users and groups, by their names."""
    user, builder = app.system.account(app.paths.user), app.system.account(app.paths.build_user)
    return {"users": [user.pw_uid, builder.pw_uid], "groups": [user.pw_gid, builder.pw_gid, app.system.group(app.paths.web_group)]}


def digest(path: str) -> str:
    found = hashlib.sha256()
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        while chunk := file.read(2 ** 20):
            found.update(chunk)
    return found.hexdigest()


def literal(path: str) -> str:
    """As a pattern of restic that means this path alone."""
    return re.sub(r"([\\*?\[])", r"\\\1", path)


def places(app: App, config: Config) -> list[str]:
    """What is backed up of shared/, absolute; what nobody has made yet is left out."""
    wanted = config["paths"]
    found = [app.paths.shared] if wanted is None else [f"{app.paths.shared}/{path}" for path in wanted]
    return [path for path in found if os.path.lexists(path)]


def dumps(app: App, config: Config) -> list[Dump]:
    """Every database, as a file in the directory for work."""
    made: list[Dump] = []
    for kind, kind_class in KINDS.items():
        databases = kind_class(app.paths, app.system, config["env"])
        for number, name in enumerate(databases.names(config.get(kind), places(app, config))):
            file = f"{kind}/{number}-{re.sub(r'[^A-Za-z0-9_.-]', '_', os.path.basename(name))}"
            path = f"{app.paths.backup_work}/{file}"
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            more = databases.dump(name, path)
            if kind == "sqlite":
                more["mode"] = f"{os.stat(f'{app.paths.shared}/{name}').st_mode & 0o777:o}"
            made.append({"kind": kind, "name": name, "file": file, "bytes": os.path.getsize(path), "sha256": digest(path), "more": more})
    return made


def repository(app: App, config: Config, restic: Restic) -> None:
    """It is there, or it is made now; but not where the last good backup should be and is not, as on a disk that is not mounted."""
    if restic.exists():
        restic.unlock()
        return
    known = backup_config.state(app.paths)
    if known.get("last") and known.get("repository") == restic.repository:
        raise HostError(f"there is no repository at {restic.repository}, where the backup of {known['last']['time']} is: is its disk mounted? "
                        f"For a new one there, remove {app.paths.backup_state}.")
    restic.make()


def verify(app: App, restic: Restic, snapshot: str, made: list[Dump], manifest: str) -> None:
    """What was written can be read: the manifest, and a dump of a bearable size."""
    wanted = {manifest: digest(manifest)}
    small = [dump for dump in made if dump["bytes"] <= SAMPLE]
    if small:
        chosen = random.choice(small)
        wanted[f"{app.paths.backup_work}/{chosen['file']}"] = chosen["sha256"]
    for path, expected in wanted.items():
        if restic.digest(snapshot, path) != expected:
            raise HostError(f"{os.path.basename(path)} of the new backup {snapshot} is not what was written: {restic.repository} is damaged.")


def _make(app: App, config: Config, before: str | None) -> Good:
    begun, moment, live = app.system.monotonic(), now(), app.live
    work, restic = app.paths.backup_work, Restic(app.paths, config)
    repository(app, config, restic)
    shutil.rmtree(work, ignore_errors=True)
    # The application's user reaches its own part of it, and lists nothing.
    os.mkdir(work, 0o711)
    os.chmod(work, 0o711)
    made = dumps(app, config)
    manifest: Manifest = {"schema": SCHEMA, "app": app.name, "host": config["host"], "time": moment, "release": live, "before": before,
                          "paths": config["paths"], "dumps": made, "accounts": accounts(app)}
    with open(f"{work}/manifest.json", "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
    copied = [f"{app.paths.shared}/{dump['name']}" for dump in made if dump["kind"] == "sqlite"]
    exclude = [*config["exclude"], *(literal(f"{path}{end}") for path in copied for end in ("", *BESIDE))]
    tags = [*([f"release={live}"] if live else []), *([f"before={before}"] if before else [])]
    snapshot, size = restic.backup(config["host"], tags, exclude, [work, *places(app, config)])
    verify(app, restic, snapshot, made, f"{work}/manifest.json")
    return {"snapshot": snapshot, "time": moment, "seconds": round(app.system.monotonic() - begun, 1), "bytes": size, "release": live, "before": before}


def make(app: App, before: str | None = None) -> Good:
    """Make a backup, with C(before) the one that belongs to a migration. It is on record, as is a failure.

    Raises HostError in one sentence.
    """
    if not app.exists:
        raise HostError(f"{app.name} is not set up on this host.")
    config = backup_config.read(app.paths)
    with alone(app):
        give_way(app)
        known = backup_config.state(app.paths)
        try:
            good = _make(app, config, before)
            restic = Restic(app.paths, config)
            known = {"repository": restic.repository, "last": good, "failure": None}
            backup_config.remember(app.paths, known)
            # A deploy waits for the backup alone.
            if not before:
                tidy(app, config, restic)
        except (HostError, BuildError, OSError) as error:
            why = app.secrets.mask(said(error).replace(" and deploy again", "")).split("\n", 1)[0]
            # On a full disk there is no room for it either; the unit has failed all the same.
            with contextlib.suppress(OSError):
                backup_config.remember(app.paths, {**known, "failure": {"time": now(), "error": why}})
            raise HostError(why) from error
        finally:
            shutil.rmtree(app.paths.backup_work, ignore_errors=True)
    return good


def tidy(app: App, config: Config, restic: Restic) -> None:
    """The repository is sound, and old backups go. Those from before a migration stay as long as their release does."""
    restic.check()
    restic.forget(config["host"], [f"before={release}" for release in app.store.manifests()])
