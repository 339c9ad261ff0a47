# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _listening as listening
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in_look as look
from ansible_collections.pyweb.stack.plugins.module_utils._way_in import Socket

LISTEN, UNCONNECTED = 10, 7
RAW = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" \
      "  112: 00000000:0070 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 777 2 0 0\n" \
      "    1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 778 2 0 0\n"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A function that puts processes (number, name, unit or none, inodes), sockets (protocol, address, port, inode) and other files in place."""
    def put(processes=(), sockets=(), files=None):
        for pid, name, unit, inodes in processes:
            (tmp_path / f"proc/{pid}/fd").mkdir(parents=True)
            (tmp_path / f"proc/{pid}/comm").write_text(f"{name}\n")
            (tmp_path / f"proc/{pid}/cgroup").write_text(f"0::/system.slice/{unit}\n" if unit else "0::/init.scope\n")
            for number, inode in enumerate(inodes):
                (tmp_path / f"proc/{pid}/fd/{number}").symlink_to(f"socket:[{inode}]")
        for path, text in (files or {}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        monkeypatch.setattr(look, "sockets", lambda: [
            Socket(protocol, address, port, "0.0.0.0", 0, LISTEN if protocol == "tcp" else UNCONNECTED, inode) for protocol, address, port, inode in sockets])
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(look, "PROC", str(tmp_path / "proc"))
    monkeypatch.setattr(look, "NET", str(tmp_path / "net"))
    return put


def found():
    return [(item.protocol, item.port, item.by) for item in listening.from_outside()]


def test_what_takes_connections_from_outside_is_named_by_its_service(host):
    host([(7, "postgres", "system-postgresql.slice/postgresql@17-main.service", [11]), (8, "python3", None, [12]), (1, "systemd", None, [13, 14]),
          (9, "cockpit-ws", "cockpit.service", [14])],
         [("tcp", "0.0.0.0", 5432, 11), ("tcp", "::", 5432, 11), ("tcp", "192.0.2.1", 8080, 12), ("tcp", "127.0.0.1", 6379, 12), ("tcp", "::1", 25, 12),
          ("udp", "0.0.0.0", 1194, 12), ("tcp", "::", 5000, 13), ("tcp", "::", 9090, 14), ("tcp", "0.0.0.0", 2049, 0)])
    assert found() == [("tcp", 2049, ""), ("tcp", 5000, "systemd"), ("tcp", 5432, "postgresql@17-main"), ("tcp", 8080, "python3"), ("tcp", 9090, "cockpit"),
                       ("udp", 1194, "python3")]


@pytest.mark.parametrize("socket, process", [
    (("udp", "0.0.0.0", 68, 5), "dhclient"), (("udp", "fe80::1", 546, 5), "systemd-network"), (("udp", "0.0.0.0", 123, 5), "ntpd"),
    (("udp", "0.0.0.0", 12345, 5), "dhclient"), (("tcp", "0.0.0.0", 111, 5), "rpcbind"), (("tcp", "::", 5355, 5), "systemd-resolve"),
    (("udp", "0.0.0.0", 41000, 5), "resolver"),
    (("tcp", "0.0.0.0", 41001, 5), "rpc.statd"), (("tcp", "0.0.0.0", 41002, 0), ""), (("udp", "0.0.0.0", 41003, 0), ""),
])
def test_clients_and_what_the_kernel_picks_are_nobodys_service(host, socket, process):
    host([(5, process, f"{process}.service", [5])] if process else [], [socket])
    assert found() == []


def test_the_tunnel_of_the_kernel_is_somebodys_service(host):
    host(sockets=[("udp", "0.0.0.0", 51820, 0)], files={"net/wg0/uevent": "DEVTYPE=wireguard\nINTERFACE=wg0\n"})
    assert found() == [("udp", 51820, "")]


@pytest.mark.parametrize("address, ports", [("", []), ("fe80000000000000000000000000000a 02 40 20 80 eth0\n", []),
                                            ("20010db8000000000000000000000001 02 40 00 80 eth0\n", [8080])])
def test_what_docker_publishes_goes_past_the_firewall_unless_by_ipv6(host, address, ports):
    host([(5, "docker-proxy", "docker.service", [5]), (6, "docker-proxy", "docker.service", [6])],
         [("tcp", "0.0.0.0", 8080, 5), ("tcp", "::", 8080, 6)], {"proc/net/if_inet6": address})
    assert found() == [("tcp", port, "docker-proxy") for port in ports]


def test_routers_speak_without_ports(host):
    host([(5, "keepalived", "keepalived.service", [777])], files={"proc/net/raw": RAW})
    assert found() == [("vrrp", 0, "keepalived")]


def test_whose_a_port_is_that_nginx_needs(host):
    host([(40, "apache2", "apache2.service", [1]), (41, "apache2", "apache2.service", [1]), (50, "nginx", "nginx.service", [2]), (51, "caddy", None, [3])],
         [("tcp", "127.0.0.1", 80, 1), ("tcp", "0.0.0.0", 443, 2), ("tcp", "::", 443, 2), ("tcp", "::", 8080, 3), ("udp", "::", 443, 3)])
    assert listening.at([80, 443], "50") == [{"port": 80, "by": "apache2"}]
    assert listening.at([80, 443], "0") == [{"port": 80, "by": "apache2"}, {"port": 443, "by": "nginx"}]
