# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what is refused, which one is meant, what restic's words mean, and copies of SQLite while others write."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import threading

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup import config as backup_config, make, restic, restore, units
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds import KINDS, sqlite
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import backup as step

A, B, C = "20261101T000000Z-aaaaaaa", "20261102T000000Z-bbbbbbb", "20261103T000000Z-ccccccc"


def snapshot(identifier, host="web1", before=None, release=A):
    return {"id": identifier, "time": "20261101T023000Z", "host": host, "release": release, "before": before}


ALL = [snapshot("11112222"), snapshot("33334444", before=B), snapshot("55556666", host="web2"), snapshot("77778888", before=C), snapshot("9999aaaa")]


@pytest.mark.parametrize("wanted, found", [
    ("latest", "9999aaaa"), ("before", "77778888"), (f"before:{B}", "33334444"), ("5555", "55556666"), ("11112222333344445555", "11112222"),
])
def test_the_backup_that_is_meant(wanted, found):
    assert restore.chosen(ALL, wanted, "web1", "shop")["id"] == found


@pytest.mark.parametrize("wanted, host, sentence", [
    ("latest", "web3", "there is no backup of shop from web3; there are those of web1, web2"),
    (f"before:{A}", "web1", f"no backup of shop from web1 that was made before {A} migrated"),
    ("before", "web2", "made before a release migrated"),
    ("abcdef12", "web1", "snapshot is 'abcdef12'"),
    ("1", "web1", "snapshot is '1'"),
])
def test_no_such_backup(wanted, host, sentence):
    with pytest.raises(HostError, match=sentence):
        restore.chosen(ALL, wanted, host, "shop")


@pytest.mark.parametrize("wanted", ["latest", "before", f"before:{B}", "11112222"])
def test_an_empty_repository(wanted):
    with pytest.raises(HostError, match="^there is no backup of shop yet: ansible-playbook pyweb.stack.backup -e app=shop makes the first one.$"):
        restore.chosen([], wanted, "web1", "shop")


SFTP = ("Fatal: unable to open repository at sftp:vault@192.0.2.9:r: unable to start the sftp session, error: error receiving version packet from "
        "server: server unexpectedly closed connection: unexpected EOF")


@pytest.mark.parametrize("printed, sentence", [
    ("Fatal: wrong password or no key found", "pyweb_apps.shop.backup.password has to be the one"),
    ("Fatal: Resolving password failed: Fatal: /etc/pyweb/shop/backup-password does not exist", "the password for /mnt/r is missing"),
    ("Fatal: repository does not exist: unable to open config file: stat /mnt/r/config: no such file or directory", "there is no repository at /mnt/r."),
    ("Save(<data/0a1b>) returned error: write /mnt/r/data/0a: no space left on device", "the disk is full"),
    ("ciphertext verification failed", "/mnt/r is damaged"),
    ("error: pack 0a1b: not found in index\nFatal: repository contains errors", "/mnt/r is damaged"),
    ("unable to create lock in backend: repository is already locked by PID 71 on web2", "in use by another restic"),
    # As restic prints it: what ssh says, each line behind "subprocess ssh: ", then what that means for itself.
    (f"subprocess ssh: Host key verification failed.\n{SFTP}", "is not known to root's ssh"),
    (f"subprocess ssh: vault@192.0.2.9: Permission denied (publickey).\n{SFTP}", "root's ssh may not log in"),
    (f"subprocess ssh: ssh: connect to host 192.0.2.9 port 22: Connection refused\n{SFTP}", "cannot be reached"),
    (f"subprocess ssh: ssh: connect to host 192.0.2.9 port 22: Connection timed out\n{SFTP}", "cannot be reached"),
    (f"subprocess ssh: ssh: Could not resolve hostname vault: Name or service not known\n{SFTP}", "cannot be reached"),
    ("Stat(<config/>): Access Denied.", "backup.env has to have its credentials"),
    ("something new\nFatal: something that nobody has seen", "restic and /mnt/r: Fatal: something that nobody has seen"),
    ("", "no reason was given"),
])
def test_what_restic_says_becomes_one_sentence(printed, sentence):
    said = restic.explain(printed, "shop", "/mnt/r")
    assert sentence in said and "\n" not in said


def test_a_snapshot_tells_its_releases_by_its_tags():
    told = {"short_id": "1a2b3c4d", "time": "2026-11-27T23:05:50.123456789Z", "hostname": "web1", "tags": ["pyweb", "app=shop", f"release={A}", f"before={B}"]}
    assert restic.snapshot(told) == {"id": "1a2b3c4d", "time": "20261127T230550Z", "host": "web1", "release": A, "before": B}
    assert restic.snapshot({**told, "tags": None})["before"] is None


def test_the_longest_pause_of_a_schedule():
    printed = ("  Original form: Mon,Thu\nNormalized form: Mon,Thu *-*-* 00:00:00\n    Next elapse: Mon 2026-11-30 00:00:00 UTC\n       From now: 2 days left\n"
               "       Iter. #2: Thu 2026-12-03 00:00:00 UTC\n       Iter. #3: Mon 2026-12-07 00:00:00 UTC\n")
    assert units.longest(printed) == 4 * 86400
    assert units.longest("    Next elapse: never\n") is None


def test_a_path_is_no_pattern():
    assert make.literal("/srv/shop/shared/a[1]*?.db") == r"/srv/shop/shared/a\[1]\*\?.db"


def test_every_kind_has_what_a_restore_calls():
    for kind in KINDS.values():
        assert all(callable(getattr(kind, name)) for name in ("names", "dump", "prepare", "swap", "undo", "finish"))


# --- SQLite -----------------------------------------------------------------------------------------------------------

def test_databases_are_found_by_name_and_content(tmp_path):
    sqlite3.connect(tmp_path / "real.sqlite3").executescript("CREATE TABLE t (x)")
    (tmp_path / "media").mkdir()
    sqlite3.connect(tmp_path / "media" / "deep.db").executescript("CREATE TABLE t (x)")
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "link.db").symlink_to(tmp_path / "real.sqlite3")
    assert sqlite.find([str(tmp_path)]) == [str(tmp_path / "media" / "deep.db"), str(tmp_path / "real.sqlite3")]
    assert sqlite.find([str(tmp_path / "real.sqlite3")]) == [str(tmp_path / "real.sqlite3")]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_copy_is_whole_while_others_write(tmp_path, mode):
    """Two rows of one transaction are both in the copy, or neither; what was written before it began is."""
    path, target = str(tmp_path / "db.sqlite3"), str(tmp_path / "copy")
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE t (pair INTEGER, filler BLOB)")
        database.executemany("INSERT INTO t VALUES (?, zeroblob(4000))", [(-1,)] * 400)
    over = threading.Event()
    written = []

    def write():
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        number = 0
        while not over.is_set():
            connection.executescript(f"BEGIN IMMEDIATE; INSERT INTO t VALUES ({number}, 'a'); INSERT INTO t VALUES ({number}, 'b'); COMMIT;")
            written.append(number)
            number += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 3:
            over.wait(0.01)
        before = len(written)
        wrong = sqlite.copy(path, target)
    finally:
        over.set()
        writer.join()
    assert wrong == ""
    pairs = sqlite3.connect(target).execute("SELECT pair, count(*) FROM t WHERE pair >= 0 GROUP BY pair").fetchall()
    assert all(count == 2 for dummy, count in pairs) and {pair for pair, dummy in pairs} >= set(range(before))


def test_a_damaged_database_is_no_backup(tmp_path):
    path = tmp_path / "db.sqlite3"
    database = sqlite3.connect(path)
    database.executescript("CREATE TABLE t (x TEXT); CREATE INDEX i ON t (x);")
    database.executemany("INSERT INTO t VALUES (?)", [(f"{number:0>200}",) for number in range(500)])
    database.commit()
    database.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096:5 * 4096] = b"\xff" * 2 * 4096
    path.write_bytes(content)
    assert sqlite.copy(str(path), str(tmp_path / "copy"))


# --- files that a restore moves -----------------------------------------------------------------------------------------

CONFIG = {"host": "web1", "repository": "/mnt/r", "env": {}, "keep": {"daily": 7, "weekly": 4, "monthly": 6}}


def test_check_mode_where_backups_are_only_about_to_be_set_up(app):
    given = {"action": "make", "config": None, "before": None}
    assert step.dispatch(app, given, True) == {"changed": True}
    with pytest.raises(HostError, match="^there is no backup of shop from this host yet"):
        step.dispatch(app, given, False)


RESTIC = """#!/bin/sh
echo "Fatal: unable to open config file: stat /mnt/r/config: no such file or directory" >&2
echo "Is there a repository at the following location?" >&2
exit 10
"""


@pytest.mark.parametrize("told, sentence", [
    (False, "there is no backup of shop from this host yet: ansible-playbook pyweb.stack.backup -e app=shop makes the first one, "
            "where pyweb_apps.shop.backup says."),
    (True, "there is no backup of shop yet, as there is no repository at /mnt/r: mount the disk that it should be on, "
           "or ansible-playbook pyweb.stack.backup -e app=shop makes the first one."),
])
def test_nothing_to_restore_yet(app, tmp_path, monkeypatch, told, sentence):
    (tmp_path / "restic").write_text(RESTIC)
    (tmp_path / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if told:
        backup_config.write(app.paths, CONFIG, "password")
    with pytest.raises(HostError) as caught:
        step.dispatch(app, {"action": "restore", "snapshot": "latest", "by": "me"}, True)
    assert str(caught.value) == sentence


HASTY = """#!/bin/sh
echo asked >> {asked}
[ $(wc -l < {asked}) -lt {times} ] || echo "subprocess ssh: Host key verification failed." >&2
echo "{sftp}" >&2
exit 1
"""


@pytest.mark.parametrize("times, sentence", [
    (1, "is not known to root's ssh"), (3, "is not known to root's ssh"), (4, "does not get to /mnt/r: run ssh there as root"),
])
def test_restic_is_asked_again_why_ssh_failed(app, tmp_path, monkeypatch, times, sentence):
    """Seen on a busy host: it ends before it has passed on what ssh said."""
    (tmp_path / "restic").write_text(HASTY.format(asked=tmp_path / "asked", times=times, sftp=SFTP))
    (tmp_path / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(restic.time, "sleep", lambda seconds: None)
    with pytest.raises(HostError, match=sentence):
        restic.Restic(app.paths, CONFIG).unlock()
    assert len((tmp_path / "asked").read_text().split()) == min(times, 3)


def tree(top):
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.fixture
def moved(app, tmp_path):
    """A restore that has fetched what C(comes), over what is C(there)."""

    def make_one(there, comes, paths, dumps=()):
        shared = pathlib.Path(app.paths.shared)
        one = restore.Restore(app, CONFIG, snapshot("1a2b3c4d"), None)
        for top, files in ((shared, there), (pathlib.Path(one.shared), comes)):
            top.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).write_text(text)
        pathlib.Path(app.paths.aside).mkdir()
        one.manifest = {"paths": paths, "dumps": [{"kind": "sqlite", "name": name} for name in dumps]}
        return one, shared

    return make_one


THERE = {"note": "new", "media/a": "new", "media/b": "new", "db.sqlite3": "new", "db.sqlite3-wal": "new"}


@pytest.mark.parametrize("comes, paths, dumps, after", [
    ({"note": "old", "media/a": "old"}, None, (), {"note": "old", "media/a": "old"}),
    ({"media/a": "old"}, ["media"], (), {**{name: text for name, text in THERE.items() if name != "media/b"}, "media/a": "old"}),
    ({"db.sqlite3": "old"}, [], ("db.sqlite3",), {**{name: text for name, text in THERE.items() if "wal" not in name}, "db.sqlite3": "old"}),
    ({"data/deep/db.sqlite3": "old"}, [], ("data/deep/db.sqlite3",), {**THERE, "data/deep/db.sqlite3": "old"}),
], ids=["all", "a directory", "a database", "a new place"])
def test_what_a_backup_was_made_of_comes_back_and_can_go_again(moved, comes, paths, dumps, after):
    one, shared = moved(THERE, comes, paths, dumps)
    one.swap()
    assert tree(shared) == after
    assert one.undo() == [] and tree(shared) == THERE
    one.clean()
    assert not os.path.exists(one.paths.aside) and not os.path.exists(one.paths.restored)


def test_a_link_leads_nowhere_else(moved, tmp_path):
    """The application could have put it there."""
    one, shared = moved({}, {"way/file": "old"}, ["way/file"])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("another's")
    (shared / "way").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="is a link"):
        one.swap()
    assert (tmp_path / "elsewhere" / "file").read_text() == "another's"


def test_a_full_disk_is_said_before_anything_is_fetched(moved, monkeypatch):
    one, shared = moved(THERE, {}, None)
    monkeypatch.setattr(one.restic, "size", lambda identifier: 10 ** 18)
    with pytest.raises(HostError, match="the disk is full: backup 1a2b3c4d needs 1000000000001 MB"):
        one.fetch()
    assert tree(shared) == THERE
