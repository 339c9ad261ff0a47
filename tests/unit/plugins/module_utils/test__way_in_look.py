# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in_look as look
from ansible_collections.pyweb.stack.plugins.module_utils._ssh_access import Connection
from ansible_collections.pyweb.stack.plugins.module_utils._way_in import Socket


# The kernel's ARPHRD_ETHER, _TUNNEL, _IPGRE and _NONE.
@pytest.mark.parametrize("kind, protocols, known", [(1, [], True), (768, ["4"], True), (778, ["47"], True), (65534, [], False)])
def test_an_interface_without_header_that_nobody_knows_is_a_tunnel(kind, protocols, known, monkeypatch):
    monkeypatch.setattr(look, "read", lambda path: f"{kind}\n" if path.endswith("/none-such/type") else "")
    found = look._by_interface("none-such", [])
    assert [way.protocol for way in found.ways] == protocols
    assert ("none-such" in found.unknown) is not known


def test_a_connection_without_addresses_comes_by_a_way_that_is_not_known(monkeypatch):
    """As where a program starts C(sshd -i) itself."""
    monkeypatch.setattr(look, "sockets", lambda: [Socket("udp", "0.0.0.0", 51820, "0.0.0.0", 0, 7, 0)])
    found = look.find(Connection(0, "UNKNOWN", "UNKNOWN", 65535, 65535), run, "# Way in: wireguard wg0\nudp dport 51820 accept\n")
    assert "without addresses" in found.unknown and [way.port for way in found.ways] == [51820]


def test_ssh_comes_in_by_each_sshd_and_by_its_socket(tmp_path, monkeypatch):
    processes = {"1": ("/sbin/init", 11), "7": ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 22),
                 "8": ("sshd: /usr/sbin/sshd -D -p 2222 [listener] 0 of 10-100 startups", 33), "9": ("sshd: admin [priv]", 44)}
    for pid, (line, inode) in processes.items():
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "cmdline").write_text(line.replace(" -D", "\0-D") + "\0")
        (tmp_path / pid / "fd/3").symlink_to(f"socket:[{inode}]")
    monkeypatch.setattr(look, "PROC", str(tmp_path))
    monkeypatch.setattr(look, "sockets", lambda: [Socket("tcp", address, port, "0.0.0.0", 0, 10, inode) for address, port, inode in (
        ("0.0.0.0", 2022, 11), ("0.0.0.0", 2023, 11), ("::", 22, 22), ("10.0.0.1", 2222, 33), ("0.0.0.0", 9000, 44), ("127.0.0.1", 2024, 11))])
    listen = "Listen=0.0.0.0:2022 (Stream)\nListen=127.0.0.1:2024 (Stream)\nListen=[::]:23 (Stream)\nListen=/run/x (Stream)\n"
    assert look.ssh_ports(lambda command: listen if command[-1] == "ssh.socket" else "") == [22, 2022, 2222]


# --- bridges ----------------------------------------------------------------------------------------------------------

NEAR, FAR, OWN = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
# As Linux 6.18 shows it: the inode is no process's.
VXLAN = [Socket("udp", "0.0.0.0", 4789, "0.0.0.0", 0, 7, 16634161), Socket("udp", "0.0.0.0", 68, "0.0.0.0", 0, 7, 99)]


def entry(mac, port, own=0):
    """One of the bridge's table, as the kernel writes it."""
    return bytes.fromhex(mac.replace(":", "")) + bytes([port & 0xFF, own]) + bytes(4) + bytes([port >> 8]) + bytes(3)


def run(command):
    """iproute2 on a host whose client of 10.9.0.2 is near, and of 10.8.0.2 behind a router."""
    if command[:4] == ["ip", "-o", "route", "get"]:
        return f"{command[4]} from 10.9.0.1 {'via 10.9.0.254 ' if command[4] == '10.8.0.2' else ''}dev br0 uid 0 \\    cache \n"
    assert command[:3] == ["ip", "neigh", "show"] and command[-2:] == ["dev", "br0"]
    found = {"10.9.0.2": NEAR, "10.9.0.254": FAR, "10.9.0.3": OWN}.get(command[3])
    return f"{command[3]} lladdr {found} REACHABLE \n" if found else ""


@pytest.fixture
def bridge(tmp_path, monkeypatch):
    """br0 with a network card, eth0, as its first port, and the tunnel vx0 as port 258; NEAR is behind the tunnel, FAR behind the card."""
    for path, text in {"br0/type": "1\n", "br0/bridge/x": "", "br0/brif/eth0/port_no": "0x1\n", "br0/brif/vx0/port_no": "0x102\n", "br0/lower_eth0/x": "",
                       "br0/lower_vx0/x": "", "eth0/type": "1\n", "eth0/device": "", "vx0/type": "1\n", "vx0/uevent": "DEVTYPE=vxlan\nINTERFACE=vx0\n",
                       "br0.10/type": "1\n", "br0.10/lower_br0/x": ""}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "br0/brforward").write_bytes(entry(OWN, 1, own=1) + entry(FAR, 1) + entry(NEAR, 258))
    (tmp_path / "proc/7/fd").mkdir(parents=True)
    (tmp_path / "proc/7/fd/6").symlink_to("socket:[99]")
    monkeypatch.setattr(look, "NET", str(tmp_path))
    monkeypatch.setattr(look, "PROC", str(tmp_path / "proc"))
    return tmp_path


@pytest.mark.parametrize("interface, client, ports", [
    ("br0", "10.9.0.2", [4789]), ("br0", "10.8.0.2", []), ("br0", "10.9.0.3", []), ("br0", "10.9.0.4", []), ("eth0", "10.9.0.2", []),
])
def test_a_tunnel_may_be_the_port_of_a_bridge(bridge, interface, client, ports):
    found = look._by_interfaces([interface], VXLAN, run, Connection(0, client, "10.9.0.1", 22))
    assert [way.port for part in found for way in part.ways] == ports and not any(part.unknown for part in found)


def test_a_vlan_of_a_bridge_is_looked_through(bridge):
    assert look._under("br0.10", run, Connection(0, "10.9.0.2", "10.9.0.1", 22)) == ["br0"]


@pytest.mark.parametrize("program, open_file, ports, known", [
    ("openvpn", "/dev/net/tun", [1194], True), ("qemu-system-x86", "/dev/net/tun", [], True), ("cloud-hyperviso", "anon_inode:kvm-vm", [], True),
    ("vhost", "/dev/vhost-net", [], True),
])
def test_the_device_of_a_virtual_machine_is_no_tunnel(tmp_path, monkeypatch, program, open_file, ports, known):
    for path, text in {"7/comm": f"{program}\n", "7/fdinfo/5": "pos:\t0\niff:\ttap0\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "7/fd").mkdir()
    (tmp_path / "7/fd/5").symlink_to(open_file)
    (tmp_path / "7/fd/6").symlink_to("socket:[99]")
    (tmp_path / "net/tap0").mkdir(parents=True)
    (tmp_path / "net/tap0/tun_flags").write_text("0x1002\n")
    monkeypatch.setattr(look, "PROC", str(tmp_path))
    monkeypatch.setattr(look, "NET", str(tmp_path / "net"))
    # Of a virtual machine, this would be its screen.
    found = look._by_interface("tap0", [Socket("udp", "0.0.0.0", 1194, "0.0.0.0", 0, 7, 99)])
    assert [way.port for way in found.ways] == ports and (not found.unknown) is known
