# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts a set of directories, files and links in place as one transaction.

What is there is read into `State` values, what is wanted into `Wanted` values;
`plan()` compares the two without touching anything, `Transaction` carries the plan out.
Before the first change the plan goes to a journal, so that a run that was killed
in the middle is put back by the next one.
"""

from __future__ import annotations

import base64
import dataclasses
import errno
import fcntl
import glob
import json
import os
import stat
import time
import typing as t

TEMPORARY_SUFFIX = ".pyweb-tmp"

ABSENT = "absent"
DIRECTORY = "directory"
FILE = "file"
LINK = "link"
OTHER = "other"


class ConfigFilesError(Exception):
    """One sentence for the user."""


@dataclasses.dataclass(frozen=True)
class State:
    """What is, or shall be, at a path."""

    kind: str
    uid: int = -1
    gid: int = -1
    mode: int = 0
    content: bytes = b""
    target: str = ""
    # Restored with the content, so that nobody takes a file that was put back for a changed one.
    mtime_ns: int = dataclasses.field(default=0, compare=False)

    def to_json(self) -> dict[str, t.Any]:
        fields = dataclasses.asdict(self)
        fields["content"] = base64.b64encode(self.content).decode("ascii")
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, t.Any]) -> State:
        return cls(**{**fields, "content": base64.b64decode(fields["content"])})


@dataclasses.dataclass(frozen=True)
class Wanted:
    path: str
    state: State
    owner: str = ""
    group: str = ""
    secret: bool = False


@dataclasses.dataclass(frozen=True)
class Step:
    wanted: Wanted
    before: State

    @property
    def path(self) -> str:
        return self.wanted.path

    @property
    def after(self) -> State:
        return self.wanted.state


def look(path: str) -> State:
    """Reads what is at path. A link at the last component is read, not followed."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return State(ABSENT)
    attributes = {"uid": found.st_uid, "gid": found.st_gid, "mode": stat.S_IMODE(found.st_mode)}
    if stat.S_ISLNK(found.st_mode):
        return State(LINK, target=os.readlink(path))
    if stat.S_ISDIR(found.st_mode):
        return State(DIRECTORY, **attributes)
    if stat.S_ISREG(found.st_mode):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            return State(FILE, content=stream.read(), mtime_ns=found.st_mtime_ns, **attributes)
    return State(OTHER, **attributes)


def expand_absent(patterns: t.Iterable[str], keep: t.Collection[str]) -> list[str]:
    """The existing paths that the patterns name, without those in keep."""
    found: set[str] = set()
    for pattern in patterns:
        if glob.has_magic(pattern):
            found.update(glob.glob(pattern))
        elif os.path.lexists(pattern):
            found.add(pattern)
    # The longest first, so that a directory comes after what lies in it.
    return sorted(found - set(keep), key=lambda path: (-path.count("/"), path))


def check_request(
    wanted: t.Sequence[Wanted],
    patterns: t.Sequence[str],
) -> None:
    """Refuses what is contradictory in itself, before anything is read."""
    seen: set[str] = set()
    for path in [item.path for item in wanted] + list(patterns):
        if not path.startswith("/") or os.path.normpath(path) != path or path == "/":
            raise ConfigFilesError(
                f"The path {path!r} is not usable: give an absolute path without '..', '//' or a slash at the end."
            )
    for item in wanted:
        if item.path in seen:
            raise ConfigFilesError(f"The path {item.path} is given twice: give it once.")
        seen.add(item.path)
    for pattern in patterns:
        if pattern in seen:
            raise ConfigFilesError(
                f"The path {pattern} is both wanted and in 'absent': remove it from one of the two."
            )


def plan(wanted: t.Sequence[Wanted], current: t.Mapping[str, State]) -> list[Step]:
    """The steps from current to wanted, in the order of wanted. No I/O."""
    steps = []
    for item in wanted:
        before = current[item.path]
        if before == item.state:
            continue
        if before.kind == OTHER:
            raise ConfigFilesError(
                f"{item.path} is neither a file, a directory nor a link: remove it first, nothing was changed."
            )
        if DIRECTORY in (before.kind, item.state.kind) and before.kind not in (item.state.kind, ABSENT):
            if not (before.kind == DIRECTORY and item.state.kind == ABSENT):
                raise ConfigFilesError(
                    f"{item.path} is a {before.kind} and should be a {item.state.kind}: "
                    "remove it first, nothing was changed."
                )
        steps.append(Step(item, before))
    return steps


def missing_parents(
    steps: t.Iterable[Step], exists: t.Callable[[str], bool] = os.path.isdir
) -> list[str]:
    """The parent directories that neither exist nor are made by a step before."""
    made: set[str] = set()
    missing = []
    for step in steps:
        parent = os.path.dirname(step.path)
        if step.after.kind != ABSENT and parent not in made and not exists(parent):
            missing.append(parent)
        if step.after.kind == DIRECTORY:
            made.add(step.path)
    return sorted(set(missing))


def check_emptied(steps: t.Iterable[Step]) -> None:
    """A directory goes only when nothing remains in it: a tree is too much to put back."""
    gone = {step.path for step in steps if step.after.kind == ABSENT}
    for step in steps:
        if step.before.kind == DIRECTORY and step.after.kind == ABSENT:
            remaining = [name for name in os.listdir(step.path) if os.path.join(step.path, name) not in gone]
            if remaining:
                raise ConfigFilesError(
                    f"The directory {step.path} is not empty ({sorted(remaining)[0]}): "
                    "remove what is in it first, nothing was changed."
                )


def temporary_name(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, "." + name + TEMPORARY_SUFFIX)


class Journal:
    """What an unfinished transaction was about to do, and the lock that only one run holds."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.path = os.path.join(directory, "journal.json")
        self._lock: int | None = None

    def exists(self) -> bool:
        return os.path.lexists(self.path)

    def lock(self, timeout: float = 60.0) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self._lock = os.open(
            os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() >= deadline:
                raise ConfigFilesError(
                    f"Another run has been changing configuration files on this host for more than {timeout:.0f} "
                    "seconds: wait until it has ended and run this again."
                )
            time.sleep(0.1)

    def write(self, steps: t.Iterable[Step]) -> None:
        entries = [
            {"path": step.path, "before": step.before.to_json(), "after": step.after.to_json()} for step in steps
        ]
        content = json.dumps(entries).encode("utf-8")
        _write_file(self.path, State(FILE, uid=os.geteuid(), gid=os.getegid(), mode=0o600, content=content))

    def read(self) -> list[Step]:
        with open(self.path, "rb") as stream:
            entries = json.load(stream)
        return [
            Step(Wanted(entry["path"], State.from_json(entry["after"])), State.from_json(entry["before"]))
            for entry in entries
        ]

    def remove(self) -> None:
        _unlink(self.path)

    def close(self) -> None:
        """Ends the lock. Its file stays: removing it would let two runs lock two different files."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Transaction:
    """Carries steps out, and back."""

    def __init__(self, steps: t.Sequence[Step], journal: Journal) -> None:
        self.steps = list(steps)
        self.journal = journal
        self._done: list[Step] = []

    def apply(self) -> None:
        """All or nothing: an exception, whatever it is, leaves what was there before."""
        self.journal.write(self.steps)
        try:
            for step in self.steps:
                if step.after.kind == DIRECTORY:
                    self._done.append(step)
                    _put_directory(step.path, step.after)
            # Whatever can fail for lack of space fails here, before a file in use is replaced.
            for step in self.steps:
                _stage(step.path, step.after)
            for step in self.steps:
                if step.after.kind != DIRECTORY:
                    self._done.append(step)
                    _commit(step.path, step.after)
        except BaseException:
            self.put_back()
            raise

    def put_back(self) -> None:
        try:
            for step in self.steps:
                _unlink(temporary_name(step.path))
            for step in reversed(self._done):
                _restore(step)
        except OSError as error:
            raise ConfigFilesError(
                f"The change failed and could not be put back as a whole ({error}): "
                "mend that and run this again, which puts the rest back first."
            ) from error
        self._done = []
        self.journal.remove()

    def finish(self) -> None:
        self.journal.remove()


def recover(journal: Journal) -> list[str]:
    """Puts back what a killed run left half done; returns the paths. What was changed since is left alone."""
    if not journal.exists():
        return []
    restored = []
    for step in reversed(journal.read()):
        _unlink(temporary_name(step.path))
        now = look(step.path)
        if now == step.before:
            continue
        # A directory is made before it gets its owner and mode.
        if now == step.after or (now.kind == step.after.kind == DIRECTORY and step.before.kind == ABSENT):
            _restore(step)
            restored.append(step.path)
    journal.remove()
    return restored


def _restore(step: Step) -> None:
    before = step.before
    if before.kind == DIRECTORY:
        _put_directory(step.path, before)
    else:
        if before.kind == ABSENT and step.after.kind == DIRECTORY:
            try:
                os.rmdir(step.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                # Something else put a file into it meanwhile: then it stays.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            return
        _stage(step.path, before)
        _commit(step.path, before)


def _stage(path: str, state: State) -> None:
    temporary = temporary_name(path)
    if state.kind == FILE:
        _write_new(temporary, state)
    elif state.kind == LINK:
        _unlink(temporary)
        os.symlink(state.target, temporary)


def _commit(path: str, state: State) -> None:
    if state.kind == ABSENT:
        if look(path).kind == DIRECTORY:
            os.rmdir(path)
        else:
            _unlink(path)
    else:
        os.rename(temporary_name(path), path)
    _sync_directory(os.path.dirname(path))


def _write_file(path: str, state: State) -> None:
    _stage(path, state)
    _commit(path, state)


def _write_new(path: str, state: State) -> None:
    _unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        _own(descriptor, state)
        stream.write(state.content)
        stream.flush()
        if state.mtime_ns:
            os.utime(descriptor, ns=(state.mtime_ns, state.mtime_ns))
        os.fsync(descriptor)


def _put_directory(path: str, state: State) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _own(descriptor, state)
    finally:
        os.close(descriptor)
    _sync_directory(os.path.dirname(path))


def _own(descriptor: int, state: State) -> None:
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (state.uid, state.gid):
        os.fchown(descriptor, state.uid, state.gid)
    # After the owner: a change of owner takes setuid and setgid bits away.
    os.fchmod(descriptor, state.mode)


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
