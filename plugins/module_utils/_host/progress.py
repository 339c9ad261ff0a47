# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build is doing now, for those who wait for it.

The build user keeps it, so only as that user may it be read: the file could lead root to any other.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import re
import time
import typing as t

# Bytes at the end of a command's output in which its last line is looked for.
TAIL = 4096

_FILE: contextvars.ContextVar[str] = contextvars.ContextVar("progress", default="")


class Progress(t.TypedDict):
    """The command that runs."""

    what: str  # as an error would call it
    seconds: int  # since it began
    line: str  # the last one that it printed; empty where it has printed nothing


@contextlib.contextmanager
def kept(path: str) -> t.Iterator[None]:
    """What note() is told meanwhile is kept in this file."""
    _forget(path)
    token = _FILE.set(path)
    try:
        yield
    finally:
        _FILE.reset(token)
        _forget(path)


def _forget(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def note(what: str, pid: int) -> None:
    """A command has begun, as this process. Without kept(), and on a full disk, nobody hears of it."""
    path = _FILE.get()
    if path:
        with contextlib.suppress(OSError):
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                json.dump({"what": what, "pid": pid, "since": time.time()}, file)
            os.rename(f"{path}.new", path)


def read(path: str) -> Progress | None:
    """None where nothing is built, or no command has begun."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    # Errors are where most programs say what they are doing, unless both go the same way.
    line = _last_line(found["pid"], 2) or _last_line(found["pid"], 1)
    return {"what": found["what"], "seconds": max(0, round(time.time() - found["since"])), "line": line}


def _last_line(pid: int, descriptor: int) -> str:
    """Of what a process of one's own writes to; it goes to a file, see commands.call()."""
    try:
        with open(f"/proc/{pid}/fd/{descriptor}", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            text = file.read(TAIL).decode(errors="replace")
    except OSError:
        return ""
    # A bar of progress writes one line over and over; colours are for terminals.
    lines = [line.strip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))]
    return next((line for line in reversed(lines) if line), "")
