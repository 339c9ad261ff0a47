# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the command of somebody's unit to a process of C(pyweb_apps). Pure: no I/O."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import Any

# Options of gunicorn that have one of ours by another name.
_GUNICORN = {
    "-w": "workers", "--workers": "workers", "--threads": "threads", "-t": "timeout", "--timeout": "timeout", "--max-requests": "max_requests",
    "--graceful-timeout": "stop_timeout",
}
# What a release has in its own way: where it listens, as whom it runs, where it logs. True: the option has a value.
_OURS = {
    "gunicorn": {
        "-b": True, "--bind": True, "-p": True, "--pid": True, "-u": True, "--user": True, "-g": True, "--group": True, "--chdir": True, "-m": True,
        "--umask": True, "--access-logfile": True, "--error-logfile": True, "--log-file": True, "--access-logformat": True, "-n": True, "--name": True,
        "--forwarded-allow-ips": True, "--max-requests-jitter": True, "--worker-tmp-dir": True, "-D": False, "--daemon": False, "--capture-output": False,
        "--reload": False, "-R": False, "--log-syslog": False,
    },
    "uvicorn": {
        "--host": True, "--port": True, "--uds": True, "--fd": True, "--forwarded-allow-ips": True, "--proxy-headers": False, "--reload": False,
        "--access-log": False, "--no-access-log": False, "--log-config": True, "--app-dir": True, "--env-file": True,
    },
}
# Other options of gunicorn that stand alone; all that are not here take a value.
_FLAGS = {"--preload", "--no-sendfile", "--reuse-port", "--print-config", "--enable-stdio-inheritance", "--strip-header-spaces"}
_CLASSES = {"sync": "sync", "gthread": "gthread", "gevent": "gevent"}
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run")}
_APPLICATION = re.compile(r"[A-Za-z_][\w.]*(:[\w.]+(\(\))?)?")


@dataclasses.dataclass
class Parsed:
    """A process, and what a person has to look at."""

    # Options of the process.
    process: dict[str, Any]
    notes: list[str]
    # Does it answer requests?
    web: bool


def bare(words: list[str]) -> list[str]:
    """The words without what only leads to the program: a shell, C(env), C(uv run), C(python -m), the directory of the environment."""
    words = list(words)
    while words:
        name = words[0].rpartition("/")[2]
        if name in ("sh", "bash", "dash") and len(words) == 3 and words[1] in ("-c", "-lc") and not re.search(r"[;&|<>`]|\$\(", words[2]):
            words = shlex.split(words[2])
        elif name in ("env", "exec", "nice", "setsid") and len(words) > 1 and not words[1].startswith("-"):
            words = words[1:]
        elif (name, words[1] if len(words) > 1 else "") in _RUNNERS:
            words = words[2:]
        elif re.fullmatch(r"python[\d.]*", name) and words[1:2] == ["-m"] and words[2:3]:
            words = words[2:]
        elif re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
            words = words[1:]
        else:
            break
    return [words[0].rpartition("/")[2] if words[0].startswith("/") else words[0], *words[1:]] if words else []


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _options(server: str, words: list[str], flags: set[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The options of a command with their values, and its other words."""
    own = _OURS[server]
    options: list[tuple[str, str | None]] = []
    rest: list[str] = []
    words = list(words)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            rest.append(word)
        elif equals and word.startswith("--"):
            options.append((name, value))
        elif re.fullmatch(r"-[a-zA-Z].+", word) and word[:2] in {**own, **_GUNICORN, "-k": True, "-c": True, "-e": True}:
            options.append((word[:2], word[2:].lstrip("=")))
        elif own.get(word, word not in flags) and words and not words[0].startswith("--"):
            options.append((word, words.pop(0)))
        else:
            options.append((word, None))
    return options, rest


def _gunicorn(words: list[str]) -> Parsed:
    options, rest = _options("gunicorn", words, _FLAGS)
    process: dict[str, Any] = {}
    notes: list[str] = []
    kind, more = "wsgi", []
    for name, value in options:
        if name in _GUNICORN:
            number = _number(value or "")
            if number:
                process[_GUNICORN[name]] = number
            elif value != "0":
                notes.append(f"gunicorn's {name} is {value}, which is no number: write it yourself, or leave it to the default")
        elif name in ("-k", "--worker-class"):
            if "uvicorn" in (value or "") or value == "asgi":
                kind = "asgi"
            elif value in _CLASSES:
                process["worker_class"] = _CLASSES[value]
            else:
                notes.append(f"gunicorn's worker class is {value}: sync, gthread and gevent are accepted for WSGI; this takes the default, gthread")
        elif name in ("-e", "--env"):
            notes.append(f"gunicorn is given the variable {(value or '').partition('=')[0]} by {name}: write it into env or secrets")
        elif name in ("-c", "--config"):
            notes.append(f"gunicorn reads {value}: a gunicorn.conf.py at the top of the source is honoured, other places need options: [--config, …]")
        elif name not in _OURS["gunicorn"]:
            more += [name] if value is None else [name, value]
    if kind == "asgi":
        # uvicorn takes the application by itself; gunicorn's settings that it does not know are left to its defaults.
        for option in ("threads", "timeout"):
            process.pop(option, None)
        if more:
            notes.append(f"gunicorn's options {' '.join(more)} have no place with uvicorn: leave them, or take server: gunicorn with worker_class: asgi")
            more = []
        if process.get("workers", 1) < 2:
            process.pop("max_requests", None)
    if process.get("worker_class") in ("sync", "gevent"):
        process.pop("threads", None)
    application = next((word for word in rest if _APPLICATION.fullmatch(word)), "")
    if not application:
        notes.append("gunicorn's command does not name the application: write it as module:callable")
    application = application or "app:app"
    process = {kind: application if ":" in application else f"{application}:application", **process}
    return Parsed({**process, **({"options": more} if more else {})}, notes, True)


def _uvicorn(words: list[str]) -> Parsed:
    options, rest = _options("uvicorn", words, {"--factory", "--use-colors", "--no-use-colors", "--server-header", "--no-server-header", "--date-header"})
    notes = [f"uvicorn is given {name} {value}: see what of it env has to have" for name, value in options if name in ("--env-file", "--app-dir")]
    workers = next((_number(value or "") for name, value in options if name == "--workers"), None)
    left = [(name, value) for name, value in options if name not in _OURS["uvicorn"] and name not in ("--workers", "--timeout-graceful-shutdown")]
    more = [word for name, value in left for word in ([name] if value is None else [name, value])]
    application = next((word for word in rest if _APPLICATION.fullmatch(word)), "")
    if not application:
        notes.append("uvicorn's command does not name the application: write it as module:callable")
    process: dict[str, Any] = {"asgi": application or "main:app", **({"workers": workers} if workers else {})}
    return Parsed({**process, **({"options": more} if more else {})}, notes, True)


def _socketed(words: list[str]) -> tuple[list[str], bool]:
    """The command of another server with its address replaced by the release's socket; and whether that was found."""
    pairs = {
        "daphne": (("-b", "--bind", "-p", "--port", "-u", "--unix-socket"), ["-u", "{socket}"]),
        "hypercorn": (("-b", "--bind"), ["--bind", "unix:{socket}"]),
        "granian": (("--host", "--port", "--uds"), ["--uds", "{socket}"]),
        "waitress-serve": (("--listen", "--host", "--port", "--unix-socket"), ["--unix-socket={socket}", "--unix-socket-perms=666"]),
        "uwsgi": (("-s", "--socket", "--http", "--http-socket", "--chmod-socket"), ["--http-socket", "{socket}", "--die-on-term"]),
    }
    if words[0] not in pairs:
        return words, False
    replaced, own = pairs[words[0]]
    result, skip = [words[0], *own], False
    for word in words[1:]:
        if skip or word.partition("=")[0] in replaced:
            skip = not skip and "=" not in word
        else:
            result.append(word)
    return result, True


def _ported(words: list[str]) -> list[str]:
    """The command of a server that is not known here, with its port replaced by what a release is given."""
    result = [re.sub(r"^(--port=|-p)\d+$", r"\g<1>$PORT", word) for word in words]
    for number, word in enumerate(words[:-1]):
        if word in ("--port", "-p"):
            result[number + 1] = "$PORT"
    return result if any("$PORT" in word for word in result) else [*result, "--port", "$PORT"]


def _joined(words: list[str]) -> str:
    """A line for a shell, in which C({socket}) and C($PORT) stand as they are."""
    return " ".join(word if re.fullmatch(r"[\w@%+=:,./-]*(\{socket\}|\$PORT)", word) else shlex.quote(word) for word in words)


def parse(words: list[str], listens: bool) -> Parsed:
    """The process that the words of a unit's command stand for. C(listens): nginx passes requests to it."""
    words = bare(words)
    if not words:
        return Parsed({}, ["its command cannot be read"], False)
    if words[0] in ("gunicorn", "uvicorn"):
        return (_gunicorn if words[0] == "gunicorn" else _uvicorn)(words[1:])
    if words[0] == "fastapi" and words[1:2] == ["run"]:
        parsed = _uvicorn(words[2:])
        return dataclasses.replace(parsed, notes=[*parsed.notes, "it is started by 'fastapi run': see whether asgi names the right module"])
    command, found = _socketed(words)
    if found:
        return Parsed({"command": _joined(command)}, [f"{words[0]} listens on the release's socket now: try its command"], True)
    if listens:
        return Parsed({"command": _joined(_ported(words))}, [f"{words[0]} is not a server that is known here: that it listens on $PORT is a guess"], True)
    return Parsed({"command": shlex.join(words)}, [], False)
