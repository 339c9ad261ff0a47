# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of applications that somebody else has deployed, with real repositories."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._adopt import tree

GIT = ["git", "-c", "user.name=jo", "-c", "user.email=jo@example.com", "-c", "init.defaultBranch=main"]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def git(directory, *arguments):
    return subprocess.run([*GIT, "-C", directory, *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def origin(tmp_path):
    source = tmp_path / "origin"
    source.mkdir()
    git(source, "init", "-q")
    (source / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.live")\n')
    (source / ".gitignore").write_text("media/\nvenv/\n.env\ndb.sqlite3\n")
    (source / "requirements.txt").write_text("django\n")
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "one")
    return source


def snapshot(path):
    return {str(file): (os.lstat(file).st_mtime_ns, os.lstat(file).st_size) for file in sorted(pathlib.Path(path).rglob("*"))}


def test_a_checkout_with_its_data(tmp_path, origin):
    path = tmp_path / "shop"
    git(tmp_path, "clone", "-q", str(origin), str(path))
    (path / "venv").mkdir()
    (path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    (path / "media").mkdir()
    for name in (".env", "db.sqlite3", "db.sqlite3-journal", "debug.log", "venv/x.pyc"):
        (path / name).write_text("x")
    (path / "requirements.txt").write_text("django<6\n")
    # As after a chown, which git looks into.
    os.utime(path / "manage.py", (1, 1))
    before = snapshot(path)
    found = tree.look(run, str(path), f"{path}/venv/bin/gunicorn")
    assert (found.kind, found.repo, found.branch, found.revision) == ("checkout", str(origin), "main", git(origin, "rev-parse", "HEAD"))
    assert found.shared == {"media": f"{path}/media", "db.sqlite3": f"{path}/db.sqlite3"} and found.dotenv == [f"{path}/.env"]
    assert (found.edited, found.python, found.django_settings) == (["requirements.txt"], "3.11", "shop.settings.live")
    assert snapshot(path) == before, "looking has changed something"


def test_a_directory_that_the_source_only_keeps_is_data_as_a_whole(tmp_path, origin):
    for name in ("media/.gitkeep", "var/uploads/.gitignore", "shop/urls.py"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text("")
    git(origin, "add", "-A", "--force")
    git(origin, "commit", "-q", "-m", "two")
    path = tmp_path / "shop"
    git(tmp_path, "clone", "-q", str(origin), str(path))
    for name in ("media/a.png", "media/b.png", "var/uploads/c.pdf", "shop/local.py"):
        (path / name).write_text("x")
    (path / "media" / "thumbs").mkdir()
    (path / "media" / "thumbs" / "a.png").write_text("x")
    assert tree.look(run, str(path)).shared == {name: f"{path}/{name}" for name in ("media", "shop/local.py", "var")}


@pytest.mark.parametrize("copy", ["repo", ".dep/repo", "shared/source"])
def test_a_tree_of_releases(tmp_path, origin, copy):
    path = tmp_path / "shop"
    release = path / "releases" / "20260401083000"
    (path / "shared" / "config").mkdir(parents=True)
    (path / copy).parent.mkdir(parents=True, exist_ok=True)
    git(tmp_path, "clone", "-q", *(["--bare"] if copy != "shared/source" else []), str(origin), str(path / copy))
    git(tmp_path, "clone", "-q", str(origin), str(release))
    (path / "shared" / "media").mkdir()
    (path / "shared" / ".env").write_text("A=1\n")
    (path / "shared" / "config" / "local.py").write_text("x\n")
    (release / "config").mkdir()
    for name in ("media", ".env", "config/local.py"):
        (release / name).symlink_to(path / "shared" / name)
    (release / "outside").symlink_to("/etc")
    (release / "REVISION").write_text("0123456789abcdef0123456789abcdef01234567\n")
    (path / "revisions.log").write_text("Branch live (at 0123456) deployed as release 20260401083000 by jo\nBranch live (at 1) rolled back\n")
    (path / "current").symlink_to(release)
    found = tree.look(run, str(path))
    assert (found.kind, found.code, found.repo) == ("releases", str(release), str(origin))
    assert (found.branch, found.revision) == ("live", "0123456789abcdef0123456789abcdef01234567")
    assert found.shared == {"media": f"{path}/shared/media", "config/local.py": f"{path}/shared/config/local.py"}
    assert found.dotenv == [f"{path}/shared/.env"]


def test_a_directory_without_a_repository(tmp_path):
    (tmp_path / "app.py").write_text("")
    found = tree.look(run, str(tmp_path))
    assert (found.kind, found.repo, found.shared, found.names) == ("directory", "", {}, ["app.py"])


def test_what_looks_like_data_in_a_directory_without_a_repository(tmp_path):
    for name in ("media/a.png", "shop/data/__init__.py", "shop/uploads/b.pdf", "venv/pyvenv.cfg", "venv/data/x", ".cache/data/x", ".env", "static/site.css"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("A=1\n")
    for name in ("db.sqlite3", "shop/second.db", "venv/third.db"):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as database:
            database.execute("CREATE TABLE one (id INTEGER)")
    found = tree.look(run, str(tmp_path))
    assert found.shared == {name: f"{tmp_path}/{name}" for name in ("media", "shop/uploads", "db.sqlite3", "shop/second.db")}
    assert found.dotenv == [f"{tmp_path}/.env"]


def test_none_at_all(tmp_path):
    assert tree.look(run, str(tmp_path / "none")).kind == "missing"
