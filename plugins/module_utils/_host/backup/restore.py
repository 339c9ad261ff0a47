# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's data as it was at a backup, in place of what is there; and of a backup before a migration its release, too."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup import config as backup_config
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.config import Config
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds import KINDS
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump, Kind
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.sqlite import BESIDE
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.make import Manifest, accounts, alone, digest
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.restic import Restic, Snapshot
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now, read_json, sync_file_systems
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import check_schema
from ansible_collections.pyweb.stack.plugins.module_utils._host.releases import GOOD

BEFORE = "before"


def chosen(snapshots: list[Snapshot], wanted: str, host: str, app: str) -> Snapshot:
    """The one that is meant: C(latest) of this host, C(before) or C(before:<release>), or an id. Raises HostError when there is none."""
    if not snapshots:
        raise HostError(f"there is no backup of {app} yet: {backup_config.first(app)}.")
    own = [item for item in snapshots if item["host"] == host]
    if wanted == "latest":
        if own:
            return own[-1]
        others = sorted({item["host"] for item in snapshots})
        raise HostError(f"there is no backup of {app} from {host}; there are those of {', '.join(others)}: name one of them by its id.")
    if wanted == BEFORE or wanted.startswith(f"{BEFORE}:"):
        release = wanted.partition(":")[2]
        found = [item for item in own if item["before"] and release in ("", item["before"])]
        if not found:
            raise HostError(f"there is no backup of {app} from {host} that was made before {release or 'a release'} migrated.")
        return found[-1]
    found = [item for item in snapshots if len(wanted) >= 4 and (item["id"].startswith(wanted) or wanted.startswith(item["id"]))]
    if len(found) != 1:
        raise HostError(f"snapshot is {wanted!r}: latest, before, before:<release> or an id that pyweb.stack.backups shows is needed.")
    return found[0]


def target(app: App, snapshot: Snapshot, wanted: str) -> str | None:
    """The release that comes back with the data of a backup before a migration; None where the live one stays."""
    release = snapshot["release"]
    if not wanted.startswith(BEFORE) or not release or release == app.live:
        return None
    if app.store.manifest(release).get("state") not in (*GOOD, "bad") or not os.path.isdir(app.paths.release(release)):
        raise HostError(f"release {release}, which the data of backup {snapshot['id']} belongs to, is no longer on this host: "
                        f"name the backup by its id to restore its data alone.")
    return release


class Restore:
    """Of one snapshot. Everything that may fail comes before the application stops, as far as it can."""

    def __init__(self, app: App, config: Config, snapshot: Snapshot, code: str | None):
        self.app = app
        self.paths = app.paths
        self.config = config
        self.restic = Restic(app.paths, config)
        self.snapshot = snapshot
        self.code = code
        self.manifest: Manifest = {}
        # Where the files of shared/ lie that come.
        self.shared = f"{self.paths.restored}{self.paths.shared}"
        self.work = f"{self.paths.restored}{self.paths.backup_work}"
        # Of shared/, what was moved aside and what was moved in, in this order.
        self.left: list[str] = []
        self.come: list[str] = []
        self.databases: list[tuple[Kind, Dump, str]] = []

    # --- beside what is there -------------------------------------------------------------------------------------------

    def fetch(self) -> None:
        """All that the snapshot holds, beside shared/, with the accounts of this host; and databases beside those that are there."""
        if os.stat(self.paths.shared).st_dev != os.stat(self.paths.path).st_dev:
            raise HostError(f"{self.paths.shared} is a file system of its own: mount that one at {self.paths.path}, so that restored data can be moved there.")
        self._room()
        for path in (self.paths.restored, self.paths.aside):
            if path == self.paths.aside and os.path.isdir(path) and os.listdir(path):
                raise HostError(f"{path} has what a restore that did not end has put aside: move it back to {self.paths.shared}, or remove it.")
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path, 0o700)
        self.restic.restore(self.snapshot["id"], self.paths.restored)
        self.manifest = read_json(f"{self.work}/manifest.json", {})
        if self.manifest.get("app") != self.app.name:
            raise HostError(f"backup {self.snapshot['id']} is one of {self.manifest.get('app') or 'something else'}, not of {self.app.name}.")
        check_schema(t.cast("dict[str, t.Any]", self.manifest), f"manifest.json of backup {self.snapshot['id']}")
        for dump in self.manifest["dumps"]:
            if digest(f"{self.work}/{dump['file']}") != dump["sha256"]:
                raise HostError(f"{dump['kind']} {dump['name']} in backup {self.snapshot['id']} is not what was written: {self.restic.repository} is damaged.")
        self._adapt()
        for dump in self.manifest["dumps"]:
            kind = KINDS[dump["kind"]](self.paths, self.app.system, self.config["env"])
            # Known before anything of it begins, so that undo() ends it.
            self.databases.append((kind, dump, f"{self.work}/{dump['file']}"))
            kind.prepare(dump, f"{self.work}/{dump['file']}")
        sync_file_systems([self.paths.restored])

    def _room(self) -> None:
        needed, disk = self.restic.size(self.snapshot["id"]), os.statvfs(self.paths.path)
        free = disk.f_bavail * disk.f_frsize
        if needed * 1.05 > free:
            raise HostError(f"the disk is full: backup {self.snapshot['id']} needs {needed // 1000000 + 1} MB beside what is there, and {free // 1000000} MB "
                            f"are free at {self.paths.path}.")

    def _adapt(self) -> None:
        """Owners by the numbers of this host: those of the application are others where it was set up anew."""
        before, here = self.manifest["accounts"], accounts(self.app)
        users, groups = dict(zip(before["users"], here["users"])), dict(zip(before["groups"], here["groups"]))
        if all(old == new for old, new in [*users.items(), *groups.items()]):
            return
        for root, dirs, files in os.walk(self.shared):
            for name in [".", *files, *dirs]:
                path = root if name == "." else f"{root}/{name}"
                there = os.lstat(path)
                os.chown(path, users.get(there.st_uid, there.st_uid), groups.get(there.st_gid, there.st_gid), follow_symlinks=False)
                if stat.S_ISDIR(there.st_mode):
                    os.chmod(path, stat.S_IMODE(there.st_mode))

    # --- the application is at rest -------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Nobody writes any more: processes, jobs and one-off commands have ended."""
        self.app.end()
        self.app.system.run(["systemctl", "stop", f"pyweb.{self.app.name}.run-*.service"])

    def start(self, release: str | None) -> None:
        """Raises HostError when it is not well."""
        if release:
            self.app.processes.start(release, list(self.app.store.instances(release)))
            self.app.jobs.schedule(release)
            self.app.checks.ready(release)
            self.app.checks.through_nginx(release)

    def items(self) -> list[str]:
        """Paths below shared/ that the snapshot decides about: all of it, or what it was made of."""
        if self.manifest["paths"] is None:
            return sorted({*os.listdir(self.paths.shared), *(os.listdir(self.shared) if os.path.isdir(self.shared) else [])})
        copied = [dump["name"] for dump in self.manifest["dumps"] if dump["kind"] == "sqlite"]
        alone_there = [path for path in copied if not any(path == top or path.startswith(f"{top}/") for top in self.manifest["paths"] or [])]
        return [*self.manifest["paths"], *(f"{path}{end}" for path in alone_there for end in ("", *BESIDE))]

    def swap(self) -> None:
        for item in self.items():
            there, comes, aside = f"{self.paths.shared}/{item}", f"{self.shared}/{item}", f"{self.paths.aside}/{item}"
            parent = os.path.dirname(there)
            if os.path.realpath(parent) != os.path.normpath(f"{os.path.realpath(self.paths.shared)}/{os.path.dirname(item)}"):
                raise HostError(f"{parent} is a link: what is restored has to lie in {self.paths.shared} itself.")
            if os.path.lexists(there):
                os.makedirs(os.path.dirname(aside), mode=0o700, exist_ok=True)
                os.rename(there, aside)
                self.left.append(item)
            if os.path.lexists(comes):
                self._parents(item)
                os.rename(comes, there)
                self.come.append(item)
        for kind, dump, file in self.databases:
            kind.swap(dump, file)

    def _parents(self, item: str) -> None:
        """Directories that lead to it, the application's."""
        account, way = self.app.system.account(self.paths.user), self.paths.shared
        for part in item.split("/")[:-1]:
            way = f"{way}/{part}"
            if not os.path.isdir(way):
                os.mkdir(way, 0o700)
                os.chown(way, account.pw_uid, account.pw_gid)

    def undo(self) -> list[str]:
        """All is as it was before. Returns what could not be put back; nothing when all could."""
        faults: list[str] = []
        for item in reversed(self.come):
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(f"{self.shared}/{item}"), exist_ok=True)
                os.rename(f"{self.paths.shared}/{item}", f"{self.shared}/{item}")
        for item in reversed(self.left):
            try:
                os.rename(f"{self.paths.aside}/{item}", f"{self.paths.shared}/{item}")
            except OSError as error:
                faults.append(f"{self.paths.aside}/{item} ({error.strerror})")
        for kind, dump, dummy in self.databases:
            try:
                kind.undo(dump)
            except (HostError, OSError) as error:
                faults.append(str(error))
        return faults

    # --- all of it ------------------------------------------------------------------------------------------------------

    def run(self, by: str) -> None:
        app, live = self.app, self.app.live
        stopped = False
        try:
            self.fetch()
            stopped = True
            self.stop()
            self.swap()
            if self.code:
                app.traffic.main.lead_to(self.code)
            self.start(self.code or live)
        except BaseException as error:
            self._back(error, live, stopped)
            raise
        if self.code:
            self._record(by, live)
        for kind, dump, dummy in self.databases:
            kind.finish(dump)
        self.clean()

    def _back(self, error: BaseException, live: str | None, stopped: bool) -> None:
        """Raises HostError when not all is as it was before."""
        if stopped:
            with contextlib.suppress(HostError):
                self.stop()
        faults = self.undo()
        if stopped:
            try:
                if self.app.live != live:
                    self.app.traffic.main.lead_to(live)
                self.start(live)
            except HostError as fault:
                faults.append(str(fault).split("\n", 1)[0])
        if faults:
            raise HostError(f"{said(error)}\nAnd after that, not all could be put back as it was: {'; '.join(faults)}") from error
        self.clean()

    def _record(self, by: str, live: str | None) -> None:
        """As after a rollback: nobody goes back to the release that was left."""
        code = self.code or ""
        self.app.store.update(code, state="active", activated=now(), error=None)
        self.app.store.record("rollback", {"release": code, "from": live, "action": "rollback", "by": by, "since": now()})
        if live:
            self.app.store.update(live, state="bad", ended=now(), error=f"its data was taken back to backup {self.snapshot['id']}")

    def clean(self) -> None:
        for path in (self.paths.restored, self.paths.aside):
            shutil.rmtree(path, ignore_errors=True)


def look(app: App, wanted: str) -> tuple[Config, Snapshot, str | None]:
    """What a restore would do. Raises HostError when it could not even begin."""
    if not app.exists:
        raise HostError(f"{app.name} is not set up on this host: ansible-playbook pyweb.stack.site does that, and then its data can be restored.")
    config = backup_config.read(app.paths)
    restic = Restic(app.paths, config)
    if not restic.exists():
        raise HostError(f"there is no backup of {app.name} yet, as there is no repository at {restic.repository}: mount the disk that it should be on, "
                        f"or {backup_config.first(app.name)}.")
    snapshot = chosen(restic.snapshots(), wanted, config["host"], app.name)
    return config, snapshot, target(app, snapshot, wanted)


def restore(app: App, wanted: str, by: str) -> dict[str, t.Any]:
    """Put the data of a snapshot in place of what is there. Raises HostError in one sentence; all is as it was then."""
    config, snapshot, code = look(app, wanted)
    lease = app.lock.lease()
    if lease and lease["until"] > time.time():
        raise HostError(f"{lease['by']} has been deploying since {lease['since']}: wait for it to end, or release the deploy lock of a crashed "
                        f"run by ansible-playbook pyweb.stack.unlock -e app={app.name}.")
    with alone(app, 5.0), app.lock.hold(None):
        live = app.live
        Restore(app, config, snapshot, code).run(by)
    return {"snapshot": snapshot, "release": app.live, "previous": live}
