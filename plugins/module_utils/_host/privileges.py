# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a part of this program as another user, for good."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import pwd
import signal
import traceback
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, said

# prctl(2)
PR_SET_CHILD_SUBREAPER = 36


def as_user(user: str, function: t.Callable[[], t.Any]) -> t.Any:
    """Run a function in a child process that is C(user) for good, in a process group of its own that ends with it.

    What it returns must be JSON. Raises BuildError where the function does, or when it is killed.
    """
    account = pwd.getpwnam(user)
    adopt_orphans(True)
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
            with os.fdopen(writer, "w", encoding="utf-8", errors="surrogateescape") as pipe:
                json.dump(_answer(function), pipe)
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
        adopt_orphans(False)
    if not text:
        raise BuildError("the build was killed before it could say why: is the machine out of memory (dmesg shows it)?")
    answer = json.loads(text)
    if "error" in answer:
        raise BuildError(answer["error"])
    return answer["result"]


def _answer(function: t.Callable[[], t.Any]) -> dict[str, t.Any]:
    try:
        return {"result": function()}
    except BuildError as error:
        return {"error": str(error)}
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return {"error": said(error) if full else "unexpected error: " + traceback.format_exc()}
    except BaseException:
        return {"error": "unexpected error: " + traceback.format_exc()}


def adopt_orphans(wanted: bool) -> None:
    """Processes that leave their group, as daemons do, become children of this one and not of PID 1."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


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
