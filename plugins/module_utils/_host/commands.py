# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one command of a build runs: with a sentence and the end of its output when it fails."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host import hints, progress
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# Lines of output below a message.
TAIL = 25
FULL = re.compile(r"No space left on device|no storage space|Disk quota exceeded", re.IGNORECASE)

Hint = t.Union[str, t.Callable[[str], str]]


def call(argv: list[str], what: str, env: dict[str, str], cwd: str | None = None, hint: Hint = "", **options: t.Any) -> str:
    """Run a step; when it fails, say which one and show the end of what it printed. C(hint) may depend on that."""
    split = options.pop("split", False)
    # Not through pipes: what a step leaves in the background would hold them open, and keep us waiting for its end.
    with open(os.memfd_create("stdout"), "w+", encoding="utf-8", errors="replace") as out, \
            open(os.memfd_create("stderr"), "w+", encoding="utf-8", errors="replace") as err:
        try:
            process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=out,
                                       stderr=err if split else subprocess.STDOUT, **options)
        except FileNotFoundError:
            raise BuildError(f"{what}: {argv[0]} is not installed on this host.") from None
        progress.note(what, process.pid)
        status = process.wait()
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read(), err.read()
    if status != 0:
        raise failed(what, status, complaints + printed, hint)
    return printed


def failed(what: str, status: int, printed: str, hint: Hint = "") -> BuildError:
    """The error for a command that ended with this exit status."""
    output = without_password(printed.strip())
    if FULL.search(output):
        hint = "the disk is full: free some space and deploy again."
    else:
        hint = (hint(output) if callable(hint) else hint) or hints.hint(output, hints.BUILD)
    tail = "\n".join(output.splitlines()[-TAIL:])
    return BuildError(f"{what} failed (exit status {status}){'; ' + hint if hint else '.'}\n{tail}")


def short(command: str) -> str:
    """A script of many lines would bury what is said about it."""
    first = (command.strip().splitlines() or [""])[0]
    return first if first == command and len(first) <= 160 else f"{first[:80]}…"
