# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one step of a build runs: as the build user, with a sentence and the end of its output when it fails."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import signal
import subprocess
import traceback
import typing as t
import urllib.parse

TAIL = 25
FULL = re.compile(r"No space left on device|no storage space|Disk quota exceeded", re.IGNORECASE)


class BuildError(Exception):
    """One sentence for the user, with the last output behind it where there is any."""


def as_user(user: str, function: t.Callable[[], t.Any]) -> t.Any:
    """Run a function in a child process that is C(user) for good, in a process group of its own that ends with it."""
    account = pwd.getpwnam(user)
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
    if not text:
        raise BuildError("the build was killed before it could say why: is the machine out of memory (dmesg shows it)?")
    answer = json.loads(text)
    if "error" in answer:
        raise BuildError(answer["error"])
    return answer["result"]


def call(argv: list[str], what: str, env: dict[str, str], cwd: str | None = None, hint: str | t.Callable[[str], str] = "", **options: t.Any) -> str:
    """Run a step; when it fails, say which one and show the end of what it printed. C(hint) may depend on that."""
    try:
        done = subprocess.run(argv, env=env, cwd=cwd, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT if not options.pop("split", False) else subprocess.PIPE, text=True, errors="replace",
                              check=False, **options)
    except FileNotFoundError:
        raise BuildError(f"{what}: {argv[0]} is not installed on this host.") from None
    if done.returncode != 0:
        output = without_password(((done.stderr or "") + (done.stdout or "")).strip())
        if FULL.search(output):
            hint = "the disk is full: free some space and deploy again."
        elif callable(hint):
            hint = hint(output)
        tail = "\n".join(output.splitlines()[-TAIL:])
        raise BuildError(f"{what} failed (exit status {done.returncode}){'; ' + hint if hint else '.'}\n{tail}")
    return done.stdout


def without_password(url: str) -> str:
    """Also of an address within a text, and with an @ in the password that should have been written as %40."""
    return re.sub(r"(?<=://)[^/\s\"'<>]+@", "", url)


def split_password(url: str) -> tuple[str, str | None]:
    """An address for HTTP without the C(user:password) in it, and these. The user of an address for SSH is part of the address."""
    found = re.match(r"(https?://)([^/]*)@(.*)", url, re.DOTALL)
    return (found[1] + found[3], urllib.parse.unquote(found[2])) if found else (url, None)
