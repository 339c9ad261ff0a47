# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in as way_in

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref\n"
TAIL = "00000000:00000000 00:00000000 00000000     0        0 %d 2 0000000000000000 0\n"
POLICIES = """src 10.9.0.0/24 dst 192.0.2.10/32
\tdir in priority 371327 ptype main
\ttmpl src 198.51.100.7 dst 192.0.2.10
src 0.0.0.0/0 dst 0.0.0.0/0
\tsocket in priority 0 ptype main
"""


def tcp(address, port, remote="0.0.0.0", remote_port=0, inode=1):
    return way_in.Socket("tcp", address, port, remote, remote_port, way_in.ESTABLISHED if remote_port else way_in.LISTEN, inode)


def udp(address, port, remote="0.0.0.0", remote_port=0, inode=1):
    return way_in.Socket("udp", address, port, remote, remote_port, 7, inode)


def test_the_kernel_s_tables_are_read():
    four = HEADER + "   0: 0100007F:08AE 0A0200C0:0016 01 " + TAIL % 77
    six = HEADER + "   1: 0000000000000000FFFF00000100007F:0016 00000000000000000000000001000000:08AE 01 " + TAIL % 0
    assert way_in.sockets_from(four, "tcp") == [tcp("127.0.0.1", 2222, "192.0.2.10", 22, 77)]
    assert way_in.sockets_from(six, "tcp") == [tcp("127.0.0.1", 22, "::1", 2222, 0)]


def test_a_socket_of_this_process_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        with open("/proc/net/tcp", encoding="ascii") as stream:
            sockets = way_in.sockets_from(stream.read(), "tcp")
        found = way_in.client_socket(sockets, *client.getsockname(), server.getsockname()[1])
    assert found is not None and (found.state, found.remote) == (way_in.ESTABLISHED, "127.0.0.1")


@pytest.mark.parametrize(
    "own, others, expected",
    [
        ([udp("0.0.0.0", 51820)], [], ([("udp", 51820)], 0, False)),
        # A multiplexer in one process; a listener on loopback is no way in.
        ([tcp("::", 443), tcp("127.0.0.1", 9000)], [], ([("tcp", 443)], 0, False)),
        # One that forks: the child has the connection, the parent the port.
        ([tcp("192.0.2.10", 2222, "198.51.100.7", 40000)], [tcp("0.0.0.0", 2222)], ([("tcp", 2222)], 0, False)),
        ([udp("192.0.2.10", 1194, "198.51.100.7", 40000)], [udp("0.0.0.0", 1194)], ([("udp", 1194)], 0, False)),
        # A reverse tunnel calls out, so nothing has to come in.
        ([tcp("192.0.2.10", 40000, "198.51.100.7", 22)], [], ([], 0, True)),
        # Behind another process of this host.
        ([tcp("127.0.0.1", 9000, "127.0.0.1", 40001)], [tcp("127.0.0.1", 9000)], ([], 1, False)),
    ],
)
def test_how_a_process_is_reached(own, others, expected):
    ways, inner, outgoing = way_in.ways_to_process(own, [*own, *others], "x")
    assert ([(way.protocol, way.port) for way in ways], len(inner), outgoing) == expected


@pytest.mark.parametrize("inodes", [(0, 0), (16634161, 16634162)])
def test_a_tunnel_of_the_kernel_has_a_socket_that_no_process_has(inodes):
    sockets = [udp("0.0.0.0", 51820, inode=inodes[0]), udp("0.0.0.0", 68, inode=5), udp("0.0.0.0", 51820, inode=inodes[1])]
    assert way_in.ways_of_kernel(sockets, {5, 6}, "wireguard wg0") == [way_in.Way("udp", 51820, "wireguard wg0")]


@pytest.mark.parametrize("client, number", [("10.9.0.7", 3), ("10.8.0.7", 0), ("fd00::7", 0)])
def test_ipsec_counts_for_those_who_come_by_it(client, number):
    assert len(way_in.ways_of_ipsec(POLICIES, client)) == number


def test_an_interface_of_ipsec_has_policies_for_everybody():
    everybody = "src 0.0.0.0/0 dst 0.0.0.0/0 \n\tdir in priority 399999 ptype main \n\ttmpl src 198.51.100.7 dst 192.0.2.10\n"
    assert not way_in.ways_of_ipsec(everybody, "10.9.0.7")
    assert [way.match for way in way_in.ways_of_ipsec(everybody, "10.9.0.7", routed=True)] == ["udp dport 500", "udp dport 4500", "meta l4proto 50"]


def test_a_way_stays_as_long_as_it_leads_somewhere():
    ways = [way_in.Way("47", 0, "gre1"), way_in.Way("udp", 1194, "openvpn by tun0"), way_in.Way("udp", 51820, "wireguard wg0")]
    table = "".join(f"\t\t{line}\n" for line in way_in.written(ways))
    assert "# Way in: wireguard wg0\n\t\tudp dport 51820 accept\n" in table
    assert "meta l4proto 47 accept" in table
    assert way_in.kept_from(table, [udp("0.0.0.0", 51820, inode=0)]) == [ways[0], ways[2]]
