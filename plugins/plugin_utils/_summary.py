# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy has done, as a table that a person reads at a glance. Pure."""

from __future__ import annotations

from typing import Any


def aligned(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines with columns of one width."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _sentence(done: dict[str, Any], check: bool) -> str:
    if not done.get("activate"):
        return "nothing to do"
    return "would go live" if check else "live"


def _took(durations: list[dict[str, float]]) -> str:
    """The seconds of a build in all and of its longest phases, on the slowest of the hosts."""
    slowest = max(durations, key=lambda phases: sum(phases.values()), default={})
    total = sum(slowest.values())
    longest = [f"{phase} {seconds:.0f}" for phase, seconds in slowest.items() if seconds >= 1 and seconds >= total / 10]
    return "" if not slowest else f"{total:.0f} s" + (f" ({', '.join(longest)})" if longest else "")


def summary(hosts: dict[str, dict[str, Any]], check: bool = False) -> list[str]:
    """Lines for all applications on all hosts; hosts that went the same way share a line.

    C(hosts) has for each host C(releases), what begin has decided by application (C(release), C(previous), C(activate)) with the seconds
    of each phase of its build (C(durations), where there was one), and C(urls) by application, empty for one without a site.
    """
    ways: dict[tuple[str, ...], list[str]] = {}
    took: dict[tuple[str, ...], list[dict[str, float]]] = {}
    for host, told in hosts.items():
        for name, done in told["releases"].items():
            release = str(done.get("release") or "")
            before = str(done.get("previous") or "(none)") if done.get("activate") else release
            way = (name, before, release, _sentence(done, check), told["urls"].get(name, ""))
            ways.setdefault(way, []).append(host)
            took.setdefault(way, []).append(done.get("durations") or {})
    if not ways:
        return ["No application is placed on these hosts."]
    rows = [["APPLICATION", "FROM", "TO", "", "BUILT IN", "HOSTS", "URL"]]
    for way, on in sorted(ways.items()):
        name, before, release, result, address = way
        rows.append([name, before, release, result, _took(took[way]), ", ".join(on), address])
    if not any(row[4] for row in rows[1:]):
        rows = [[*row[:4], *row[5:]] for row in rows]
    return aligned(rows)


def url(site: dict[str, Any] | None) -> str:
    """Where a visitor finds a site: its first domain that is a name of its own."""
    domains = [domain for domain in (site or {}).get("domains", []) if not domain.startswith("*.")]
    return f"https://{domains[0]}{(site or {}).get('path', '').rstrip('/')}/" if domains else ""
