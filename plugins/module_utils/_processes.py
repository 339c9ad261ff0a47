# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may be: its options, and one sentence for everything that is wrong with it. Pure: no I/O, no clock."""

from __future__ import annotations

import ast
import contextlib
import ipaddress
import re
import shlex
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError, checked, kind_of
from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import requires
from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import HEALTH, PROCESS

PROCESS_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
PORT = re.compile(r"\$(PORT\b|\{PORT\b)")
_DAY = r"(?:mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
_DAYS = rf"{_DAY}(?:(?:\.\.|-){_DAY})?"
_PART = r"(?:(?:\*|\d+(?:\.\d+)?(?:\.\.\d+(?:\.\d+)?)?)(?:/\d+(?:\.\d+)?)?)"
_PARTS = rf"{_PART}(?:,{_PART})*"
CALENDAR = re.compile(
    rf"(?:(?:minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually)"
    rf"|(?:{_DAYS}(?:,{_DAYS})*,?)?(?:(?:^|\s+|(?<=\s))(?P<date>(?:{_PARTS}-)?{_PARTS}[-~]{_PARTS}))?(?:(?:^|\s+)(?P<time>{_PARTS}:{_PARTS}(?::{_PARTS})?))?)"
    r"(?:\s+(?:UTC|[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_+-]+)+))?", re.IGNORECASE)

# Lines of a Procfile of which there is to be one, by their name and by what they start: a program, or one with its subcommand.
CLOCK = re.compile(r"(.*_)?(clock|beat|celerybeat|scheduler|cron)")
CLOCK_PROGRAMS = ("rqscheduler", "periodiq", "supercronic", "yacron", "taskiq scheduler", "rq cron", "flask rq scheduler", "dagster-daemon run",
                  "manage.py rqcron", "manage.py crontab", "manage.py celerybeat", "manage.py runapscheduler")
_WORDS = "|".join(r"(?:\s+-\S+)*\s+".join(map(re.escape, words.split())) for words in CLOCK_PROGRAMS)
CLOCK_PROGRAM = re.compile(rf"(?:^|[\s/])(?:{_WORDS})(?=\s|$)")
# A worker that starts jobs by the clock as well, unless it is told not to.
CLOCK_WORKER = re.compile(r"(?:^|[\s/.])(?:huey_consumer(?:\.py)?|manage\.py\s+run_huey)(?=\s|$)(?!.*\s(?:-n|--no-periodic)(?=\s|$))")

# What only systemd can hold a process to.
CONFINED = requires(PROCESS, "systemd")
# What goes to the server that we start, and so not with a command.
SERVED = requires(PROCESS, "server")
# Of each server, the options that would undo what a switch relies on: a release has one socket, stays in the foreground and does not change.
DECIDED = {"gunicorn": re.compile(r"--(bind|daemon|reload)(?=[=\s]|$)|-b|-D$"), "uvicorn": re.compile(r"--(host|port|uds|fd|reload)(?=[=\s]|$)")}
# Those by which it would expect TLS, which ends at nginx.
TLS = re.compile(r"--(?:ssl-)?(?:certfile|keyfile)(?=[=\s]|$)")
# An option and its value, which a list has as two items.
TWO_WORDS = re.compile(r"(--?[A-Za-z][\w-]*)\s+\S.*")


def _server(where: str, kind: str, process: dict[str, t.Any]) -> None:
    server, worker_class = process["server"], process["worker_class"]
    # Only gunicorn has such workers.
    server = process["server"] = server or ("gunicorn" if kind == "wsgi" or worker_class else "uvicorn")
    if kind == "wsgi" and server == "uvicorn":
        raise AppsError(f"{where}.server is uvicorn, which serves ASGI only: take gunicorn, or name the application with asgi.")
    if worker_class and server != "gunicorn":
        raise AppsError(f"{where}.worker_class goes with gunicorn, but the server is {server}.")
    if worker_class and (worker_class == "asgi") is not (kind == "asgi"):
        serves = "sync, gthread and gevent serve wsgi" if kind == "asgi" else "it serves asgi"
        raise AppsError(f"{where}.worker_class is {worker_class}, but {kind} is given: {serves}.")
    if process["threads"] and (kind == "asgi" or worker_class not in (None, "gthread")):
        raise AppsError(f"{where}.threads goes with wsgi and the worker_class gthread of gunicorn.")
    if process["timeout"] and server != "gunicorn":
        raise AppsError(f"{where}.timeout goes with gunicorn, but the server is {server}, which ends no request by itself.")
    if process["max_requests"] and server == "uvicorn" and process["workers"] == 1:
        raise AppsError(f"{where}.max_requests with uvicorn needs at least 2 workers: a single one could not answer while it is replaced.")
    _options(where, server, process["options"])


def _options(where: str, server: str, options: list[str]) -> None:
    for option in options:
        words = TWO_WORDS.fullmatch(option)
        if words:
            raise AppsError(f"{where}.options has {words[1]} and its value in one item, which the server would take for one word: make them two.")
        decided = DECIDED[server].match(option)
        if decided:
            raise AppsError(f"{where}.options has {decided[0]}, but a release listens on a socket of its own, stays in the foreground and does not change: "
                            f"leave it out; site makes the application reachable, and {where}.address an address besides.")
        encrypts = TLS.match(option)
        if encrypts:
            raise AppsError(f"{where}.options has {encrypts[0]}, but TLS ends at nginx, which asks the server without it: leave it out; site.tls names the "
                            "certificate.")


def calendar(text: str) -> bool:
    """Is it a calendar event of systemd.time(7)? The host's systemd has the last word before a release is started."""
    found = CALENDAR.fullmatch(text.strip())
    if not found or not text.strip():
        return False
    hours = found.group("time")
    if hours and any(int(number) > most for part, most in zip(hours.split(":"), (23, 59, 59)) for number in re.findall(r"(?<![\d./])\d+", part)):
        return False
    date = re.split(r"[-~]", found.group("date") or "")[-2:]
    return not found.group("date") or all(0 < int(number) <= most for part, most in zip(date, (12, 31)) for number in re.findall(r"(?<![\d./])\d+", part))


def _address(text: str) -> bool:
    host, dummy, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return False
    return (":" in host) is host.startswith("[") and port.isdecimal() and port.isascii() and 0 < int(port) < 65536


def valid_process(where: str, name: str, value: t.Any, ported: bool = False) -> dict[str, t.Any]:
    """The process with its defaults; one that has them already stays as it is."""
    if not PROCESS_NAME.fullmatch(name):
        raise AppsError(f"{where}: {name!r} is not a name for a process: a to z, 0 to 9 and _ are accepted, 24 characters at the most.")
    process = checked(where, value, PROCESS)
    kinds = [kind for kind in ("wsgi", "asgi", "command") if process[kind]]
    if len(kinds) != 1:
        raise AppsError(f"{where} has {' and '.join(kinds) or 'nothing'} to run: exactly one of wsgi, asgi and command is needed.")
    kind = kinds[0]
    if kind == "command":
        for option in SERVED:
            if process[option]:
                raise AppsError(f"{where}.{option} goes with wsgi or asgi: put it into the command.")
        # On a platform, PORT is the way to listen for every server that finds no other; gunicorn needs not be told.
        if name == "web" and not ported and "{socket}" not in process["command"] and not PORT.search(process["command"]):
            raise AppsError(f"{where}.command holds neither {{socket}}, which is replaced by the path of the socket to listen on, nor $PORT.")
    else:
        if name != "web":
            raise AppsError(f"{where}.{kind} is for the process named web: other processes have a command.")
        _server(where, kind, process)
    if name == "web":
        if process["count"] != 1 or process["singleton"]:
            raise AppsError(f"{where} runs once on each host: use workers, not count or singleton.")
        process["health"] = checked(f"{where}.health", process["health"] or {}, HEALTH)
    elif process["health"]:
        raise AppsError(f"{where}.health is for the process named web.")
    if process["address"] and (name != "web" or not _address(process["address"])):
        raise AppsError(f"{where}.address is {process['address']!r}: it is for web, and an IP address and a port are needed, such as 127.0.0.1:8000.")
    if process["schedule"]:
        if name == "web" or process["count"] != 1:
            raise AppsError(f"{where}.schedule is for a command that runs once at its time: not for web, and without count.")
        if not calendar(process["schedule"]):
            raise AppsError(f"{where}.schedule is {process['schedule']!r}: a time as systemd writes it is needed, such as daily, '*-*-* 03:00:00' "
                            "or 'Mon..Fri 8:30'.")
    process["kind"] = kind
    return process


def _is_beat(command: str) -> bool:
    """Whether C(command) starts Celery's scheduler: one for each host would queue every task once for each of them."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    for place, word in enumerate(words):
        if re.fullmatch(r"(.*/)?celery", word):
            rest = words[place + 1:]
            # Subcommands, not values of options such as -A beat.
            verbs = [item for before, item in zip(["", *rest], rest)
                     if item in ("beat", "worker") and not re.fullmatch(r"-[Ab]|--(app|broker|config|loader|result-backend|workdir)", before)]
            return verbs[:1] == ["beat"] or ("worker" in verbs and any(item in ("-B", "-BE", "-EB", "--beat") for item in rest))
    return False


def _side_by_side(command: str) -> list[str]:
    """The programs that one line of a shell starts beside each other, also one that is given to another shell: sh -c '…'."""
    with contextlib.suppress(ValueError):
        shell, option, inner = shlex.split(command)
        if re.fullmatch(r"(.*/)?(ba|da)?sh", shell) and re.fullmatch(r"-\w*c", option):
            command = inner
    return [part for part in re.split(r"\s*(?<![&>])&(?![&>])\s*", command) if part and not re.fullmatch(r"wait(\s.*)?", part)]


def _beat_apart(name: str, command: str) -> str:
    """What to write in C(processes) instead: a schedule where the application may write, and a worker without the scheduler inside."""
    first, *others = sorted(_side_by_side(command), key=_is_beat)
    if others:
        named = ", ".join(f"{name}{'' if not number else number + 1}: {{command: {part!r}}}" for number, part in enumerate([first, *others[:-1]]))
        return f"{{{named}, {_beat_apart('beat', others[-1])[1:]}"
    command = first
    alone = re.sub(r"\s(-B|--beat)(?=\s|$)", "", re.sub(r"\s(-BE|-EB)(?=\s|$)", " -B -E", command))
    beat = alone
    if alone != command:
        # What chooses the scheduler is of no use to a worker.
        chosen = r"\s(?:-S|--scheduler)[\s=]\s*\S+"
        beat = re.sub(r"\sworker(\s.*|$)", " beat", alone) + "".join(re.findall(chosen, alone))
        alone = re.sub(chosen, "", alone)
    if not re.search(r"\s(-s|--schedule|-S|--scheduler)\b", beat):
        beat += " --schedule $PYWEB_SHARED/beat"
    worker = "" if alone == command else f"{'worker' if name == 'beat' else name}: {{command: {alone!r}}}, "
    return f"{{{worker}{'beat' if worker else name}: {{command: {beat!r}, singleton: true}}}}"


def _keeps_time(name: str, command: str) -> bool:
    """Whether a line of a Procfile starts jobs by the clock, as platforms name such a process or as its program tells: one for each host would run each
    job as often."""
    return bool(CLOCK.fullmatch(name) or CLOCK_PROGRAM.search(command))


def _once(name: str, command: str) -> str:
    """What to write in C(processes) for a line that starts jobs by the clock, where an application is on several hosts."""
    if CLOCK_WORKER.search(command):
        return f"{{{'worker' if name == 'clock' else name}: {{command: {command + ' --no-periodic'!r}}}, clock: {{command: {command!r}, singleton: true}}}}"
    return f"{{{name}: {{command: {command!r}, singleton: true}}}}"


def procfile(text: str, defined: t.Iterable[str], hosts: int = 1) -> dict[str, t.Any]:
    """What a Procfile brings besides the processes that are defined: C(processes), and the command C(release), which migrates.

    C(hosts) is how many hosts the application is on. Raises AppsError for what cannot run as it is written.
    """
    processes: dict[str, dict[str, t.Any]] = {}
    release = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"([\w.-]+)\s*:\s*(\S.*)", line.strip())
        if not found:
            raise AppsError(f"line {number} of the Procfile is {line.strip()!r}: name: command is needed.")
        name = found.group(1).lower().replace("-", "_")
        if not PROCESS_NAME.fullmatch(name):
            raise AppsError(f"line {number} of the Procfile: {found.group(1)!r} is not a name for a process: rename it there to one of letters, digits, - "
                            "and _ that begins with a letter and has 24 characters at the most.")
        if name in processes or (name == "release" and release):
            raise AppsError(f"line {number} of the Procfile defines {found.group(1)} again: a process has one line.")
        if name == "release":
            release = found.group(2)
        elif name not in defined and any(_is_beat(part) for part in _side_by_side(found.group(2))):
            raise AppsError(
                f"line {number} of the Procfile is {line.strip()!r}: celery beat runs once in the fleet and keeps its schedule in a file, which a release "
                f"cannot hold: define the process yourself, processes: {_beat_apart(name, found.group(2))}."
            )
        elif name not in defined:
            alone = _keeps_time(name, found.group(2))
            if hosts > 1 and (alone or CLOCK_WORKER.search(found.group(2))):
                raise AppsError(
                    f"line {number} of the Procfile is {line.strip()!r}, which starts jobs by the clock and would do so on each of {hosts} hosts: define the "
                    f"process yourself, processes: {_once(name, found.group(2))}, or without singleton where jobs are started once all the same."
                )
            process = valid_process(f"line {number} of the Procfile", name, {"command": found.group(2)}, ported=True)
            processes[name] = {**process, "singleton": True} if alone else process
    return {"processes": processes, "release": release}


# What a switch relies on. The engine decides about it, whatever the file says.
SETTLED = ("bind", "certfile", "chdir", "check_config", "control_socket", "control_socket_disable", "daemon", "forwarded_allow_ips", "graceful_timeout",
           "group", "keepalive", "keyfile", "pidfile", "print_config", "reload", "umask", "user", "worker_tmp_dir")
TOLD = {"workers": ("workers",), "worker_class": ("worker_class",), "threads": ("threads",), "timeout": ("timeout",),
        "max_requests": ("max_requests", "max_requests_jitter")}


def not_honoured(text: str, process: dict[str, t.Any]) -> list[str]:
    """What gunicorn's configuration file sets in vain. The file is read, not executed; gunicorn itself tells what is wrong with it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    ours = {*SETTLED, *(name for option, names in TOLD.items() if process.get(option) for name in names)}
    if process["kind"] == "asgi":
        ours.add("worker_class")
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return sorted(found & ours)


def valid_processes(processes: t.Any, where: str) -> dict[str, dict[str, t.Any]]:
    """Processes that did not come through C(resolve), or that did."""
    if not isinstance(processes, dict):
        raise AppsError(f"{where} is {kind_of(processes)}: a mapping is needed.")
    result = {}
    for name, process in processes.items():
        given = {key: value for key, value in process.items() if value is not None and key != "kind"} if isinstance(process, dict) else process
        result[str(name)] = valid_process(f"{where}.{name}", str(name), given)
    return result


def check_manager(processes: dict[str, dict[str, t.Any]], where: str, manager: str, named: str) -> None:
    """What only systemd can hold a process to, under another manager. Jobs are systemd's in any case."""
    for name, process in processes.items():
        confined = [option for option in CONFINED if process[option] != PROCESS[option].get("default")]
        if manager != "systemd" and confined and not process["schedule"]:
            raise AppsError(f"{where}.{name}.{confined[0]} goes with manager: systemd, but {named} is {manager}.")


def processes_fault(processes: t.Any, where: str, manager: str = "systemd") -> str:
    """What is wrong with them, as one sentence."""
    try:
        check_manager(valid_processes(processes, where), where, manager, where.replace("processes", "manager"))
    except AppsError as error:
        return str(error)
    return ""
