# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that several hosts have logged, as one text in the order of time. Pure."""

from __future__ import annotations

import datetime
import shlex
from typing import Any


def merged(hosts: dict[str, list[dict[str, Any]]], count: int) -> list[str]:
    """The last C(count) of what the module release_logs returned on each host, with time (UTC), host, application, process and release before each."""
    lines = [(item["time"], host, item) for host, items in hosts.items() for item in items]
    # The sort is stable: lines of one moment stay as their host has them.
    lines.sort(key=lambda line: line[0])
    return [f"{stamp(when)} {host} {item['app']}/{item['source']} {item['release']} {item['text']}" for when, host, item in lines[-count:]]


def stamp(when: float) -> str:
    """Seconds since 1970 as 2026-11-20T20:15:00.123Z."""
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def follow(host: dict[str, Any], names: list[str], process: str | None = None, nginx: bool = False) -> str:
    """The command that shows what is logged from now on, on the host with these variables."""
    if nginx:
        command = "sudo tail -F " + " ".join(f"/var/log/nginx/{name}.access.log" for name in names)
    else:
        units = [f"pyweb.{name}.{part}.*" for name in names for part in ((process, f"{process}-[0-9]*") if process else ("*",))]
        command = "sudo journalctl -f -n 20 -o short-iso " + " ".join(f"-u {shlex.quote(unit)}" for unit in units)
    where = str(host.get("ansible_host") or host.get("inventory_hostname"))
    user = host.get("ansible_user")
    port = ["-p", str(host["ansible_port"])] if host.get("ansible_port") else []
    return shlex.join(["ssh", *port, f"{user}@{where}" if user else where, command])
