# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one step of a build runs: as the build user, with a sentence and the end of its output when it fails."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import pwd
import re
import signal
import subprocess
import traceback
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _engine
from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password

TAIL = 25
FULL = re.compile(r"No space left on device|no storage space|Disk quota exceeded", re.IGNORECASE)


class BuildError(Exception):
    """One sentence for the user, with the last output behind it where there is any."""


def as_user(user: str, function: t.Callable[[], t.Any]) -> t.Any:
    """Run a function in a child process that is C(user) for good, in a process group of its own that ends with it."""
    account = pwd.getpwnam(user)
    adopt(True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.setsid()
            os.setgroups(os.getgrouplist(user, account.pw_gid))
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
            os.umask(0o027)
            try:
                answer = {"result": function()}
            except BuildError as error:
                answer = {"error": str(error)}
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                answer = {"error": _engine.said(error) if full else "unexpected error: " + traceback.format_exc()}
            except BaseException:
                answer = {"error": "unexpected error: " + traceback.format_exc()}
            with os.fdopen(writer, "w", encoding="utf-8", errors="surrogateescape") as pipe:
                json.dump(answer, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8", errors="surrogateescape") as pipe:
            text = pipe.read()
    finally:
        # Whatever a build step left in the background ends here.
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        end_orphans(account.pw_uid)
        adopt(False)
    if not text:
        raise BuildError("the build was killed before it could say why: is the machine out of memory (dmesg shows it)?")
    answer = json.loads(text)
    if "error" in answer:
        raise BuildError(answer["error"])
    return answer["result"]


def adopt(wanted: bool) -> None:
    """Processes that leave their group, as daemons do, become children of this one and not of PID 1 (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, int(wanted), 0, 0, 0)


def end_orphans(uid: int) -> None:
    """Whatever a build step made a daemon; and then the children of that, which come to us in turn."""
    found = True
    while found:
        found = False
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
                if int(parent) == os.getpid() and (state == "Z" or os.stat(f"/proc/{name}").st_uid == uid):
                    os.kill(int(name), signal.SIGKILL)
                    os.waitpid(int(name), 0)
                    found = True


def call(argv: list[str], what: str, env: dict[str, str], cwd: str | None = None, hint: str | t.Callable[[str], str] = "", **options: t.Any) -> str:
    """Run a step; when it fails, say which one and show the end of what it printed. C(hint) may depend on that."""
    split = options.pop("split", False)
    # Not through pipes: what a step leaves in the background would hold them open, and keep us waiting for its end.
    with open(os.memfd_create("stdout"), "w+", encoding="utf-8", errors="replace") as out, \
            open(os.memfd_create("stderr"), "w+", encoding="utf-8", errors="replace") as err:
        try:
            done = subprocess.run(argv, env=env, cwd=cwd, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=out,
                                  stderr=err if split else subprocess.STDOUT, check=False, **options)
        except FileNotFoundError:
            raise BuildError(f"{what}: {argv[0]} is not installed on this host.") from None
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read(), err.read()
    if done.returncode != 0:
        raise failed(what, done.returncode, complaints + printed, hint)
    return printed


def failed(what: str, status: int, printed: str, hint: str | t.Callable[[str], str] = "") -> BuildError:
    output = without_password(printed.strip())
    if FULL.search(output):
        hint = "the disk is full: free some space and deploy again."
    elif callable(hint):
        hint = hint(output)
    tail = "\n".join(output.splitlines()[-TAIL:])
    return BuildError(f"{what} failed (exit status {status}){'; ' + hint if hint else '.'}\n{tail}")


def short(command: str) -> str:
    """A script of many lines would bury what is said about it."""
    first = (command.strip().splitlines() or [""])[0]
    return first if first == command and len(first) <= 160 else f"{first[:80]}…"
