# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which port or protocol a connection to sshd really enters the host, when it comes through a tunnel that ends here.

A firewall that is tried over such a connection proves nothing: the tunnel's own flow is established, so it lives on until
the host reboots or the tunnel is opened anew. So the way is looked up: from sshd's connection to the process, or the
interface, that it comes from, and from there to the port by which that one is reached.

Decides on what the caller has read; nothing here touches the host.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

ESTABLISHED, LISTEN = 1, 10
# What a tunnel's interface is (ARPHRD_NONE) that carries packets without a header of its own: WireGuard, OpenVPN in the kernel, xfrm.
NO_HEADER = 65534
# Kinds of interfaces (ARPHRD_*) whose packets are carried by a protocol of their own.
CARRIERS = {768: 4, 769: 41, 776: 41, 778: 47, 823: 47}
PROTOCOLS = {"ah": 51, "esp": 50, "gre": 47, "igmp": 2, "ipip": 4, "ipv6": 41, "ospf": 89, "vrrp": 112}
_MARK = "# Way in"


@dataclasses.dataclass(frozen=True)
class Socket:
    """One line of /proc/net/{tcp,udp}{,6}. A socket of the kernel itself has an inode that no process has, or 0."""

    protocol: str
    address: str
    port: int
    remote: str
    remote_port: int
    state: int
    inode: int

    @property
    def is_open(self) -> bool:
        """Takes what comes from anywhere: a listening TCP socket, a UDP socket without a peer."""
        return (self.state == LISTEN if self.protocol == "tcp" else self.remote_port == 0) and not is_loopback(self.address)


@dataclasses.dataclass(frozen=True, order=True)
class Way:
    """What must come in: a port of TCP or UDP, or all packets of a protocol (its number, with port 0)."""

    protocol: str
    port: int
    by: str

    @property
    def match(self) -> str:
        return f"{self.protocol} dport {self.port}" if self.port else f"meta l4proto {self.protocol}"


@dataclasses.dataclass(frozen=True)
class Found:
    """ways: what to let in. unknown: why the way could not be found, else empty."""

    ways: tuple[Way, ...] = ()
    unknown: str = ""


def plain(address: str) -> str:
    """An address as ipaddress writes it, an IPv4 address also where it is written as an IPv6 one; without its interface."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _address(text: str) -> str:
    words = bytes.fromhex(text)
    # Each word of four bytes is in the order of this machine, which is little-endian on all that Debian is tested on.
    return plain(str(ipaddress.ip_address(b"".join(words[n : n + 4][::-1] for n in range(0, len(words), 4)))))


def sockets_from(text: str, protocol: str) -> list[Socket]:
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9:
            (local, port), (remote, remote_port) = fields[1].split(":"), fields[2].split(":")
            found.append(
                Socket(protocol, _address(local), int(port, 16), _address(remote), int(remote_port, 16), int(fields[3], 16), int(fields[9]))
            )
    return found


def client_socket(sockets: t.Iterable[Socket], client: str, client_port: int, server_port: int) -> Socket | None:
    """The other end, on this host, of a connection to sshd."""
    ends = (client_port, server_port)
    return next((s for s in sockets if s.protocol == "tcp" and (s.port, s.remote_port) == ends and s.address == plain(client)), None)


def ways_to_process(own: t.Collection[Socket], everything: t.Iterable[Socket], by: str) -> tuple[list[Way], list[Socket], bool]:
    """How a process that passes connections on is reached from outside.

    Returns the ways, the connections that come from another process of this host, and whether it has called out to somebody
    itself: the answers come in anyhow.
    """
    served = {(s.protocol, s.port) for s in everything if s.is_open}
    ways, inner, outgoing = set(), [], False
    for socket in own:
        is_served = (socket.protocol, socket.port) in served
        if socket.is_open:
            ways.add(Way(socket.protocol, socket.port, by))
        elif socket.remote_port and is_loopback(socket.remote):
            inner.append(socket)
        elif socket.remote_port and is_served:
            ways.add(Way(socket.protocol, socket.port, by))
        elif socket.remote_port:
            outgoing = True
    return sorted(ways), inner, outgoing


def ways_of_kernel(sockets: t.Iterable[Socket], held: t.Collection[int], by: str) -> list[Way]:
    """UDP ports of the kernel's own tunnels: WireGuard, VXLAN, L2TP. C(held) are the inodes that processes have."""
    return sorted({Way("udp", s.port, by) for s in sockets if s.protocol == "udp" and s.inode not in held and s.is_open})


def bridge_port(table: bytes, neighbour: str) -> int | None:
    """The number of the port of a bridge behind which a neighbour (a MAC) is, by the bridge's table (/sys/class/net/*/brforward)."""
    wanted = bytes.fromhex(neighbour.replace(":", ""))
    for place in range(0, len(table) - 15, 16):
        # struct __fdb_entry of linux/if_bridge.h: the address, the port's lower byte, whether it is the port's own, its age, the port's upper byte.
        entry = table[place : place + 16]
        if wanted and entry[:6] == wanted and not entry[7]:
            return entry[6] | entry[12] << 8
    return None


def ways_of_ipsec(policies: str, client: str, routed: bool = False) -> list[Way]:
    """By what C(ip xfrm policy) prints: whether packets of the client come by IPsec.

    routed: they come by an interface without hardware, such as IPsec's own (xfrm, vti), whose policies are for everybody.
    """
    for source in re.findall(r"^src (\S+) dst \S+.*\n\s+dir in ", policies, re.MULTILINE):
        network = ipaddress.ip_network(source, strict=False)
        if (network.prefixlen or routed) and ipaddress.ip_address(plain(client)) in network:
            return [Way("udp", 500, "IPsec"), Way("udp", 4500, "IPsec"), Way(str(PROTOCOLS["esp"]), 0, "IPsec")]
    return []


def written(ways: t.Iterable[Way]) -> list[str]:
    """Lines for the table, which kept_from understands."""
    lines = []
    for way in sorted(set(ways)):
        lines += [f"{_MARK}: {way.by}", f"{way.match} accept"]
    return lines


def kept_from(table: str, sockets: t.Iterable[Socket]) -> list[Way]:
    """The ways that an earlier run has let in, as long as something is there that they lead to: others may come by them."""
    served = {(s.protocol, s.port) for s in sockets if s.is_open}
    kept = []
    for by, protocol, port, number in re.findall(rf"{_MARK}: (.*)\n\s*(?:(tcp|udp) dport (\d+)|meta l4proto (\d+)) accept", table):
        if number:
            kept.append(Way(number, 0, by))
        elif (protocol, int(port)) in served:
            kept.append(Way(protocol, int(port), by))
    return kept
