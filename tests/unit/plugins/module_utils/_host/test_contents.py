# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that a power cut has damaged: nobody starts them, copies them or calls them live."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.build.durable import durable
from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import measure
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

A, B, C = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4", "20261103T000000Z-1a2b3c4"


@pytest.fixture
def app(host):
    """A and B were live one after the other, B is; C is built."""
    app = host.app()
    for release in (A, B, C):
        tree = pathlib.Path(app.paths.release(release))
        (tree / ".venv/lib").mkdir(parents=True)
        (tree / "app.py").write_text(f"VERSION = {release!r}\n")
        (tree / "py.typed").touch()
        (tree / ".venv/lib/site.py").write_text("import os\n")
        os.symlink(f"{app.paths.run}/{release}", tree / ".pyweb")
        contents = dict(measure(str(tree)))
        contents.pop("disk")
        host.release(app, release, state="superseded" if release == A else "active" if release == B else "built", contents=contents, live=release == B)
    for previous, release in ((None, A), (A, B)):
        app.store.record("activate", {"release": release, "from": previous, "action": "activate", "by": "me", "since": release[:16]})
    return app


def empty(app, release):
    pathlib.Path(app.paths.release(release), "app.py").write_text("")


def remove(app, release):
    pathlib.Path(app.paths.release(release), ".venv/lib/site.py").unlink()


def gone(app, release):
    shutil.rmtree(app.paths.release(release))


def after_the_cut(host, app):
    host.power_cut(app)
    host.boot = "the second"


def test_what_is_measured(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one").write_text("12345")
    (tmp_path / "empty").touch()
    os.symlink("one", tmp_path / "a/link")
    first = measure(str(tmp_path))
    assert (first["files"], first["empty"], first["bytes"]) == (3, 1, 8)
    os.symlink("/run/x", tmp_path / ".pyweb")
    assert measure(str(tmp_path))["digest"] == first["digest"], "the way to the socket is another one in each copy"
    for change in (lambda: os.rename(tmp_path / "a/one", tmp_path / "a/two"), lambda: (tmp_path / "a/two").write_text("1234")):
        before = measure(str(tmp_path))["digest"]
        change()
        assert measure(str(tmp_path))["digest"] != before


@pytest.mark.parametrize("damage", [empty, remove, gone])
def test_a_damaged_release_is_never_started(host, app, damage):
    after_the_cut(host, app)
    damage(app, C)
    with pytest.raises(HostError, match=f"^release {C} is damaged: "):
        app.switcher.begin(C, "activate", "me")
    assert app.live == B and not os.path.exists(app.paths.switch)
    assert app.store.manifest(C)["state"] == "damaged" and C not in host.up()


def test_a_release_that_somebody_has_changed_by_hand_is_whole_but_not_copied(host, app):
    after_the_cut(host, app)
    pathlib.Path(app.paths.release(B), "app.py").write_text("VERSION = 'a fix at night'\n")
    pathlib.Path(app.paths.release(B), "more.py").write_text("1\n")
    assert app.contents.damage(B) == "" and not app.contents.as_built(B) and app.contents.as_built(A)


def test_it_is_looked_at_once_in_each_boot(host, app):
    assert app.contents.damage(B) == ""
    marks = [path for path in pathlib.Path(app.paths.run).iterdir() if path.is_file()]
    assert marks and all(path.stat().st_mode & 0o077 == 0 for path in marks), "neighbours see none of it"
    empty(app, B)
    assert app.contents.damage(B) == ""
    after_the_cut(host, app)
    assert app.contents.damage(B) == (f"release {B} is damaged: 1 of its 3 files are missing or empty, as after a power cut; "
                                      "the next deploy builds it anew.")


@pytest.mark.parametrize("damage", [empty, remove, gone])
def test_a_boot_goes_back_from_a_damaged_release(host, app, damage):
    after_the_cut(host, app)
    damage(app, B)
    app.switcher.boot()
    assert (app.live, host.up()) == (A, {A: 1})
    last = app.store.history()[-1]
    assert (last["action"], last["release"], last["from"]) == ("return", A, B) and last["why"].startswith(f"release {B} is damaged")
    assert {release: app.store.manifest(release)["state"] for release in (A, B)} == {A: "active", B: "damaged"}


def test_a_boot_without_any_whole_release_fails(host, app):
    after_the_cut(host, app)
    for release in (A, B):
        empty(app, release)
    with pytest.raises(HostError, match=f"^release {B} is damaged"):
        app.switcher.boot()
    assert (app.live, host.up()) == (B, {})


def test_a_boot_whose_live_release_is_ill_says_so_and_goes_on_trying(host, app):
    after_the_cut(host, app)
    host.gate = B
    with pytest.raises(HostError, match="is not healthy"):
        app.switcher.boot()
    assert (app.live, host.up(), app.store.manifest(B)["state"]) == (B, {B: 1}, "active")


@pytest.mark.parametrize("boot, kept", [("the first", True), ("the second", False)])
def test_what_a_build_left_that_ended_with_the_host_is_not_used(host, app, boot, kept):
    build = pathlib.Path(app.paths.build)
    (build / "home").mkdir()
    (build / "cache").mkdir()
    (build / "cache/wheel").touch()
    with pytest.raises(KeyboardInterrupt):
        with durable(app):
            assert os.path.exists(f"{app.paths.state}/unsynced.json")
            mark = pathlib.Path(f"{app.paths.state}/unsynced.json").read_text()
            raise KeyboardInterrupt
    assert not os.path.exists(f"{app.paths.state}/unsynced.json"), "what ended in order is on the disk"
    pathlib.Path(f"{app.paths.state}/unsynced.json").write_text(mark)
    host.boot = boot
    with durable(app):
        assert (build / "cache/wheel").exists() is kept and (build / "home").exists()
