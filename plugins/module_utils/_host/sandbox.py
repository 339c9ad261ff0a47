# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may do, and how much of the host it may take."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.servers import SAME_USER, listening, server_version

# Everything that served a GET and a POST into SQLite with gunicorn and uvicorn still worked under; writable is shared/ alone.
# Processes of a release have it, and its one-off commands. They may set their own priority, scheduling and affinity (@resources), since
# libraries end the process where that is refused (libzmq does), and without capabilities nobody takes more than what he has.
SANDBOX = """\
User={user}
Group={user}
UMask=0027
WorkingDirectory={path}
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome=yes
PrivateTmp=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
DevicePolicy=closed
"""


def _own_user(paths: Layout, release: str | None, web: t.Mapping[str, t.Any]) -> list[str]:
    """System calls by which a server that somebody's own command starts becomes, or gives its socket to, the user that it is already."""
    opens, old = web["opens"] is not None, release and server_version(paths.release(release), "gunicorn") < SAME_USER
    return (["@chown"] if opens else []) + (["@setuid"] if old and (opens or web["leads"]) else [])


def sandbox(paths: Layout, release: str | None, process: t.Mapping[str, t.Any], *more: str) -> str:
    """What a process may do, and how much of the host it may take; an empty one is the default. A command may have no release."""
    listed = process.get("writable")
    # os.path.join() leaves an absolute path as it is. Where it is missing, systemd goes without it.
    writable = [paths.shared] if listed is None else [f"-{os.path.normpath(os.path.join(paths.shared, path))}" for path in listed]
    # A command that knows only PORT needs a loopback, be it one of its own.
    web = listening("web", process, "") if process.get("health") else {"leads": False, "opens": None}
    network, loopback = process.get("network") or "yes", web["leads"]
    lines = {
        # Without capabilities the kernel refuses every other owner and user.
        "SystemCallFilter": " ".join(_own_user(paths, release, web)) or None,
        "LimitNOFILE": process.get("files") or 65536,
        "TasksMax": process.get("tasks"),
        "MemoryMax": process.get("memory"),
        # Otherwise a host with swap would move to it what is beyond the limit.
        "MemorySwapMax": "0" if process.get("memory") else None,
        "CPUQuota": process.get("cpu"),
        # Systemd's view of /dev has no other devices, whatever is allowed.
        "PrivateDevices": None if process.get("devices") else "yes",
        "DeviceAllow": "\nDeviceAllow=".join(f"{device} rw" for device in process.get("devices") or []),
        "MemoryDenyWriteExecute": None if process.get("jit") else "yes",
        # By netlink programs ask which addresses the host has (getifaddrs(3)); to change them takes capabilities.
        "RestrictAddressFamilies": "AF_UNIX" if network == "no" and not loopback else "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "PrivateNetwork": "yes" if network == "no" else None,
        "IPAddressDeny": None if network == "yes" else "any",
        "IPAddressAllow": "localhost" if network == "local" or (network == "no" and loopback) else None,
    }
    return SANDBOX.format(user=paths.user, path=paths.release(release) if release else paths.path, writable=" ".join([*writable, *more])) + "".join(
        f"{name}={value}\n" for name, value in lines.items() if value)
