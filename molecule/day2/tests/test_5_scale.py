# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More and fewer workers beside the inventory: without a request lost, told by the status, kept by deploys, and taken back."""

import contextlib

import load

GUESTBOOK = {"get": {"/": "Our guestbook", "/healthz": '"status":"ok"'}, "post": {"/applause": {}}}


def children(fleet, name, app):
    """How many processes gunicorn has started for web."""
    pid = fleet.run(name, f"systemctl show -P MainPID pyweb.{app}.web.{fleet.live(app)[name]}")
    return int(fleet.run(name, f"ps --no-headers --ppid {pid} | wc -l"))


def workers(fleet, name):
    return fleet.run(name, f"systemctl list-units --plain --no-legend 'pyweb.blog.worker*.{fleet.live('blog')[name]}.service' | wc -l")


def test_more_workers_under_load(fleet, tmp_path):
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(load.Load("https://guestbook.example.com", connect=fleet.address(name), rate=60, count=200, **GUESTBOOK))
                 for name in fleet.names]
        fleet.play("scale", app="guestbook", workers=3)
    for name, visitors in zip(fleet.names, loads):
        assert not visitors.result.failed, visitors.result.summary()
        assert children(fleet, name, "guestbook") == 3
    told, _outcome = fleet.status(tmp_path, app="guestbook")
    assert told["well"] and {item["host"] for item in told["findings"] if "web was scaled to workers 3 by" in item["text"]} == set(fleet.names)
    assert fleet.play("scale", app="guestbook", workers=3).changed == 0


def test_more_and_fewer_instances(fleet):
    fleet.play("scale", app="blog", process="worker", count=3)
    assert {workers(fleet, name) for name in fleet.names} == {"3"}
    fleet.play("scale", app="blog", process="worker", count=1)
    assert {workers(fleet, name) for name in fleet.names} == {"1"}


def test_deploys_keep_to_it(fleet):
    """Unless the inventory has another number."""
    assert fleet.play("deploy").changed == 0
    overrides = {"blog": {"env": {"COLOUR": "blue"}}}
    fleet.play("deploy", app="blog", pyweb_app_overrides=overrides)
    assert {workers(fleet, name) for name in fleet.names} == {"1"}
    overrides["blog"]["processes"] = {"worker": {"count": 4}}
    fleet.play("deploy", app="blog", pyweb_app_overrides=overrides)
    assert {workers(fleet, name) for name in fleet.names} == {"4"}
    fleet.play("deploy", app="blog")
    assert {workers(fleet, name) for name in fleet.names} == {"2"}


def test_taken_back(fleet, tmp_path):
    fleet.play("scale", app="guestbook", reset=True)
    assert {children(fleet, name, "guestbook") for name in fleet.names} == {1}
    told, _outcome = fleet.status(tmp_path, app="guestbook")
    assert not [item for item in told["findings"] if "scaled" in item["text"]]
    assert fleet.play("scale", app="guestbook", reset=True).changed == 0


def test_what_cannot_be_scaled(fleet):
    before = fleet.live("blog")
    for variables, sentence in (
        ({"process": "nightly", "count": 2}, "blog: process is 'nightly', which cannot be scaled: it runs by the clock."),
        ({"process": "worker", "workers": 2}, "blog: process is 'worker', which is scaled by count: write -e process=worker -e count=…"),
        ({"process": "wroker", "count": 2}, "blog: process is 'wroker': what runs on this host is"),
    ):
        assert any(message.startswith(sentence) for message in fleet.play("scale", exit_status=2, app="blog", **variables).messages), sentence
    assert "would start anew" in " ".join(fleet.play("scale", "--check", app="blog", process="worker", count=5).output.split())
    assert fleet.live("blog") == before
