# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies data of an application to another place, for another user, while it may be in use.

Reads as root, writes as that user, who owns the place: a link that it puts there leads nowhere that it could not write to itself.
A database of SQLite is copied by SQLite, whole as of one moment, into the one that is there: who has it open sees the new content.
A second copy brings only what has changed. Nothing is deleted.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sqlite3
import stat
import tempfile
import typing as t

_SQLITE = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
# Seconds for which the writers of a database are waited for.
BUSY = 20.0


@contextlib.contextmanager
def acting_as(user: str) -> t.Iterator[None]:
    """With the rights of a user, for files; whoever is no root is that user already."""
    if os.geteuid() != 0:
        yield
        return
    account = pwd.getpwnam(user)
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(user, account.pw_gid))
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    old = os.umask(0o027)
    try:
        yield
    finally:
        os.umask(old)
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def is_database(path: str) -> bool:
    """Is it a regular file that SQLite has made?"""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return file.read(16) == _SQLITE
    except OSError:
        return False


def _is_beside(path: str) -> bool:
    """Is it what SQLite keeps beside a database while it is in use?"""
    return any(path.endswith(end) and is_database(path.removesuffix(end)) for end in _BESIDE)


class Copier:
    """Copies for one user, and counts what it has copied."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.files = 0
        self.bytes = 0

    def copy(self, source: str, target: str) -> None:
        """A file or a directory with all that is in it. Raises OSError and sqlite3.Error."""
        if os.path.islink(source):
            self._link(source, target)
        elif os.path.isdir(source):
            with acting_as(self.user):
                os.makedirs(target, exist_ok=True)
            for name in sorted(os.listdir(source)):
                self.copy(os.path.join(source, name), os.path.join(target, name))
        elif is_database(source):
            self._database(source, target)
        elif not _is_beside(source):
            self._file(source, target)

    def _link(self, source: str, target: str) -> None:
        leads = os.readlink(source)
        with acting_as(self.user):
            if os.path.islink(target) and os.readlink(target) == leads:
                return
            if not os.path.lexists(target):
                os.symlink(leads, target)
                self.files += 1

    def _file(self, source: str, target: str) -> None:
        try:
            reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return  # gone since it was listed
        with os.fdopen(reading, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return
            with acting_as(self.user):
                with contextlib.suppress(OSError):
                    there = os.lstat(target)
                    if stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
                        return
                parent, name = os.path.split(target)
                handle, path = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=parent)
                try:
                    with os.fdopen(handle, "wb") as written:
                        shutil.copyfileobj(file, written, 1024 * 1024)
                    # Executable stays so; who else may read it is for the directory to say.
                    os.chmod(path, 0o640 | (0o110 if found.st_mode & stat.S_IXUSR else 0))
                    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
                    os.replace(path, target)
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                    raise
        self.files += 1
        self.bytes += found.st_size

    def _database(self, source: str, target: str) -> None:
        """By way of a copy of root's own: neither side gets at what only the other may touch, and no writer waits for the slower half."""
        with tempfile.TemporaryDirectory(prefix="pyweb-adopt-", dir="/var/tmp") as private:
            middle = sqlite3.connect(os.path.join(private, "copy"), timeout=BUSY)
            origin = sqlite3.connect(f"file:{_quoted(source)}?mode=rw", uri=True, timeout=BUSY)
            with contextlib.closing(middle), contextlib.closing(origin):
                origin.backup(middle)
                middle.execute("PRAGMA journal_mode=DELETE")
                size = os.path.getsize(os.path.join(private, "copy"))
                # Open for reading before the rights change.
                middle.execute("SELECT count(*) FROM sqlite_master").fetchone()
                with acting_as(self.user):
                    goal = sqlite3.connect(target, timeout=BUSY)
                    with contextlib.closing(goal):
                        middle.backup(goal)
        self.files += 1
        self.bytes += size


def _quoted(path: str) -> str:
    """A path in an address of SQLite."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
