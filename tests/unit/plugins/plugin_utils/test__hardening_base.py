# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.pyweb.stack.plugins.plugin_utils import _hardening_base as hardening_base

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8YkfiCvJ7q alice@laptop"


def admin(**options):
    return {"admins": [{"name": "alice", "keys": [KEY], **options}]}


@pytest.mark.parametrize("base", [
    {}, {"admins": []}, admin(), admin(exclusive=True), admin(keys=[KEY, f'from="192.0.2.1, 192.0.2.2",no-pty {KEY}']), admin(keys=[KEY + "\n" + KEY + "\n"]),
    {"admins": [{"name": "bob", "state": "absent"}]}, {"hostname": "web1"}, {"hostname": "web-1.Example.com"}, {"timezone": "UTC"}, {"timezone": "Etc/GMT+3"},
    {"timezone": "America/Argentina/Buenos_Aires"}, {"locale": "C.UTF-8"}, {"locale": "de_AT.UTF-8"}, {"locale": "ca_ES.UTF-8@valencia"}, {"swap": "512M"},
])
def test_what_is_right(base):
    assert hardening_base.base_faults(base) == []


@pytest.mark.parametrize("base, said", [
    ({"hostname": "web_1"}, "hardening_base.hostname is 'web_1'; give a name"),
    ({"hostname": "-web.example.com"}, "give a name"),
    ({"hostname": "a" * 64}, "give a name"),
    ({"hostname": ".".join(["a" * 63] * 4)}, "give a name"),
    ({"timezone": "../../etc/shadow"}, "such as Europe/Vienna"),
    ({"timezone": "Europe/Vienna\n"}, "such as Europe/Vienna"),
    ({"locale": "de_AT"}, "such as en_GB.UTF-8"),
    ({"locale": "de_AT.ISO-8859-1"}, "such as en_GB.UTF-8"),
    ({"swap": "2 GB"}, "hardening_base.swap is '2 GB'; give a size"),
    ({"swap": 0}, "give a size"),
    (admin(name="root"), "has 'root', which is no name for an administrator"),
    (admin(name="Alice"), "has 'Alice', which is no name"),
    (admin(name="alice ALL=(ALL) NOPASSWD: ALL\nbob"), "which is no name"),
    (admin(keys=[]), "has alice without keys"),
    (admin(keys=None), "has alice without keys"),
    ({"admins": [*admin()["admins"], *admin()["admins"]]}, "has alice twice; give all keys in one"),
    (admin(keys=["~/.ssh/id_ed25519.pub"]), "has a key of alice that is no public key"),
    (admin(keys=[KEY, "ssh-ed25519 alice"]), "has a key of alice that is no public key"),
])
def test_what_is_wrong_is_told(base, said):
    (fault,) = hardening_base.base_faults(base)
    assert said in fault


def test_a_private_key_is_not_repeated(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    private = (tmp_path / "key").read_text()
    (fault,) = hardening_base.base_faults(admin(keys=[private]))
    assert "no public key" in fault and not any(line in fault for line in private.splitlines())


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
def test_what_openssh_makes_is_a_key(tmp_path, kind):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / "key")], check=True)
    assert hardening_base.base_faults(admin(keys=[(tmp_path / "key.pub").read_text()])) == []
