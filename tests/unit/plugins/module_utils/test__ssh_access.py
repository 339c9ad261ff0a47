# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import struct

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _ssh_access as ssh

NOW = datetime.datetime(2026, 11, 21, 12, 0, 0)


def blob(*parts):
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()


ED25519 = "ssh-ed25519 " + blob(b"ssh-ed25519", b"x" * 32)


def rsa(bits):
    return "ssh-rsa " + blob(b"ssh-rsa", b"\x01\x00\x01", b"\x00" + (1 << (bits - 1)).to_bytes(bits // 8, "big"))


CONNECTION = b"SSH_CONNECTION=192.0.2.7 50022 192.0.2.10 22"


@pytest.mark.parametrize(
    "ancestors, expected",
    [
        ([], None),
        ([(0, b"PATH=/bin"), (1000, b"HOME=/home/admin")], None),
        # python <- sudo <- shell that sshd started
        (
            [(0, b"SUDO_USER=admin"), (0, b"A=1\0" + CONNECTION), (1000, CONNECTION + b"\0B=2"), (0, b"")],
            ssh.Connection(1000, "192.0.2.7", "192.0.2.10", 22, 50022),
        ),
        ([(0, CONNECTION)], ssh.Connection(0, "192.0.2.7", "192.0.2.10", 22, 50022)),
        ([(0, b"SSH_CONNECTION=nonsense")], None),
        ([(0, b"NOT_SSH_CONNECTION=192.0.2.7 50022 192.0.2.10 22")], None),
        ([(7, b"SSH_CONNECTION=fe80::1%eth0 1 fe80::2%eth0 2222")], ssh.Connection(7, "fe80::1%eth0", "fe80::2%eth0", 2222, 1)),
    ],
)
def test_connection_of(ancestors, expected):
    assert ssh.connection_of([ssh.Process(uid, environment) for uid, environment in ancestors]) == expected


def test_settings_from():
    settings = ssh.settings_from("port 22\nport 2222\nsubsystem sftp /usr/lib/sftp\nlonely\n")
    assert settings == {"port": ["22", "2222"], "subsystem": ["sftp /usr/lib/sftp"]}


@pytest.mark.parametrize(
    "value, expected",
    [
        (".ssh/authorized_keys .ssh/authorized_keys2", ["/home/a/.ssh/authorized_keys", "/home/a/.ssh/authorized_keys2"]),
        ("/etc/ssh/keys/%u", ["/etc/ssh/keys/a"]),
        ("%h/keys-%U-100%%", ["/home/a/keys-1000-100%"]),
        ("none", []),
    ],
)
def test_key_files(value, expected):
    assert ssh.key_files({"authorizedkeysfile": [value]}, "a", "/home/a", 1000) == expected


def test_other_sources():
    assert ssh.other_sources({"authorizedkeyscommand": ["none"]}) == []
    assert ssh.other_sources({"authorizedkeyscommand": ["/bin/keys %u"], "trustedusercakeys": ["/etc/ssh/ca"]}) == [
        "authorizedkeyscommand",
        "trustedusercakeys",
    ]


@pytest.mark.parametrize(
    "line, usable",
    [
        (ED25519, True),
        (f"{ED25519} a comment", True),
        (f"  {ED25519}", True),
        (f"\t{ED25519}\r", True),
        (rsa(3072), True),
        (rsa(2048), True),
        (rsa(1024), False),
        ("", False),
        ("# " + ED25519, False),
        ("ssh-ed25519", False),
        ("ssh-ed25519 not-base64 admin", False),
        # A key of another kind than the line says.
        ("ssh-ed25519 " + blob(b"ssh-rsa", b"\x01", b"\x01"), False),
        ("ssh-dss " + blob(b"ssh-dss", b"x"), False),
        ("ssh-ed25519 " + blob(b"ssh-ed25519", b"x")[:-8], False),
        (f"no-pty,no-port-forwarding {ED25519}", True),
        (f'environment="A=b c" {ED25519}', True),
        # What images of clouds put before root's key.
        (f'no-port-forwarding,command="echo \'Please login as \\"debian\\"\';sleep 10" {ED25519}', False),
        (f"restrict,pty {ED25519}", True),
        (f'from="192.0.2.0/24" {ED25519}', True),
        (f'from="192.0.2.*,198.51.100.1" {ED25519}', True),
        (f'from="!192.0.2.7,192.0.2.*" {ED25519}', False),
        (f'from="198.51.100.0/24" {ED25519}', False),
        (f'expiry-time="20261120" {ED25519}', False),
        (f'expiry-time="202611211300Z" {ED25519}', True),
        (f'expiry-time="20991231" {ED25519}', True),
        (f"cert-authority {ED25519}", True),
    ],
)
def test_usable_keys(line, usable):
    keys = ssh.keys_from(f"{line}\n")
    assert any(ssh.is_usable(key, "192.0.2.7", NOW, 2048) for key in keys) is usable


@pytest.mark.parametrize(
    "owner, mode, safe",
    [
        (1000, 0o100600, True),
        (0, 0o100644, True),
        (1000, 0o040755, True),
        (1001, 0o100600, False),
        (1000, 0o100660, False),
        (1000, 0o100602, False),
        (1000, 0o040777, False),
    ],
)
def test_is_safe(owner, mode, safe):
    assert ssh.is_safe(owner, mode, 1000) is safe
