# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on this host: programs of others that a firewall would shut off, or that have a port which ours need."""

from __future__ import annotations

import dataclasses
import glob
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _way_in as way_in
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in_look as look

# Clients have these open, too, and get their answers all the same: DHCP, NTP, names on the local network. rpcbind alone serves nothing.
CLIENTS = {("udp", port) for port in (68, 111, 123, 323, 546, 5353, 5355)} | {("tcp", 111), ("tcp", 5355)}
# Has opened ports at random besides, for updates of DNS that it never sends.
DHCP = "dhclient"
# From here on, a port may be one that the kernel has picked (net.ipv4.ip_local_port_range).
PICKED = 32768
# What keeps routers and addresses alive: protocols without ports, seen as raw sockets.
RAW = {89: "ospf", 112: "vrrp"}


@dataclasses.dataclass(frozen=True, order=True)
class Listener:
    """protocol: C(tcp), C(udp), or one of RAW with port 0. by: the unit or program; empty where it is the kernel."""

    protocol: str
    port: int
    by: str


def _holders(inodes: set[int]) -> dict[int, list[str]]:
    """The processes that have each of these sockets open."""
    found: dict[int, list[str]] = {}
    for pid in look.processes():
        for inode in look.inodes_of(pid) & inodes:
            found.setdefault(inode, []).append(pid)
    return found


def _named(pids: list[str]) -> str:
    """The service that a socket belongs to. systemd itself holds those of sockets that it waits at."""
    for pid in sorted(pids, key=lambda pid: (pid == "1", int(pid))):
        unit = re.search(r"/([^/\n]+)\.service$", look.read(f"{look.PROC}/{pid}/cgroup"), re.MULTILINE)
        return unit[1] if unit and look.name_of(pid) != "docker-proxy" else look.name_of(pid)
    return ""


def _is_ours_to_close(socket: way_in.Socket, by: str, holders: list[str]) -> bool:
    """Whether a firewall would shut off somebody who comes by this socket."""
    if (socket.protocol, socket.port) in CLIENTS or DHCP in [look.name_of(pid) for pid in holders]:
        return False
    if by == "docker-proxy":
        # Docker leads IPv4 past the host's own chain. IPv6 goes through this program, where the host has an address for it.
        return ":" in socket.address and bool(re.search(r"^\S+ \S+ \S+ 00 ", look.read(f"{look.PROC}/net/if_inet6"), re.MULTILINE))
    if socket.port < PICKED:
        return True
    if socket.protocol == "udp":
        return not holders and bool(_kernel_tunnels())
    # Of NFS: the kernel's, and those that ask rpcbind for a port.
    return bool(holders) and not any(look.name_of(pid).startswith("rpc.") for pid in holders)


def _kernel_tunnels() -> list[str]:
    kinds = [re.search(r"^DEVTYPE=(\S+)", look.read(path), re.MULTILINE) for path in glob.glob(f"{look.NET}/*/uevent")]
    return [kind[1] for kind in kinds if kind and kind[1] in look.KERNEL_TUNNELS]


def from_outside() -> list[Listener]:
    """What takes connections from outside, but for clients that only seem to."""
    found = set()
    everything = [socket for socket in look.sockets() if socket.is_open]
    holders = _holders({socket.inode for socket in everything})
    for socket in everything:
        pids = holders.get(socket.inode, [])
        by = _named(pids)
        if _is_ours_to_close(socket, by, pids):
            found.add(Listener(socket.protocol, socket.port, by))
    raw = [socket for version in ("", "6") for socket in way_in.sockets_from(look.read(f"{look.PROC}/net/raw{version}"), "raw") if socket.port in RAW]
    holders = _holders({socket.inode for socket in raw})
    found |= {Listener(RAW[socket.port], 0, _named(holders.get(socket.inode, []))) for socket in raw}
    return sorted(found)


def at(ports: list[int], service: str) -> list[dict[str, t.Any]]:
    """Who listens at TCP ports, at whatever address, but for a service (the number of its first process, "0" for none): C(port) and C(by)."""
    own = look.inodes_of(service)
    those = [socket for socket in look.sockets() if socket.protocol == "tcp" and socket.state == way_in.LISTEN and socket.port in ports]
    others = [socket for socket in those if socket.inode not in own]
    holders = _holders({socket.inode for socket in others}) if others else {}
    found = sorted({(socket.port, _named(holders.get(socket.inode, []))) for socket in others})
    return [{"port": port, "by": by} for port, by in found]
