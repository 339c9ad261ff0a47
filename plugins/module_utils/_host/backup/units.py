# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer of an application's backups, and the unit that it starts."""

from __future__ import annotations

import contextlib
import datetime
import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_text, write_file

SERVICE = """# Written by pyweb.stack.
[Unit]
Description={app} backup
After=network-online.target {services}
Wants=network-online.target

[Service]
Type=oneshot
# Where the host reaches the outside through a proxy only.
EnvironmentFile=-/etc/pyweb/proxy.env
ExecStart=/usr/bin/python3 -I {program} backup {app}
Nice=19
IOSchedulingClass=idle
CPUWeight=10
IOWeight=10
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
"""
TIMER = """# Written by pyweb.stack.
[Unit]
Description={app} backup by the clock

[Timer]
OnCalendar={schedule}
RandomizedDelaySec=600
Persistent=yes
Unit={unit}.service

[Install]
WantedBy=timers.target
"""
# How many times ahead tell how long the longest pause is.
AHEAD = 40


def texts(app: App, schedule: str, services: str) -> dict[str, str]:
    """Paths and what has to be there."""
    unit = app.paths.backup_unit
    return {
        f"{app.paths.units}/{unit}.service": SERVICE.format(app=app.name, program=app.system.program(), services=services),
        f"{app.paths.units}/{unit}.timer": TIMER.format(app=app.name, schedule=schedule, unit=unit),
    }


def period(app: App, schedule: str) -> float | None:
    """The longest time between two backups, in seconds; None for a schedule that ends. Raises HostError for one that systemd does not know."""
    done = app.system.run(["env", "TZ=UTC", "LC_ALL=C", "systemd-analyze", "calendar", f"--iterations={AHEAD}", "--", schedule])
    if done.returncode != 0:
        raise HostError(f"pyweb_apps.{app.name}.backup.schedule is {schedule!r}, which systemd does not understand: systemd-analyze calendar shows why.")
    return longest(done.stdout)


def longest(printed: str) -> float | None:
    """Pure: the longest pause between the times that systemd-analyze has printed."""
    times = [datetime.datetime.strptime(found, "%Y-%m-%d %H:%M:%S") for found in re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", printed)]
    return max(((later - earlier).total_seconds() for earlier, later in zip(times, times[1:])), default=None)


def write(app: App, schedule: str, services: str) -> bool:
    """The timer runs as wanted. Whether anything has changed."""
    changed = False
    for path, text in texts(app, schedule, services).items():
        with contextlib.suppress(FileNotFoundError):
            if read_text(path) == text:
                continue
        write_file(path, text, 0o644)
        changed = True
    timer = f"{app.paths.backup_unit}.timer"
    if changed:
        app.system.run(["systemctl", "daemon-reload"])
    running = app.system.run(["systemctl", "is-active", timer]).returncode == 0
    if changed or not running:
        app.system.run(["systemctl", "enable", timer])
        started = app.system.run(["systemctl", "restart", timer])
        if started.returncode != 0:
            raise HostError(f"the timer of the backups does not start: {started.stdout.strip()}")
    return changed or not running


def remove(app: App) -> None:
    """Also where the files are gone already, and systemd still has the timer."""
    unit = app.paths.backup_unit
    app.system.run(["systemctl", "stop", f"{unit}.timer"])
    for path in (f"{unit}.timer", f"{unit}.service", f"timers.target.wants/{unit}.timer"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{app.paths.units}/{path}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(app.paths.timer_stamp(f"{unit}.timer"))
    app.system.run(["systemctl", "daemon-reload"])
