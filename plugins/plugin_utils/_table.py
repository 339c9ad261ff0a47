# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is deployed where, as a table that a person reads. Pure: no I/O; the time is given."""

from __future__ import annotations

import calendar
import time

from ansible_collections.pyweb.stack.plugins.module_utils._host import releases


def age(then: str, now: float) -> str:
    """C(then) is UTC as 20261120T201500Z."""
    try:
        seconds = max(0, now - calendar.timegm(time.strptime(then, "%Y%m%dT%H%M%SZ")))
    except (TypeError, ValueError):
        return "?"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def megabytes(size: int | None) -> str:
    """What the release alone takes on the disk; files that it shares with others do not count."""
    return "" if size is None else f"{size / 1e6:.1f} MB"


def rows(host: str, info: dict, now: float) -> list[list[str]]:
    try:
        dummy, target = releases.rollback_of_all({host: info})
    except releases.ReleaseError:
        target = None
    result = []
    for release, manifest in sorted(info["releases"].items(), reverse=True):
        mark = ""
        if release == info["live"]:
            mark = "live" if info["running"] else "live, DOWN"
        elif release == target:
            mark = "rollback target"
        elif manifest.get("replaced_by"):
            mark = "restarted"
        if manifest.get("pinned"):
            mark = f"{mark}, pinned".lstrip(", ")
        result.append([host, release, mark, manifest.get("state", "?"), str(manifest.get("version") or ""), str(manifest.get("revision") or "")[:10],
                       age(manifest.get("created", ""), now), megabytes(manifest.get("size")), str(manifest.get("by") or "")])
    return result


def table(name: str, hosts: dict[str, dict], now: float) -> list[str]:
    """Lines for one application: every kept release on every host, then what differs and what a deploy would bring."""
    head = ["HOST", "RELEASE", "", "STATE", "VERSION", "REVISION", "AGE", "SIZE", "BY"]
    body = [row for host, info in hosts.items() for row in rows(host, info, now)]
    if not body:
        return [f"{name}: nothing is deployed."]
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    lines = [f"{name}:"] + ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *body]]
    live = {host: info["releases"].get(info["live"], {}).get("revision") for host, info in hosts.items()}
    if len(set(live.values())) > 1:
        lines.append("DIFFERENT: " + ", ".join(f"{host} serves {(revision or 'nothing')[:10]}" for host, revision in live.items()))
    for host, info in hosts.items():
        newest = max(info["releases"], default="")
        if info["releases"].get(newest, {}).get("error"):
            lines.append(f"{info['releases'][newest]['state'].upper()}: {newest} on {host}: {info['releases'][newest]['error']}")
        if info.get("switch"):
            switch = info["switch"]
            end = f"at {switch['until']} the host completes it" if switch.get("until") else "the host completes it"
            lines.append(f"SWITCHING: to {switch['release']} on {host} by {switch.get('by') or '?'} since {switch['since']}, not complete: "
                         f"{end} or returns from it by itself, and the next deploy or rollback goes on from there.")
        if info.get("lease") and info["lease"].get("until", 0) > now:
            lines.append(f"DEPLOYING: {info['lease']['by']} on {host} since {info['lease']['since']}")
    pending = next((info["pending"] for info in hosts.values() if info.get("pending")), [])
    version = next((info["version"] for info in hosts.values() if info.get("version")), "")
    if pending:
        lines += [f"A deploy of {version} would bring:", *(f"  {line}" for line in pending)]
    elif version:
        news = any(info.get("revision") not in (None, live[host]) for host, info in hosts.items())
        lines.append(f"A deploy of {version} would bring {'another state' if news else 'nothing new'} from the source.")
    return lines
