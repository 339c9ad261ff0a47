# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications have logged, and who has visited them: the last lines that are asked for. Changes nothing."""

from __future__ import annotations

import glob
import json
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import releases, visits
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

FOREVER = 4102444800.0
UNIT = re.compile(r"pyweb\.(?P<app>[^.]+)\.(?P<process>[^.]+)\.(?P<release>[^.]+)\.service")


def moment(system: System, name: str, text: str | None, otherwise: float) -> float:
    """Seconds since 1970 of a time as systemd.time(7) has it. Raises HostError."""
    if not text:
        return otherwise
    told = system.run(["systemd-analyze", "timestamp", "--", text])
    found = re.search(r"^\s*UNIX seconds: @([\d.]+)", told.stdout, re.MULTILINE)
    if told.returncode != 0 or not found:
        raise HostError(f"{name} is {text!r}: a time as journalctl takes it is needed, such as '1 hour ago', 'today' or '2026-11-20 20:15'.")
    return float(found[1])


def patterns(app: str, process: str | None, release: str | None) -> list[str]:
    """Names of units: C(worker) means worker-2 as well."""
    return [f"pyweb.{app}.{name}.{release or '*'}.service" for name in ((process, f"{process}-[0-9]*") if process else ("*",))]


def entry(line: str) -> dict[str, t.Any] | None:
    """Pure: one line of C(journalctl -o json); None for one that is no process of a release."""
    told = json.loads(line)
    found = UNIT.fullmatch(str(told.get("UNIT") or told.get("_SYSTEMD_UNIT") or ""))
    message = told.get("MESSAGE")
    if isinstance(message, list):
        # What is no UTF-8 comes as numbers.
        message = bytes(message).decode(errors="replace")
    if not found or message is None:
        return None
    return {"time": int(told["__REALTIME_TIMESTAMP"]) / 1e6, "source": found["process"], "release": found["release"], "text": str(message)}


def journal(app: App, params: dict[str, t.Any], release: str | None, since: float, until: float) -> list[dict[str, t.Any]]:
    units = [part for pattern in patterns(app.name, params["process"], release) for part in ("--unit", pattern)]
    text = ["--case-sensitive=false", f"--grep={re.escape(params['text'])}"] if params["text"] else []
    # The newest first: with a time to begin at, it would take the first lines in place of the last.
    done = app.system.run(["journalctl", "--quiet", "--no-pager", "--reverse", "--output=json", "--output-fields=MESSAGE,_SYSTEMD_UNIT,UNIT",
                           f"--lines={params['lines']}", f"--since=@{since:.6f}", f"--until=@{until:.6f}", *text, *units])
    return [found for line in reversed(done.stdout.splitlines()) if line.startswith("{") and (found := entry(line))]


def supervised(app: App, params: dict[str, t.Any], release: str | None) -> list[dict[str, t.Any]]:
    """Files that supervisord writes have no times: that of the last line is known, and the file's lines stay together."""
    result = []
    for path in glob.glob(f"{glob.escape(app.paths.logs)}/*.log"):
        process, dummy, its = os.path.basename(path).removesuffix(".log").partition(".")
        if (release and its != release) or (params["process"] and re.sub(r"-\d+$", "", process) != params["process"] and process != params["process"]):
            continue
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2 ** 20))
            lines = file.read().decode(errors="replace").splitlines()
        kept = [line for line in lines if not params["text"] or params["text"].lower() in line.lower()][-params["lines"]:]
        result += [{"time": os.stat(path).st_mtime, "source": process, "release": its, "text": line} for line in kept]
    return result


def access(app: App, params: dict[str, t.Any], release: str | None, since: float, until: float) -> list[dict[str, t.Any]]:
    right = visits.statuses(params["status"]) if params["status"] else None
    text = (params["text"] or "").lower()

    def wanted(visit: visits.Visit) -> bool:
        return (not right or right(visit["status"])) and (not release or visit["release"] == release) and text in visit["line"].lower()

    found = visits.visits(app.name, since, until, wanted, params["lines"], app.system.root)
    return [{"time": visit["time"], "source": "nginx", "release": visit["release"], "text": visit["line"]} for visit in found]


def look(app: App, params: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The last lines of one application, the oldest first. Raises HostError and ReleaseError for what cannot be meant."""
    since, until = moment(app.system, "since", params["since"], 0.0), moment(app.system, "until", params["until"], FOREVER)
    if not app.exists:
        raise HostError("it is not set up on this host.")
    release = releases.named(app.store.manifests(), params["release"]) if params["release"] else None
    if params["log"] == "nginx":
        found = access(app, params, release, since, until)
    else:
        found = [*journal(app, params, release, since, until), *supervised(app, params, release)]
    kept = sorted(found, key=lambda item: float(item["time"]))[-params["lines"]:]
    return [{**item, "app": app.name, "text": app.secrets.mask(item["text"])} for item in kept]


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    lines: list[dict[str, t.Any]] = []
    name = ""
    try:
        for name in params["names"]:
            lines += look(App(name), params)
    except (HostError, releases.ReleaseError, OSError) as error:
        return {"failed": True, "msg": f"{name}: {error}"}
    return {"changed": False, "lines": sorted(lines, key=lambda item: float(item["time"]))[-params["lines"]:]}
