# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from /proc and /sys what _way_in decides on."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _way_in as way_in
from ansible_collections.pyweb.stack.plugins.module_utils._ssh_access import Connection

PROC, NET = "/proc", "/sys/class/net"
Run = t.Callable[[list[str]], str]
# Kinds of interfaces that the kernel serves by a UDP socket of its own.
KERNEL_TUNNELS = ("wireguard", "vxlan", "geneve", "fou", "l2tpeth")
# How an sshd calls itself that waits for connections; those of its sessions listen for their users.
LISTENER = re.compile(r"sshd: .*\[listener\]")
# Processes behind one another that pass a connection on, and interfaces that lie on one another.
MOST_HOPS = 5
# What a process that runs a virtual machine has open. Its TAP device leads to the machine, and to nowhere outside.
MACHINE = re.compile(r"anon_inode:kvm-vm|/dev/vhost-net")


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def sockets() -> list[way_in.Socket]:
    found = []
    for protocol in ("tcp", "udp"):
        for version in ("", "6"):
            found += way_in.sockets_from(read(f"{PROC}/net/{protocol}{version}"), protocol)
    return found


def _open(pid: str) -> list[str]:
    """What a process has open, as /proc names it."""
    found = []
    for path in glob.glob(f"{PROC}/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(path))
    return found


def inodes_of(pid: str) -> set[int]:
    return {int(target[8:-1]) for target in _open(pid) if target.startswith("socket:[")}


def name_of(pid: str) -> str:
    return read(f"{PROC}/{pid}/comm").strip()


def processes() -> list[str]:
    return [name for name in os.listdir(PROC) if name.isdecimal()]


def _own_addresses(run: Run) -> dict[str, str]:
    """Addresses of this host, each with its interface."""
    found = re.findall(r"^\d+: (\S+)\s+inet6? ([0-9A-Fa-f.:]+)", run(["ip", "-o", "address", "show"]), re.MULTILINE)
    return {way_in.plain(address): interface for interface, address in found}


def _interfaces(run: Run, connection: Connection) -> set[str]:
    """The one that has the address that was called, and the one by which answers leave."""
    client, server = way_in.plain(connection.client), way_in.plain(connection.server)
    found = re.search(r"\bdev (\S+)", run(["ip", "-o", "route", "get", client, "from", server]))
    return {name for name in (_own_addresses(run).get(server), found[1] if found else None) if name}


def _by_process(connection: Connection, everything: list[way_in.Socket]) -> way_in.Found:
    """The connection comes from a process of this host: which one, and how is that one reached."""
    start = way_in.client_socket(everything, connection.client, connection.client_port, connection.port)
    if start is None:
        return way_in.Found(unknown="it comes from this host itself, but from no process that is to be seen here")
    ways: list[way_in.Way] = []
    outgoing = False
    queue, seen = [start], set()
    for dummy in range(MOST_HOPS):
        following = []
        for socket in queue:
            for pid in processes():
                inodes = inodes_of(pid)
                if pid in seen or socket.inode not in inodes:
                    continue
                seen.add(pid)
                name = name_of(pid)
                own = [other for other in everything if other.inode in inodes and other.inode != socket.inode]
                found, inner, called = way_in.ways_to_process(own, everything, name)
                ways += found
                outgoing = outgoing or called
                for other in inner:
                    end = way_in.client_socket(everything, other.remote, other.remote_port, other.port)
                    following += [end] if end else []
        queue = following
    if ways or outgoing:
        return way_in.Found(tuple(sorted(set(ways))))
    return way_in.Found(unknown="it comes from a process of this host that is reached by no port that is to be seen here")


def _is_machine(pid: str) -> bool:
    return any(map(MACHINE.match, _open(pid))) or name_of(pid).startswith("qemu")


def _neighbour(interface: str, run: Run, connection: Connection) -> str:
    """The address on the wire (MAC) by which packets of the client come to the interface: its own, or that of a router before it."""
    client, server = way_in.plain(connection.client), way_in.plain(connection.server)
    router = re.search(r"\bvia (?:inet6? )?(\S+)", run(["ip", "-o", "route", "get", client, "from", server]))
    found = re.search(r"\blladdr (\S+)", run(["ip", "neigh", "show", router[1] if router else client, "dev", interface]))
    return found[1] if found else ""


def _under(interface: str, run: Run, connection: Connection) -> list[str]:
    """Interfaces by which packets come to this one: of a bridge, the port behind which the client is; of a VLAN or a bond, those that it is made of."""
    directory = f"{NET}/{interface}"
    if not os.path.exists(f"{directory}/bridge"):
        return [os.path.basename(path).partition("_")[2] for path in glob.glob(f"{glob.escape(directory)}/lower_*")]
    try:
        with open(f"{directory}/brforward", "rb") as stream:
            number = way_in.bridge_port(stream.read(), _neighbour(interface, run, connection))
    except OSError:
        return []
    return [os.path.basename(path) for path in glob.glob(f"{glob.escape(directory)}/brif/*")
            if number is not None and int(read(f"{path}/port_no").strip() or "0", 16) == number]


def _tun_ways(interface: str, everything: list[way_in.Socket]) -> tuple[list[way_in.Way], bool]:
    """Ways to the processes that hold a TUN or TAP device (OpenVPN, Tailscale), and whether there are such processes, or a virtual machine."""
    ways, held = [], False
    for pid in processes():
        if any(re.search(rf"^iff:\s*{re.escape(interface)}$", read(path), re.MULTILINE) for path in glob.glob(f"{PROC}/{pid}/fdinfo/*")):
            if _is_machine(pid):
                held = True
                continue
            inodes = inodes_of(pid)
            own = [socket for socket in everything if socket.inode in inodes]
            found, dummy, called = way_in.ways_to_process(own, everything, f"{name_of(pid)} by {interface}")
            held = held or bool(found) or called
            ways += found
    return ways, held


def _type(interface: str) -> int:
    """Its kind of packets (ARPHRD_*)."""
    return int(read(f"{NET}/{interface}/type").strip() or 0)


def _by_interface(interface: str, everything: list[way_in.Socket]) -> way_in.Found:
    directory = f"{NET}/{interface}"
    kind = re.search(r"^DEVTYPE=(\S+)", read(f"{directory}/uevent"), re.MULTILINE)
    number = _type(interface)
    if os.path.exists(f"{directory}/tun_flags"):
        ways, held = _tun_ways(interface, everything)
        if not held:
            return way_in.Found(unknown=f"it comes by the tunnel {interface}, whose process is reached by no port that is to be seen here")
        return way_in.Found(tuple(ways))
    if kind and kind[1] in KERNEL_TUNNELS:
        users = {inode for pid in processes() for inode in inodes_of(pid)}
        ways = way_in.ways_of_kernel(everything, users, f"{kind[1]} {interface}")
        # Without a port of its own to be seen, a tunnel such as fou is one that is not known here.
        return way_in.Found(tuple(ways), "" if ways else f"it comes by the tunnel {interface}, whose port is not to be seen here")
    if number in way_in.CARRIERS:
        return way_in.Found((way_in.Way(str(way_in.CARRIERS[number]), 0, interface),))
    if kind and kind[1] == "ppp" or number == way_in.NO_HEADER and not os.path.exists(f"{directory}/device"):
        return way_in.Found(unknown=f"it comes by the tunnel {interface}, of which the carrier is not known here")
    return way_in.Found()


def _by_interfaces(interfaces: list[str], everything: list[way_in.Socket], run: Run, connection: Connection) -> list[way_in.Found]:
    """What these say, and those that lie under them: a tunnel may be the port of a bridge."""
    found: list[way_in.Found] = []
    for dummy in range(MOST_HOPS):
        parts = {interface: _by_interface(interface, everything) for interface in interfaces}
        found += parts.values()
        # Under a tunnel is what carries it.
        interfaces = sorted({other for interface, part in parts.items() if part == way_in.Found() for other in _under(interface, run, connection)})
    return found


def ssh_ports(run: Run) -> list[int]:
    """Ports by which SSH comes in now: of each sshd, also where it is no affair of ssh.service, and those where ssh.socket waits for connections."""
    listening = [socket for socket in sockets() if socket.protocol == "tcp" and socket.is_open]
    servers = {inode for pid in processes() if LISTENER.match(read(f"{PROC}/{pid}/cmdline")) for inode in inodes_of(pid)}
    waited_at = {int(port) for port in re.findall(r":(\d+) \(Stream\)$", run(["systemctl", "show", "--property=Listen", "ssh.socket"]), re.MULTILINE)}
    return sorted({socket.port for socket in listening if socket.inode in servers or socket.port in waited_at})


def find(connection: Connection, run: Run, table: str) -> way_in.Found:
    """How the connection enters the host, and what an earlier run has let in by the same reasoning.

    run: runs a command and returns its standard output, empty when it fails. table: the file with the firewall that is there.
    """
    everything = sockets()
    client = way_in.plain(connection.client) if connection.has_addresses else ""
    if not client:
        found = way_in.Found(unknown="a program has handed it to sshd by a pipe or the like, without addresses")
    elif way_in.is_loopback(client) or client in _own_addresses(run):
        found = _by_process(connection, everything)
    else:
        interfaces = sorted(_interfaces(run, connection))
        parts = _by_interfaces(interfaces, everything, run, connection)
        routed = any(_type(interface) in (way_in.NO_HEADER, *way_in.CARRIERS) for interface in interfaces)
        ipsec = way_in.ways_of_ipsec(run(["ip", "xfrm", "policy"]), client, routed)
        ways = [way for part in parts for way in part.ways] + ipsec
        unknown = "" if ipsec else next((part.unknown for part in parts if part.unknown), "")
        found = way_in.Found(tuple(ways), unknown)
    return way_in.Found(tuple(sorted({*found.ways, *way_in.kept_from(table, everything)})), found.unknown)
