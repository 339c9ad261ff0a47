# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of root's, names that become paths, commands."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import files
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"


@pytest.mark.parametrize("name", ["../etc", "a/b", "", "A", "a.b", "a_b", "-a", "a" * 27, "a\n"])
def test_a_name_that_is_none_never_becomes_a_path(name):
    with pytest.raises(HostError, match="^name is "):
        App(name)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "f"
    write_file(str(path), "one")
    before = path.stat().st_ino
    write_file(str(path), "ü\r\n", 0o600)
    assert path.read_bytes() == "ü\r\n".encode() and path.stat().st_ino != before and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError):
        write_file(str(path), "\ud800")
    assert os.listdir(tmp_path) == ["f"] and path.read_bytes() == "ü\r\n".encode()


def test_what_a_killed_write_left_is_used_up(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.pyweb-f").symlink_to(outside)
    write_file(str(tmp_path / "d/f"), "x")
    assert os.listdir(tmp_path / "d") == ["f"] and outside.read_text() == "mine"


def test_run_returns_what_was_printed_on_both_ways():
    done = System().run(["/bin/sh", "-c", "echo a; echo b >&2; cat; exit 3"])
    assert (done.returncode, done.stdout) == (3, "a\nb\n")


def test_file_systems_are_synced_once_each(tmp_path, monkeypatch):
    class Library:
        asked = []

        def syncfs(self, handle):
            self.asked.append(os.readlink(f"/proc/self/fd/{handle}"))
            return 0

    monkeypatch.setattr("ctypes.CDLL", lambda *ignored, **options: Library())
    (tmp_path / "a").mkdir()
    files.sync_file_systems([str(tmp_path / "a"), str(tmp_path), str(tmp_path / "gone"), "/proc"])
    assert Library.asked == [str(tmp_path / "a"), "/proc"]


def test_a_disk_that_has_failed_is_no_success(tmp_path, monkeypatch):
    class Library:
        def syncfs(self, handle):
            import ctypes
            ctypes.set_errno(errno.EIO)
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *ignored, **options: Library())
    with pytest.raises(OSError, match="Input/output error"):
        files.sync_file_systems([str(tmp_path)])
