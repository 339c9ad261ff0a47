# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd would say with the role's drop-in, before that is there. sshd is a stand-in that knows first values, Include, and Match Address."""

from __future__ import annotations

import glob
import os
import shlex
import types

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _sshd_look as sshd_look
from ansible_collections.pyweb.stack.plugins.module_utils._ssh_access import Process

CLIENT = "192.0.2.7"
WANTED = [{"keyword": "PasswordAuthentication", "value": "no"}, {"keyword": "PubkeyAuthentication", "value": "yes"}]
OTHERS = {
    # Files of the administrator's, and what another file would undo.
    "nothing": ({}, []),
    "a file that comes later": ({"50-admin.conf": "PasswordAuthentication yes"}, []),
    "a file that comes first": ({"00-admin.conf": "PasswordAuthentication yes"}, ["passwordauthentication yes instead of no"]),
    "a block for others": ({"50-admin.conf": "Match Address 198.51.100.1\nPasswordAuthentication yes"}, []),
    "a block for this client": ({"50-admin.conf": f"Match Address {CLIENT}\nPasswordAuthentication yes"}, ["passwordauthentication yes instead of no"]),
    "a block by which keys are off": ({"50-admin.conf": f"Match Address {CLIENT}\nPubkeyAuthentication no"}, ["pubkeyauthentication no instead of yes"]),
}


def effective(path: str, client: str) -> dict[str, str]:
    first, matched = {}, {}
    into = first
    lines = open(path, encoding="utf-8").read().splitlines()
    while lines:
        word, *values = shlex.split(lines.pop(0)) or ["", ""]
        if word == "Include":
            # A Match block ends with its file.
            for name in sorted(glob.glob(values[0]), reverse=True):
                lines[:0] = [*open(name, encoding="utf-8").read().splitlines(), "Match all"]
        elif word == "Match":
            into = first if values == ["all"] else matched if values == ["Address", client] else {}
        else:
            into.setdefault(word.lower(), values[0])
    return {"passwordauthentication": "yes", "pubkeyauthentication": "yes", **first, **matched}


@pytest.fixture
def host(monkeypatch, tmp_path):
    drop_ins = tmp_path / "sshd_config.d"
    drop_ins.mkdir()
    config = tmp_path / "sshd_config"
    config.write_text(f"Include {drop_ins}/*.conf\n")
    monkeypatch.setattr(sshd_look, "SSHD", "/bin/sh")
    monkeypatch.setattr(sshd_look, "SSHD_CONFIG", str(config))
    environment = f"SSH_CONNECTION={CLIENT} 50000 192.0.2.1 22".encode()
    monkeypatch.setattr(sshd_look.ssh_access_look, "ancestors", lambda: [Process(os.getuid(), environment)])
    monkeypatch.setattr(sshd_look.way_in_look, "find", lambda *dummy: sshd_look.way_in.Found())

    def run_command(command, **dummy):
        if command[:2] != ["/bin/sh", "-T"]:
            return 1, "", ""
        path = command[command.index("-f") + 1] if "-f" in command else str(config)
        settings = effective(path, CLIENT if "-C" in command else "")
        return 0, "".join(f"{keyword} {value}\n" for keyword, value in settings.items()), ""

    params = {"files": {"ssh": str(drop_ins / "00-pyweb.conf")}, "sshd": WANTED, "rsa_bits": 2048, "root_waits": False}
    return types.SimpleNamespace(drop_ins=drop_ins, params=params, tmpdir=str(tmp_path), run_command=run_command)


@pytest.mark.parametrize("case", OTHERS)
def test_what_others_would_undo_is_known_before_the_drop_in_is_there(host, case):
    files, undone = OTHERS[case]
    for name, text in files.items():
        (host.drop_ins / name).write_text(text + "\n")
    before = sshd_look.look_at_ssh(host)
    assert before["foreseen"] == undone
    assert sorted(path.name for path in host.drop_ins.iterdir()) == sorted(files)
    (host.drop_ins / "00-pyweb.conf").write_text("PasswordAuthentication no\nPubkeyAuthentication yes\n")
    after = sshd_look.look_at_ssh(host)
    assert after["foreseen"] == after["undone"] == undone


@pytest.mark.parametrize("data, kept", [(b"# a\r\nPort 22\r\n", True), (b"# caf\xe9\nPort 22\n", False)], ids=["line ends of Windows", "another encoding"])
def test_no_byte_of_sshd_config_is_changed(monkeypatch, tmp_path, data, kept):
    (tmp_path / "sshd_config").write_bytes(data)
    monkeypatch.setattr(sshd_look, "SSHD_CONFIG", str(tmp_path / "sshd_config"))
    found = sshd_look.edited(types.SimpleNamespace(params={"sshd_words": False}), {"lines": []})
    assert [file["content"].encode() for file in found.values()] == ([data] if kept else [])
