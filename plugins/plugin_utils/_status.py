# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs where and how it does: for programs as one mapping, for people as a table. Pure: no I/O; the time is given."""

from __future__ import annotations

import re
import time
from typing import Any

from ansible_collections.pyweb.stack.plugins.plugin_utils import _findings
from ansible_collections.pyweb.stack.plugins.plugin_utils._summary import aligned
from ansible_collections.pyweb.stack.plugins.plugin_utils._table import age

# Raised when a key of the mapping changes its meaning or goes.
SCHEMA = 1


def report(hosts: dict[str, dict[str, Any] | None], now: float, urls: dict[str, str] | None = None) -> dict[str, Any]:
    """C(hosts) has what the module release_status returned on each host, None for one that cannot be reached; C(urls) is by application."""
    applications: dict[str, dict[str, Any]] = {}
    for host, told in hosts.items():
        for app, its in (told or {"applications": {}})["applications"].items():
            applications.setdefault(app, {"url": (urls or {}).get(app, ""), "hosts": {}})["hosts"][host] = its
    found = _findings.findings(hosts, now)
    return {
        "schema": SCHEMA,
        "now": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)),
        "well": not any(item["level"] == "problem" for item in found),
        "applications": dict(sorted(applications.items())),
        "hosts": {host: {"reachable": True, **told["host"], "others": told["others"]} if told else {"reachable": False} for host, told in hosts.items()},
        "findings": found,
    }


def size(number: int | None) -> str:
    """Bytes as a person reads them."""
    if number is None:
        return ""
    value = number / 1e6
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value:.0f} MB"


def length(seconds: float) -> str:
    """Seconds as a person reads them, in their largest unit."""
    for part, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= part:
            return f"{int(seconds // part)} {unit}"
    return f"{int(seconds)} s"


def grouped(processes: list[dict[str, Any]]) -> str:
    """Such as C(web 85 MB, worker 2x 24 MB): instances of one process together, with the memory of all; what is not up stands out."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for process in processes:
        groups.setdefault(re.sub(r"-\d+$", "", process["name"]), []).append(process)
    cells = []
    for name, its in groups.items():
        memory = [process["memory"] for process in its if process.get("memory") is not None]
        restarts = sum(process.get("restarts") or 0 for process in its)
        states = [process["state"].upper() for process in its if process["state"] != "active"]
        down = [f"{states.count(state)} {state}" if len(its) > 1 else state for state in sorted(set(states))]
        parts = [name, f"{len(its)}x" if len(its) > 1 else "", size(sum(memory)) if memory else "", *down, f"({restarts} restarts)" if restarts else ""]
        cells.append(" ".join(part for part in parts if part))
    return ", ".join(cells)


def health(told: dict[str, Any]) -> str:
    if told.get("fault") or not told.get("live"):
        return ""
    answer = told.get("health")
    if told.get("visitor") and not (answer or {}).get("fault"):
        return "NOT THROUGH NGINX"
    if not answer:
        return "" if told.get("visitor") is None else "ok"
    text = str(answer["status"] or "NO ANSWER")
    return f"{text} UNWELL" if answer["fault"] and answer["status"] else text if answer["fault"] else f"{text} in {round(1000 * answer['seconds'])} ms"


def certificate(told: dict[str, Any], now: float) -> str:
    found = told.get("certificate")
    if not found:
        return ""
    left = _findings.days_left(found.get("expires"), now)
    text = "UNREADABLE" if left is None else "EXPIRED" if left < 0 else f"{left} d"
    return f"{text}, self-signed" if found.get("self_signed") else text


def backup(told: dict[str, Any], now: float) -> str:
    """The age of the last good backup; nothing where none are made."""
    found = told.get("backup")
    return "" if not found else f"{age(found['last']['time'], now)}{', FAILED since' if found['failure'] else ''}" if found["last"] else "NONE YET"


def table(told: dict[str, Any]) -> list[str]:
    """Lines of what report() returns: applications, hosts, and what is found."""
    now = _findings.seconds(told["now"])
    marked = {(item["app"], item["host"]) for item in told["findings"] if item["level"] == "problem"}
    rows = [["WELL", "APPLICATION", "HOST", "LIVE RELEASE", "VERSION", "SINCE", "BY", "HEALTH", "PROCESSES", "CERTIFICATE"]]
    for app, its in told["applications"].items():
        for host, one in its["hosts"].items():
            rows.append(["NO" if (app, host) in marked else "yes", app, host, one.get("live") or "(none)", str(one.get("version") or ""),
                         age(one.get("since") or one.get("created") or "", now) if one.get("live") else "", one.get("by") or "",
                         health(one), grouped(one.get("processes", [])), certificate(one, now)])
    if any(one.get("backup") for its in told["applications"].values() for one in its["hosts"].values()):
        ages = [backup(one, now) for its in told["applications"].values() for one in its["hosts"].values()]
        rows = [[*row, cell] for row, cell in zip(rows, ["BACKUP", *ages])]
    lines = aligned(rows) if len(rows) > 1 else ["No application is placed on these hosts."]
    rows = [["WELL", "HOST", "SYSTEM", "UP", "LOAD", "MEMORY FREE", "DISK FREE", "UPDATES", "REBOOT"]]
    for host, one in told["hosts"].items():
        mark = "NO" if ("", host) in marked else "yes"
        if not one["reachable"]:
            rows.append([mark, host, "UNREACHABLE", "", "", "", "", "", ""])
            continue
        updates = one.get("updates")
        pending = "?" if updates is None else f"{len(updates['packages'])}, {len(updates['security'])} security" if updates["packages"] else "none"
        rows.append([mark, host, re.sub(r"^Debian GNU/Linux (\d+).*", r"Debian \1", one["system"]), length(one["up"]), f"{one['load']} of {one['processors']}",
                     f"{size(one['memory_available'])} of {size(one['memory_total'])}",
                     f"{size(one['disk_free'])} ({_findings.free(one)} %)", pending, "due" if one["reboot"] else "no"])
    lines += ["", *aligned(rows)]
    if told["findings"]:
        lines.append("")
    for item in told["findings"]:
        where = f"{item['app']} on {item['host']}" if item["app"] else item["host"]
        lines.append(f"{item['level'].upper()}: {where}: {item['text']}.")
    return lines
