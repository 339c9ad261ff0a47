# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications start anew while visitors come, and stay what they are."""

import contextlib
import json

import load

GUESTBOOK = {"get": {"/": "Our guestbook", "/healthz": '"status":"ok"'}, "post": {"/applause": {}}}


def history(fleet, name, app):
    return [json.loads(line) for line in fleet.run(name, f"cat /var/lib/pyweb/{app}/history.jsonl").splitlines()]


def test_no_visitor_notices(fleet):
    before, workers = fleet.live("guestbook"), fleet.live("blog")
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(load.Load("https://guestbook.example.com", connect=fleet.address(name), rate=60, count=200, **GUESTBOOK))
                 for name in fleet.names]
        outcome = fleet.play("restart", app="guestbook,blog")
    after = fleet.live("guestbook")
    for name, visitors in zip(fleet.names, loads):
        assert not visitors.result.failed, visitors.result.summary()
        assert set(visitors.result.releases) == {before[name], after[name]}, visitors.result.summary()
        assert f"guestbook: release {after[name]} is live, a copy of {before[name]}" in " ".join(outcome.output.split())
        entry = history(fleet, name, "guestbook")[-1]
        assert (entry["action"], entry["release"], entry["from"]) == ("restart", after[name], before[name])
        # All processes of the old releases are gone, and those of the new ones are up.
        units = fleet.run(name, "systemctl list-units --plain --no-legend 'pyweb.*.*.*.service'")
        assert before[name] not in units and workers[name] not in units and units.count(f".{fleet.live('blog')[name]}.service") == 3, units
    assert len(set(after.values())) == 1 and fleet.play("status", status_fail=True).changed == 0


def test_a_deploy_finds_nothing_to_do(fleet):
    assert fleet.play("deploy").changed == 0


def test_a_restart_is_nothing_to_roll_back(fleet):
    failed = fleet.play("rollback", exit_status=2, app="guestbook")
    assert "guestbook: there is no release to go back to" in failed.messages[0]


def test_one_host_alone_is_no_other_release(fleet, tmp_path):
    name = fleet.names[0]
    before = fleet.live("blog")
    fleet.play("restart", "--limit", name, app="blog")
    after = fleet.live("blog")
    assert after[name] != before[name] and all(after[other] == before[other] for other in fleet.names[1:])
    told, _outcome = fleet.status(tmp_path, app="blog")
    assert told["well"] and fleet.findings(told) == []


def test_one_that_does_not_start_leaves_what_runs(fleet):
    """Somebody has changed a file of the live release by hand, which its processes have not read yet."""
    name = fleet.names[0]
    before = fleet.live("blog")
    file = f"/srv/blog/releases/{before[name]}/blog/__init__.py"
    fleet.run(name, f"cp -p {file} /root/kept; echo 'raise SystemExit(3)' >> {file}")
    try:
        failed = fleet.play("restart", exit_status=2, app="blog")
        assert failed.messages[0].startswith("blog: release ") and before[name] not in failed.messages[0], failed.output
        assert fleet.live("blog") == before
        units = fleet.run(name, "systemctl list-units --plain --no-legend 'pyweb.blog.*.*.service'")
        assert units.count(f".{before[name]}.service") == 3 == len(units.splitlines()), units
    finally:
        fleet.run(name, f"cat /root/kept > {file}; rm /root/kept")
    fleet.play("restart", "--limit", name, app="blog")


def test_check_mode_and_no_name(fleet):
    before = fleet.live("blog")
    assert f"release {before[fleet.names[0]]} would start anew" in " ".join(fleet.play("restart", "--check", app="blog").output.split())
    assert fleet.live("blog") == before
    assert "Say which applications start anew: -e app=… (guestbook, blog)" in fleet.play("restart", exit_status=2).messages[0]
