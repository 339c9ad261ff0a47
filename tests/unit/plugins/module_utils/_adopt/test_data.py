# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that are copied while they are in use."""

from __future__ import annotations

import contextlib
import getpass
import os
import pathlib
import sqlite3
import tempfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._adopt.data import Copier


@pytest.fixture
def copier():
    return Copier(getpass.getuser())


def count(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM orders").fetchone()[0]


def test_a_second_copy_brings_only_what_is_new(tmp_path, copier):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "one").write_text("1")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("a/b/one")
    os.mkfifo(source / "fifo")
    copier.copy(str(source), str(target))
    assert (target / "a" / "b" / "one").read_text() == "1" and os.readlink(target / "link") == "a/b/one" and os.access(target / "run", os.X_OK)
    assert not (target / "fifo").exists() and copier.files == 3
    (source / "a" / "two").write_text("2")
    (target / "own").write_text("of the new place")
    again = Copier(copier.user)
    again.copy(str(source), str(target))
    assert again.files == 1 and (target / "own").exists()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_database_that_both_sides_have_open(tmp_path, copier, mode):
    old = sqlite3.connect(tmp_path / "old.sqlite3", isolation_level=None)
    old.execute(f"PRAGMA journal_mode={mode}")
    old.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    old.executemany("INSERT INTO orders VALUES (?)", [(number,) for number in range(100)])
    copier.copy(str(tmp_path / "old.sqlite3"), str(tmp_path / "new.sqlite3"))
    with contextlib.closing(sqlite3.connect(tmp_path / "new.sqlite3", isolation_level=None)) as new:
        assert new.execute("SELECT count(*) FROM orders").fetchone() == (100,)
        # What is not in the file itself yet comes over as well, to whoever has the new one open.
        old.execute("INSERT INTO orders VALUES (1000)")
        copier.copy(str(tmp_path / "old.sqlite3"), str(tmp_path / "new.sqlite3"))
        assert new.execute("SELECT count(*) FROM orders").fetchone() == (101,)
    old.close()


def test_what_sqlite_keeps_beside_a_database_stays_there(tmp_path, copier):
    (tmp_path / "old").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "old" / "x.db", isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        (tmp_path / "old" / "notes-wal").write_text("no database is beside it")
        copier.copy(str(tmp_path / "old"), str(tmp_path / "new"))
    assert {"x.db", "notes-wal"} <= set(os.listdir(tmp_path / "new")) and count(tmp_path / "new" / "x.db") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")
def test_a_link_in_the_new_place_leads_nowhere():
    # pytest's own directories are closed to other users.
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        os.chmod(top, 0o755)
        (top / "source").write_text("new")
        (top / "secret").mkdir(mode=0o700)
        (top / "place").mkdir()
        os.chown(top / "place", 65534, 65534)
        os.symlink(top / "secret", top / "place" / "inside")
        copier = Copier("nobody")
        with pytest.raises(PermissionError):
            copier.copy(str(top / "source"), str(top / "place" / "inside" / "x"))
        assert os.listdir(top / "secret") == [] and os.geteuid() == 0
        copier.copy(str(top / "source"), str(top / "place" / "x"))
        assert os.stat(top / "place" / "x").st_uid == 65534
