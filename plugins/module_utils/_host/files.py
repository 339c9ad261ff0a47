# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of root's: written whole or not at all, and on the disk when a function returns."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
import typing as t


# What sync(2) and its relatives fail with when something written is not on the disk.
LOST = (errno.EIO, errno.ENOSPC, errno.EDQUOT)


def now() -> str:
    """UTC as 20261120T201500Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def write_file(path: str, text: str, mode: int = 0o640, group: int = -1) -> None:
    """Atomic and durable, owned by root; the directory must be root's. One name, so that a kill leaves nothing that piles up."""
    name = f"{os.path.dirname(path)}/.pyweb-{os.path.basename(path)}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchown(handle, -1, group)
            os.fchmod(handle, mode)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.rename(name, path)
        sync_directory(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def sync_directory(path: str) -> None:
    """What was renamed, made or removed in this directory is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_systems(paths: t.Iterable[str]) -> None:
    """Everything written below these paths is on the disk when this returns: one syncfs(2) for each file system that they lie on.

    A build writes thousands of files; to sync each of them takes many times longer. Raises OSError where the disk has failed or is full.
    """
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    synced = set()
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            device = os.fstat(handle).st_dev
            if device not in synced and (not syncfs or syncfs(handle) != 0):
                number = ctypes.get_errno() if syncfs else errno.ENOSYS
                if number in LOST:
                    raise OSError(number, os.strerror(number), path)
                # A file system, or a sandbox, that does not have this call.
                os.sync()
            synced.add(device)
        finally:
            os.close(handle)


def read_json(path: str, default: t.Any = None) -> t.Any:
    """The default where there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def read_text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
