# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plain community.general.deploy_helper does, and beside it what a release does instead."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

import pytest

from ansible_collections.community.general.plugins.modules import deploy_helper

from ansible_collections.pyweb.stack.plugins.module_utils._host import prune, releases
from ansible_collections.pyweb.stack.plugins.modules import release_step as release

IDS = A, B, C, D = [f"2026110{day}T000000Z-1a2b3c4" for day in range(1, 5)]
LEASE = {"token": "mine", "by": "me@here"}


@pytest.fixture
def plain(tmp_path, call):
    """A project of deploy_helper with four releases, the first of which is live."""
    path = tmp_path / "plain"

    def run(check=False, **arguments):
        return call(deploy_helper.main, check, path=str(path), **arguments)

    run.path = path
    run.kept = lambda: sorted(os.listdir(path / "releases"))
    run(state="present")
    for number, name in enumerate(IDS):
        (path / "releases" / name).mkdir()
        time.sleep(0.01)  # its order is that of ctime
    run(state="finalize", release=A, clean=False)
    return run


@pytest.fixture
def ours(host, call):
    """The same here: A is live after a rollback."""
    app = host.app()
    for name in IDS:
        host.release(app, name, state="superseded")
    app.store.update(A, state="active")
    app.traffic.main.lead_to(A)
    app.processes.start(A, ["web"])

    def run(step, **arguments):
        return call(release.main, name="shop", step=step, lease=LEASE, **arguments)

    run.app = app
    run.host = host
    run.kept = lambda: sorted(os.listdir(app.paths.releases))
    return run


@pytest.mark.parametrize("keep, left", [(2, [C, D]), (0, [])])
def test_clean_deletes_the_live_release(plain, ours, keep, left):
    assert plain(state="clean", keep_releases=keep)["changed"] and plain.kept() == left
    assert os.path.islink(plain.path / "current") and not os.path.exists(plain.path / "current")
    ours("prune", keep_releases=keep)
    assert A in ours.kept() and os.path.isdir(ours.app.paths.current)


def test_clean_deletes_a_live_release_with_a_marker(plain, ours):
    (plain.path / "releases" / A / "DEPLOY_UNFINISHED").touch()
    plain(state="clean", keep_releases=5)
    assert A not in plain.kept()
    (ours.host.root / "srv/shop/releases" / A / "DEPLOY_UNFINISHED").touch()
    ours("prune", keep_releases=5)
    assert A in ours.kept()


def test_finalize_deletes_a_build_in_progress(plain, ours):
    (plain.path / "releases" / C / "DEPLOY_UNFINISHED").touch()
    plain(state="finalize", release=B, keep_releases=5)
    assert C not in plain.kept()
    ours.app.store.update(C, state="building")
    ours.app.lock.take({"token": "theirs", "by": "she@there"})
    for step in ("prune", "start", "settle", "abort"):
        assert "she@there has been deploying since" in ours(step, release=B, keep_releases=2)["msg"]
    assert C in ours.kept() and ours.app.live == A


def test_finalize_of_a_release_that_does_not_exist(tmp_path, call, ours):
    path = tmp_path / "fresh"
    (path / "releases").mkdir(parents=True)
    assert call(deploy_helper.main, path=str(path), state="finalize", release="20260101")["changed"]
    assert os.path.islink(path / "current") and not os.path.exists(path / "current")
    new = "20261109T000000Z-1a2b3c4"
    assert f"release {new} is not built on this host (it is unknown): deploy it again." in ours("start", release=new)["msg"]
    shutil.rmtree(ours.app.paths.release(B))
    assert f"release {B} is not built on this host" in ours("start", release=B)["msg"]
    assert ours.app.live == A


def test_current_that_is_a_directory(plain, ours):
    os.unlink(plain.path / "current")
    os.mkdir(plain.path / "current")
    marker = plain.path / "releases" / B / "DEPLOY_UNFINISHED"
    marker.touch()
    with pytest.raises(FileExistsError):
        plain(state="finalize", release=B)
    assert not marker.exists(), "it looks finished now"
    os.unlink(ours.app.paths.current)
    os.mkdir(ours.app.paths.current)
    before = ours.app.store.manifest(B)
    message = ours("start", release=B)["msg"]
    assert message == f"shop: {ours.app.paths.current} is not a symbolic link: move it away, this path belongs to the live release."
    assert ours.app.store.manifest(B) == before and set(ours.host.up()) == {A}


def killed(before, work):
    """Run work in a child that SIGKILL ends right before it does C(before)."""
    child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(lambda event, arguments: os.kill(os.getpid(), signal.SIGKILL) if event == before else None)
            work()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_killed_before_the_switch(plain, ours):
    marker = plain.path / "releases" / B / "DEPLOY_UNFINISHED"
    marker.touch()
    killed("os.symlink", lambda: plain(state="finalize", release=B))
    assert os.path.realpath(plain.path / "current").endswith(A)
    assert not marker.exists(), "it was never live, but looks as if it had been"
    ours.app.store.update(B, state="built")
    ours("start", release=B)
    killed("os.symlink", lambda: ours.app.traffic.main.lead_to(B))
    assert ours.app.store.manifest(B)["state"] == "built"
    ours.app.switcher.recover()
    assert (ours.app.live, ours.app.store.manifest(B)["state"], set(ours.host.up())) == (A, "failed", {A})


def test_touching_an_old_release_makes_it_the_newest(plain, ours):
    for top in (plain.path / "releases", ours.host.root / "srv/shop/releases"):
        os.chmod(top / B, 0o700)
        (top / B / "file").touch()
    plain(state="clean", release=A, keep_releases=1)
    assert plain.kept() == [A, B]
    ours("prune", keep_releases=1)
    assert ours.kept() == [A, D]


def test_a_link_among_the_releases_stops_the_pruning(plain, ours, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    for top in (plain.path / "releases", ours.host.root / "srv/shop/releases"):
        os.rmdir(top / C)
        os.symlink(elsewhere, top / C)
    answer = plain(state="clean", release=A, keep_releases=0)
    assert answer["failed"] and "rmtree failed" in answer["msg"] and C in plain.kept()
    assert ours("prune", keep_releases=1)["pruned"] == [B, C]
    assert ours.kept() == [A, D] and (elsewhere / "precious").exists()


def test_an_id_that_leads_elsewhere(plain, ours):
    evil = plain.path.parent / "evil"
    evil.mkdir()
    assert plain(state="finalize", release="../../evil")["changed"]
    assert os.path.realpath(plain.path / "current") == str(evil)
    assert "release is '../../evil': an id such as" in ours("start", release="../../evil")["msg"]
    assert ours.app.live == A


def test_ids_by_the_clock_of_each_host(plain):
    made = plain(state="query")["ansible_facts"]["deploy_helper"]["new_release"]
    assert made == time.strftime("%Y%m%d%H%M%S") or int(made) + 2 >= int(time.strftime("%Y%m%d%H%M%S"))
    hosts = {name: {"live": None, "running": False, "releases": {}, "revision": "f" * 40, "version": "main", "wanted": {}} for name in ("web1", "web2")}
    plan = releases.plan(hosts, "20261109T000000Z")
    assert {step["release"] for step in plan["hosts"].values()} == {"20261109T000000Z-fffffff"}


def test_check_mode_on_a_fresh_host(tmp_path, call):
    with pytest.raises(FileNotFoundError):
        call(deploy_helper.main, check=True, path=str(tmp_path / "fresh"), state="clean", release="x")
        call(deploy_helper.main, check=True, path=str(tmp_path / "fresh"), state="finalize", release="x")


def test_facts_of_the_whole_host(plain, ours):
    assert "deploy_helper" in plain(state="present")["ansible_facts"]
    assert "ansible_facts" not in ours("prune")


def test_history_and_a_way_back(plain, ours):
    for name in (B, A):
        assert "diff" not in plain(state="finalize", release=name, clean=False)
    app = ours.app
    for name in (B, C):
        assert not ours("start", release=name).get("failed")
        app.traffic.main.lead_to(name)
        assert not ours("settle", release=name, watch=0).get("failed")
    assert [entry["release"] for entry in app.store.history()] == [B, C]
    assert releases.rollback_target(app.live, app.store.manifests(), app.store.history()) == B


def test_pruning_that_is_killed_leaves_nothing_that_looks_whole(ours):
    """Its half-deleted files are no release that a deploy or a rollback would take."""
    killed("shutil.rmtree", lambda: prune.prune(ours.app, {"keep_releases": 1, "keep_days": None, "keep_free": 0}))
    assert ours.app.store.manifests()[B]["state"] == "gone"
    ours("prune", keep_releases=1)
    assert ours.kept() == [A, D] and list(ours.app.store.manifests()) == [A, D]


def test_pruning_takes_the_units_and_the_environments_too(ours):
    app, host = ours.app, ours.host
    app.processes.start(B, ["web"])
    app.processes.stop(B)
    for name in ("old", "new"):
        os.mkdir(f"{app.paths.build}/envs/{name}")
    app.store.update(A, environment="new")
    app.processes.start(C, ["web"])
    assert ours("prune", keep_releases=1)["pruned"] == [B], "C still runs"
    assert os.listdir(f"{app.paths.build}/envs") == ["new"]
    assert host.users == ["shop-build"], "root must not go where the build user may have left a link"
    assert sorted(os.listdir(host.units)) == [f"pyweb.shop.web.{release}.service" for release in (A, C)]
    assert ours.app.system.run(["systemctl", "daemon-reload"]).returncode == 0
