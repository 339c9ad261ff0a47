# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What status tells of the applications of a host, as metrics in Prometheus' text format, for the text file collector of its node exporter.

Of the host itself, the node exporter tells.
"""

from __future__ import annotations

import calendar
import concurrent.futures
import os
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import applications
from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import status
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

FILE = "pyweb.prom"

# Metrics by name: type and help. They are written in this order; each has the label app.
FAMILIES: dict[str, tuple[str, str]] = {
    "pyweb_readable": ("gauge", "Whether the state of the application could be read."),
    "pyweb_release_info": ("gauge", "The live release; the value is always 1."),
    "pyweb_release_live_timestamp_seconds": ("gauge", "When the live release went live, by a deploy, a restart, a rollback or a return."),
    "pyweb_release_damaged": ("gauge", "Whether the directory of the live release lacks something."),
    "pyweb_deploy_failed": ("gauge", "Whether the newest release failed, and an older one is live."),
    "pyweb_switch_in_progress": ("gauge", "Whether a switch to another release is under way."),
    "pyweb_health_up": ("gauge", "Whether the health check of the web process passes on its own socket."),
    "pyweb_health_duration_seconds": ("gauge", "How long the answer to the health check took."),
    "pyweb_site_up": ("gauge", "Whether the health check passes through nginx, as a visitor comes."),
    "pyweb_certificate_expiry_timestamp_seconds": ("gauge", "When the certificate of the site expires."),
    "pyweb_certificate_self_signed": ("gauge", "Whether the certificate of the site is its own issuer."),
    "pyweb_process_up": ("gauge", "Whether a process of the live release runs."),
    "pyweb_process_restarts_total": ("counter", "How often a process of the live release has ended by itself and was restarted."),
    "pyweb_process_uptime_seconds": ("gauge", "For how long a process of the live release has been up."),
    "pyweb_process_memory_bytes": ("gauge", "Memory that a process of the live release holds, with its children."),
    "pyweb_backup_failed": ("gauge", "Whether the last backup failed."),
    "pyweb_backup_last_success_timestamp_seconds": ("gauge", "When the last good backup was made."),
    "pyweb_backup_period_seconds": ("gauge", "The longest time that is planned between two backups."),
}

# A metric, its labels besides app, its value; None where there is nothing to tell.
Sample = tuple[str, dict[str, str], t.Union[float, None]]


def seconds(moment: str | None) -> int | None:
    """Since 1970, of UTC as 20261120T201500Z; None for nothing, or something else."""
    try:
        return calendar.timegm(time.strptime(moment or "", "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def samples(found: dict[str, t.Any]) -> t.Iterator[Sample]:
    """Of one application, from what status.look() tells. What it does not have has no sample."""
    yield "pyweb_readable", {}, "fault" not in found
    if not found.get("live"):
        return
    yield "pyweb_release_info", {
        "release": found["live"], "version": found["version"] or "", "revision": found["revision"] or "", "python": found["python_version"] or "",
        "manager": found["manager"] or "systemd", "action": found["action"] or "",
    }, 1
    yield "pyweb_release_live_timestamp_seconds", {}, seconds(found["since"])
    yield "pyweb_release_damaged", {}, bool(found["damage"])
    yield "pyweb_deploy_failed", {}, bool(found["failure"])
    yield "pyweb_switch_in_progress", {}, bool(found["switch"])
    health, certificate, backup = found["health"], found["certificate"], found["backup"]
    if health:
        yield "pyweb_health_up", {}, not health["fault"]
        # How long nothing took tells nothing.
        yield "pyweb_health_duration_seconds", {}, None if health["status"] is None else health["seconds"]
    yield "pyweb_site_up", {}, None if found["visitor"] is None else not found["visitor"]
    if certificate:
        yield "pyweb_certificate_expiry_timestamp_seconds", {}, seconds(certificate["expires"])
        yield "pyweb_certificate_self_signed", {}, certificate["self_signed"]
    for process in found["processes"]:
        labels = {"process": process["name"]}
        yield "pyweb_process_up", labels, process["state"] == "active"
        yield "pyweb_process_restarts_total", labels, process["restarts"]
        yield "pyweb_process_uptime_seconds", labels, process["since"]
        yield "pyweb_process_memory_bytes", labels, process["memory"]
    if backup:
        yield "pyweb_backup_failed", {}, bool(backup["failure"])
        yield "pyweb_backup_last_success_timestamp_seconds", {}, seconds((backup["last"] or {}).get("time"))
        yield "pyweb_backup_period_seconds", {}, backup["period"]


def quoted(value: str) -> str:
    """The value of a label, as the format has it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def text(found: t.Mapping[str, dict[str, t.Any]]) -> str:
    """Pure: the whole file, from what was found by application. The lines of one metric stand together, as the format wants them."""
    lines: dict[str, list[str]] = {name: [] for name in FAMILIES}
    for app, one in found.items():
        for name, labels, value in samples(one):
            if value is not None:
                told = ",".join(f"{label}={quoted(str(word))}" for label, word in {"app": app, **labels}.items())
                lines[name].append(f"{name}{{{told}}} {value if isinstance(value, float) else int(value)}")
    return "".join(
        f"# HELP {name} {FAMILIES[name][1]}\n# TYPE {name} {FAMILIES[name][0]}\n" + "".join(f"{line}\n" for line in its)
        for name, its in lines.items() if its)


def write(directory: str, system: System) -> None:
    """Looks at all applications of this host and writes the file. Raises HostError where there is no such directory.

    The directory above it is the exporter's own, which could lead root elsewhere by a link.
    """
    if os.path.islink(directory) or not os.path.isdir(directory):
        raise HostError(f"{directory} is no directory: appserver_metrics.directory names the one that the node exporter reads.")
    names = applications(system.root)
    with concurrent.futures.ThreadPoolExecutor(status.TOGETHER) as pool:
        found = dict(zip(names, pool.map(lambda name: status.one(name, system), names)))
    path = f"{directory}/{FILE}"
    # The exporter reads whatever ends in .prom, a file that is not whole yet as well.
    write_file(f"{path}.new", text(found), 0o644)
    os.rename(f"{path}.new", path)
