# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say of themselves and their applications, for tests of what is made of it."""

from __future__ import annotations

import calendar

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-2b3c4d5"
NOW = calendar.timegm((2026, 11, 3, 5, 0, 0))
MACHINE = {"disk_total": 100e9, "disk_free": 40e9, "inodes_free": 80, "memory_total": 4e9, "memory_available": 1.5e9, "load": 0.2, "processors": 2,
           "up": 90000, "system": "Debian GNU/Linux 13 (trixie)", "reboot": "", "updates": {"packages": [], "security": []}}


def process(name, **more):
    return {"name": name, "state": "active", "since": 60, "restarts": 0, "memory": 24_000_000, **more}


def one(**more):
    return {
        "exists": True, "live": B, "version": "v2", "since": "20261103T030000Z", "by": "she@there", "processes": [process("web")], "damage": "",
        "health": {"path": "/", "status": 200, "seconds": 0.012, "fault": ""}, "visitor": "", "failure": None, "lease": None, "switch": None,
        "certificate": {"path": "/c.pem", "expires": "20270103T050000Z", "self_signed": False}, **more,
    }


def host(machine=None, others=(), **applications):
    return {"host": {**MACHINE, **(machine or {})}, "others": list(others), "applications": applications}
