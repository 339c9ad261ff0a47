# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With whose rights keys are read: sshd reads them with those of the user."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _ssh_access_look as look

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtesr2AeN6GzXDk2mqMzdBGrA6AVAQV7xB7Pmt0FzpQ deputy\n"


class Rights:
    """Stands in for the calls by which root takes on the rights of somebody else."""

    def __init__(self):
        self.user, self.group, self.groups = 0, 0, [0]

    def initgroups(self, name, group):
        assert self.user == 0
        self.groups = [group, 27]

    def setgroups(self, groups):
        assert self.user == 0
        self.groups = groups

    def setegid(self, group):
        assert self.user == 0
        self.group = group

    def seteuid(self, user):
        self.user = user


@pytest.fixture
def rights(monkeypatch):
    rights = Rights()
    for name in ("initgroups", "setgroups", "setegid", "seteuid"):
        monkeypatch.setattr(os, name, getattr(rights, name))
    monkeypatch.setattr(os, "geteuid", lambda: rights.user)
    monkeypatch.setattr(os, "getegid", lambda: rights.group)
    monkeypatch.setattr(os, "getgroups", lambda: rights.groups)
    return rights


@pytest.mark.parametrize("reader, usable, said", [(1001, 1, "1 usable of 1 keys"), (0, 0, "deputy cannot read it (Permission denied)")])
def test_keys_are_read_with_the_rights_of_the_user(rights, monkeypatch, tmp_path, reader, usable, said):
    """By NFS with root_squash root reads nothing; of a file that is root's alone, sshd learns nothing."""
    keys = tmp_path / "authorized_keys"
    keys.write_text(KEY)
    seen = []

    def opened(path, **options):
        seen.append((rights.user, rights.group, rights.groups))
        if rights.user != reader:
            raise PermissionError(13, "Permission denied")
        return open(path, **options)

    monkeypatch.setattr(look, "open", opened, raising=False)
    monkeypatch.setattr(look, "_is_safe", lambda path, home, uid: rights.user == uid)
    user = pwd.struct_passwd(("deputy", "x", 1001, 1002, "", str(tmp_path), "/bin/sh"))
    assert look.look_at_keys(str(keys), user, "192.0.2.7", 2048) == (usable, f"{keys}: {said}")
    assert seen == [(1001, 1002, [1002, 27])]
    assert (rights.user, rights.group, rights.groups) == (0, 0, [0])


@pytest.mark.parametrize("running, user", [(1001, 1001), (0, 0)])
def test_nothing_changes_where_the_rights_are_those_of_the_user_already(rights, tmp_path, running, user):
    rights.user = running
    rights.initgroups = rights.setegid = rights.seteuid = None
    found = look.look_at_keys(str(tmp_path / "none"), pwd.struct_passwd(("x", "x", user, user, "", str(tmp_path), "")), "192.0.2.7", 2048)
    assert found == (0, f"{tmp_path}/none: not there")
