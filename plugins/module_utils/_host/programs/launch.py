# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a process of a release, a migration or a one-off command, with the environment of the release and the secrets of today.

    launch PROCESS           a process, as commands.json has it
    launch - COMMAND...      any command

It reads what systemd and supervisor would quote in different ways, so that every value arrives byte for byte. What it becomes is the
process itself: nothing of it stays but the two helpers that wait for a socket or lead to a port. Modules are imported where they are
needed, since every start of a process waits for this.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t

PROXY = "/usr/lib/systemd/systemd-socket-proxyd"
BACKLOG = 2048
# For a gunicorn in a command of one's own, as servers.py gives it to ours: half of what nginx takes is its default.
LONG_QUERIES = "--limit-request-line=8190"


def environment(data: dict[str, t.Any]) -> dict[str, str]:
    """That of the host, of the release, and its secrets, each NAME=value with a NUL behind it."""
    env = dict(os.environ)
    env.update(data["env"])
    for path in data["files"]:
        try:
            with open(path, "rb") as file:
                pairs = file.read().split(b"\0")
        except FileNotFoundError:
            continue
        for pair in filter(None, pairs):
            name, dummy, value = os.fsdecode(pair).partition("=")
            env[name] = value
    return env


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def listen(path: str) -> None:
    """Bound here as descriptor 3, so that the server needs no call that the sandbox refuses. Its directory says who may connect."""
    import socket

    remove(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0)
    listener.bind(path)
    os.umask(umask)
    listener.listen(BACKLOG)
    # The number outlives the object; dup2() does nothing where it is 3 already.
    os.dup2(listener.detach(), 3)
    os.set_inheritable(3, True)


def open_for_others(path: str) -> None:
    """The server makes the socket, some for themselves alone; its directory says who may connect. Who waits for it is nobody's child."""
    import socket
    import time

    remove(path)
    server, child = os.getpid(), os.fork()
    if child == 0:
        if os.fork() == 0:
            while True:
                try:
                    os.kill(server, 0)
                    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(path)
                    os.chmod(path, 0o777)
                except ProcessLookupError:
                    pass
                except OSError:
                    time.sleep(0.1)
                    continue
                break
        os._exit(0)
    os.waitpid(child, 0)


def lead_to_port(env: dict[str, str]) -> None:
    """The command knows only PORT: a loopback port of this start, and systemd's proxy leads to it from the socket.

    Returns in the process that becomes the server.
    """
    import signal
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env["PORT"] = str(port)
    # gunicorn would take PORT on all addresses.
    env.setdefault("GUNICORN_CMD_ARGS", f"--bind=127.0.0.1:{port} {LONG_QUERIES}")
    proxy = os.fork()
    if proxy == 0:
        # A line for each connection that the server does not take yet would push what the server says out of the log that is shown.
        os.execve(PROXY, [PROXY, "--connections-max=16384", f"127.0.0.1:{port}"],
                  {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "SYSTEMD_LOG_LEVEL": "crit"})
    os.close(3)
    server = os.fork()
    if not server:
        return
    # Requests under way keep their way until the server has ended.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, frame: os.kill(server, number))
    ended, status = 0, 0
    while ended not in (proxy, server):
        ended, status = os.wait()
    try:
        os.kill(proxy if ended == server else server, signal.SIGTERM)
    except ProcessLookupError:
        pass
    if ended == server and os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    raise SystemExit(os.WEXITSTATUS(status) if ended == server else 1)


def command(name: str, env: dict[str, str]) -> list[str]:
    """The command of a process, after what it needs to be reached."""
    with open(os.path.dirname(sys.argv[0]) + "/commands.json", "rb") as file:
        process = json.load(file)[name]
    if process["socket"]:
        listen(process["socket"])
    elif process.get("opens"):
        open_for_others(process["opens"])
    if process.get("leads"):
        lead_to_port(env)
    elif process["socket"] or process.get("opens"):
        env.setdefault("GUNICORN_CMD_ARGS", LONG_QUERIES)
    argv: list[str] = process["argv"]
    return argv


def main() -> None:
    with open(sys.argv[0] + ".json", "rb") as file:
        data = json.load(file)
    env = environment(data)
    os.chdir(data["path"])
    argv = sys.argv[2:]
    if argv:
        # Python ignores these, and what it becomes would too.
        import signal

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    else:
        argv = command(sys.argv[1], env)
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        raise SystemExit(127 if isinstance(error, FileNotFoundError) else 126) from None


if __name__ == "__main__":
    main()
