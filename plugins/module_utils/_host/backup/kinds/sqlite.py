# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite, by its own online backup: a copy of the file alone may be torn, and lacks what lies in its log."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t
import urllib.parse

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

SUFFIXES = (".sqlite3", ".sqlite", ".db")
MAGIC = b"SQLite format 3\0"
# What SQLite keeps beside a database.
BESIDE = ("-wal", "-shm", "-journal")
# Seconds that a writer is waited for.
PATIENCE = 60.0
# Pages in one step of a copy that lets writers in between, its pause in seconds, and after how many fresh starts it no longer does.
PAGES, PAUSE, RESTARTS = 2000, 0.01, 5


class Restarted(Exception):
    """Writers do not let a copy in steps come to its end."""


def is_database(path: str) -> bool:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.read(descriptor, len(MAGIC)) == MAGIC
        finally:
            os.close(descriptor)
    return False


def find(places: list[str]) -> list[str]:
    """Paths of all databases in these files and directories."""
    found = [place for place in places if place.endswith(SUFFIXES) and is_database(place)]
    for place in places:
        for root, dummy, names in os.walk(place):
            found += [f"{root}/{name}" for name in names if name.endswith(SUFFIXES) and is_database(f"{root}/{name}")]
    return sorted(set(found))


def copy(source: str, target: str) -> str:
    """A whole and sound copy of a database that others write to. Returns what is wrong with it; nothing when all is well."""
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"file:{urllib.parse.quote(source)}?mode=rw", uri=True, timeout=PATIENCE)) as database:
            # With a log, readers and writers do not wait for each other. Otherwise whoever copies lets writers in between, as long as he gets on.
            steps = -1 if database.execute("PRAGMA journal_mode").fetchone()[0] == "wal" else PAGES
            try:
                _copy(database, target, steps)
            except Restarted:
                _copy(database, target, -1)
        with contextlib.closing(sqlite3.connect(target)) as made:
            wrong: str = made.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if wrong == "ok" else f"is damaged: {wrong.splitlines()[-1]}"
    except sqlite3.Error as error:
        return f"cannot be copied: {error}"


def _copy(database: t.Any, target: str, steps: int) -> None:
    import sqlite3

    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    left, restarts = [0], [0]

    def progress(dummy: int, remaining: int, total: int) -> None:
        restarts[0] += int(remaining > left[0] > 0)
        left[0] = remaining
        if restarts[0] > RESTARTS:
            raise Restarted

    with contextlib.closing(sqlite3.connect(target)) as made:
        database.backup(made, pages=steps, progress=progress, sleep=PAUSE)


class SQLite:
    """Files of shared/. All is done as the application's user: root must not follow what that has put there."""

    def __init__(self, paths: Layout, system: System, env: dict[str, str]):
        self.paths = paths
        self.system = system

    def names(self, wanted: list[str] | None, places: list[str]) -> list[str]:
        if wanted is not None:
            return wanted
        found: list[str] = self.system.as_user(self.paths.user, lambda: find(places))
        return [os.path.relpath(path, self.paths.shared) for path in found]

    def dump(self, name: str, file: str) -> dict[str, str]:
        source, account = f"{self.paths.shared}/{name}", self.system.account(self.paths.user)
        directory = os.path.dirname(file)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.chown(directory, account.pw_uid, account.pw_gid)
        try:
            wrong = self.system.as_user(self.paths.user, lambda: copy(source, file))
        except BuildError as error:
            wrong = f"cannot be copied: {error}"
        os.chown(directory, 0, 0)
        if wrong:
            full = "the disk is full: free some space" if "full" in wrong else wrong
            raise HostError(f"{source} {full}." if full == wrong else f"{source}: {full}.")
        return {}

    # A file like others: it comes and goes with those of shared/.

    def prepare(self, dump: Dump, file: str) -> None:
        """The copy lies where the file of the release is looked for, with the rights that SQLite gives."""
        place, account = f"{self.paths.restored}{self.paths.shared}/{dump['name']}", self.system.account(self.paths.user)
        way = self.paths.restored
        for part in os.path.relpath(os.path.dirname(place), way).split("/"):
            way = f"{way}/{part}"
            if not os.path.isdir(way):
                os.mkdir(way, 0o700)
                os.chown(way, account.pw_uid, account.pw_gid)
        os.rename(file, place)
        os.chown(place, account.pw_uid, account.pw_gid)
        os.chmod(place, int(dump["more"].get("mode", "640"), 8))

    def swap(self, dump: Dump, file: str) -> None:
        pass

    def undo(self, dump: Dump) -> None:
        pass

    def finish(self, dump: Dump) -> None:
        pass
