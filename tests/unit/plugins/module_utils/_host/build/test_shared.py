# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that outlive releases: directories, and single files as people bring them from other tools."""

from __future__ import annotations

import contextlib
import os
import sqlite3

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import (
    brought, is_file, link, make_room, make_shared, missing, refuse_ways,
)
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("name, expected", [
    ("media", False), ("var/logs", False), (".cache", False), ("db.sqlite3", True), ("shop/local_settings.py", True), (".env", True), (".env.local", True),
])
def test_what_nobody_has_yet(name, expected):
    assert is_file(name) is expected


# in the source, in shared/, what is then in shared/
FILES = {
    "the host has it": ({"shop/local.py": "source"}, {"shop/local.py": "host"}, "host"),
    "the host alone has it": ({}, {"shop/local.py": "host"}, "host"),
    "the source alone has it": ({"shop/local.py": "source"}, {}, "source"),
    "an earlier version made a directory of it": ({"shop/local.py": "source"}, {"shop/local.py/": ""}, "source"),
    "nobody has it": ({}, {}, None),
}


@pytest.mark.parametrize("source, host, expected", FILES.values(), ids=FILES)
def test_a_file(tmp_path, source, host, expected):
    release, shared = tmp_path / "release", tmp_path / "shared"
    release.mkdir()
    write(release, source)
    for name, text in host.items():
        if name.endswith("/"):
            (shared / name).mkdir(parents=True)
        else:
            write(shared, {name: text})
    for dummy in range(2):
        make_shared(str(shared), ["shop/local.py"], [], -1, str(release))
        link(f"{release}/shop/local.py", f"{shared}/shop/local.py")
    place = shared / "shop/local.py"
    assert place.parent.is_dir() and os.readlink(release / "shop/local.py") == str(place)
    assert place.read_text() == expected if expected else not os.path.lexists(place)
    # The application makes what nobody has.
    (release / "shop/local.py").write_text("new")
    assert place.read_text() == "new"
    if not host:
        assert not list(shared.rglob("*.new"))


def test_a_file_that_the_source_brings_is_the_applications_alone(tmp_path):
    write(tmp_path / "release", {"db.sqlite3": "first"})
    make_shared(str(tmp_path / "shared"), ["db.sqlite3"], [], -1, str(tmp_path / "release"))
    assert (tmp_path / "shared/db.sqlite3").stat().st_mode & 0o777 == 0o600


def test_a_database_comes_with_what_is_not_yet_written_into_it(tmp_path):
    """SQLite keeps new rows beside the file until nobody has it open."""
    (tmp_path / "release").mkdir()
    path = tmp_path / "release/db.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE book (title TEXT)")
        database.execute("INSERT INTO book VALUES ('Emma')")
        database.commit()
        make_shared(str(tmp_path / "shared"), ["db.sqlite3"], [], -1, str(tmp_path / "release"))
    with contextlib.closing(sqlite3.connect(tmp_path / "shared/db.sqlite3")) as database:
        assert database.execute("SELECT title FROM book").fetchall() == [("Emma",)]


@pytest.mark.parametrize("name, in_source", [("conf.d", "conf.d/a"), ("LICENCE", "LICENCE")])
def test_what_the_source_has_decides(tmp_path, name, in_source):
    write(tmp_path / "release", {in_source: "x"})
    make_shared(str(tmp_path / "shared"), [name], [], -1, str(tmp_path / "release"))
    assert (tmp_path / "shared" / name).is_dir() is (name == "conf.d")


def test_directories_are_there_while_the_build_runs(tmp_path):
    write(tmp_path, {"static/a": "", "shared/local.py": "host"})
    make_room(str(tmp_path), ["var/logs", "static", "db.sqlite3", "local.py"], str(tmp_path / "shared"))
    assert (tmp_path / "local.py").read_text() == "host"
    assert (tmp_path / "var/logs").is_dir() and (tmp_path / "static/a").exists() and not os.path.lexists(tmp_path / "db.sqlite3")


@pytest.mark.parametrize("target", ["../../shared/media", "/nonexistent/media", "{outside}"])
@pytest.mark.parametrize("name, is_there", [("media", True), ("db.sqlite3", False)])
def test_a_link_of_the_source_that_leads_out_is_nothing_of_it(tmp_path, target, name, is_there):
    release, outside = tmp_path / "release", tmp_path / "outside"
    write(tmp_path, {"release/a": "", "outside/huge": "x"})
    (release / name).symlink_to(target.format(outside=outside))
    assert brought(str(release), [name]) == {}
    make_room(str(release), [name], str(tmp_path / "shared"))
    assert not (release / name).is_symlink() and (release / name).is_dir() is is_there and (outside / "huge").exists()


def test_a_link_within_the_source_stays(tmp_path):
    write(tmp_path, {"data/a": "1"})
    (tmp_path / "media").symlink_to("data")
    make_room(str(tmp_path), ["media"], str(tmp_path / "shared"))
    assert brought(str(tmp_path), ["media"]) == {"media": ["a"]} and (tmp_path / "media").is_symlink()


@pytest.mark.parametrize("target, says", [
    (None, "shared has var/log/app, but var in the source is a file: remove it from the source, or correct shared."),
    ("/nonexistent", "shared has var/log/app, but var in the source is a link to /nonexistent, which is no directory of the release: remove it from the "
                     "source, or name var in shared."),
    ("..", "shared has var/log/app, but var in the source is a link to .., which is no directory of the release: remove it"),
])
def test_what_is_in_the_way_of_a_shared_path(tmp_path, target, says):
    write(tmp_path, {"release/a": "", "release/data/x": ""})
    if target:
        (tmp_path / "release/var").symlink_to(target)
    else:
        write(tmp_path, {"release/var": "x"})
    with pytest.raises(BuildError) as error:
        refuse_ways(str(tmp_path / "release"), ["var/log/app", "data"])
    assert str(error.value).startswith(says)
    refuse_ways(str(tmp_path / "release"), ["var/log/app", "var"])


def test_a_way_within_the_source(tmp_path):
    write(tmp_path, {"data/x": ""})
    (tmp_path / "var").symlink_to("data")
    refuse_ways(str(tmp_path), ["var/log", "new/log", "top"])


def test_data_behind_a_link_that_leads_to_nothing(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/media").symlink_to("/nonexistent/disk")
    with pytest.raises(BuildError, match=f"^shared has media, but {tmp_path}/shared/media is a link to /nonexistent/disk, which is not there: mount it, "):
        make_shared(str(tmp_path / "shared"), ["media"], [], -1, str(tmp_path / "release"))


def test_a_directory_begins_with_what_the_source_has_and_not_with_what_a_build_step_wrote(tmp_path):
    release, shared = tmp_path / "release", tmp_path / "shared"
    write(release, {"instance/config.py": "first", "instance/a/b": "deep"})
    first = brought(str(release), ["instance", "media"])
    write(release, {"instance/log": "of the build"})
    make_shared(str(shared), ["instance", "media"], [], -1, str(release), first)
    found = {str(path.relative_to(shared)): path.read_text() for path in shared.rglob("*") if path.is_file()}
    assert found == {"instance/config.py": "first", "instance/a/b": "deep"}
    assert {path.stat().st_mode & 0o077 for path in shared.rglob("*")} == {0}
    # What the application has there since is never touched again.
    (shared / "instance/config.py").write_text("mine")
    (shared / "instance/a/b").unlink()
    make_shared(str(shared), ["instance", "media"], [], -1, str(release), first)
    assert (shared / "instance/config.py").read_text() == "mine" and not (shared / "instance/a/b").exists()


def test_a_configuration_that_nobody_has_is_told(tmp_path):
    write(tmp_path, {"there.py": "x"})
    shared = ["there.py", "shop/local_settings.py", ".env", "db.sqlite3", "media", "conf.d"]
    assert [note.split()[2] for note in missing(str(tmp_path), shared)] == ["shop/local_settings.py,", ".env,"]
    assert f"put it at {tmp_path}/shop/local_settings.py" in missing(str(tmp_path), shared)[0]
