# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with a release, with its controller and with the host, under either manager. Only in the full form; the tests follow one another."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from apps import APPS, Orders, together
from plugin import until

full = pytest.mark.full
# What ends by itself ten seconds after the switch.
UNLUCKY = {
    "web": {"env": {"UNLUCKY": "yes"}},
    "worker": {"processes": {"worker": {"command": 'until [ "$(basename "$(readlink /srv/$PYWEB_APP/current)")" = "$PYWEB_RELEASE" ]; do sleep 0.2; done; '
                                                   "sleep 10; echo out of luck; exit 7"}}},
}


def round_of(app, name, process=None):
    """The changes of one deploy. Its tasks stay what they are: after a return, the workers before would not know new ones."""
    changes = UNLUCKY.get(process, {})
    return {**changes, "env": {"EDITION": json.loads(app.ask("/healthz")[1])["edition"], "ROUND": f"{name} {time.time()}", **changes.get("env", {})}}


def serves(app):
    """The live release is whole, and alone."""
    until(app.answers)
    until(app.whole)
    app.beats_alone()


@full
@pytest.mark.parametrize("process", UNLUCKY)
def test_a_release_that_ends_by_itself_soon_after_the_switch(process):
    def deploy(app):
        before, orders = app.live, Orders(app)
        with orders:
            outcome = app.play("deploy", watch=15, **round_of(app, "unlucky", process))
        assert outcome.status == 2, outcome.output
        (said,) = outcome.messages
        failed = max(app.releases())
        assert f"release {failed} ended by itself after the switch: its process {process} (" in said and "out of luck" in said, said
        assert (app.live, app.state(failed), app.switch) == (before, "failed", False)
        serves(app)
        # Where it is the worker that dies, no visitor notices.
        if process == "worker":
            assert orders.faults == []
        # None is lost. Celery may do one twice that it hands to its pool in the very moment of TERM.
        until(lambda: set(orders.accepted) <= set(app.done()), 90)

    together(deploy, APPS)


@full
@pytest.mark.parametrize("process", [None, *UNLUCKY])
def test_a_controller_that_is_killed_right_after_the_switch(process):
    """The host ends what it has begun by itself: it completes the switch, or returns from a release that ends by itself."""
    def deploy(app):
        before = app.live
        app.killed(lambda: app.live != before, watch=15, **round_of(app, "killed", process))
        made = app.live
        assert made != before
        # A step that has begun goes on; otherwise the host's timer does, after 90 seconds.
        until(lambda: not app.switch, 150)
        app.idle()
        assert (app.live, app.state(made)) == ((before, "failed") if process else (made, "active"))
        serves(app)

    together(deploy, APPS)


def restarted(app):
    subprocess.run(["docker", "restart", "--time", "60", app.host], check=True, stdout=subprocess.DEVNULL)
    until(lambda: app.shell.run("systemctl is-system-running --wait").stdout.strip() in ("running", "degraded"), 120)


@full
@pytest.mark.parametrize("moment", ["before the switch", "after the switch"])
def test_a_host_that_restarts_in_the_middle_of_an_activation(moment):
    def deploy(app):
        before = app.live
        conditions = {
            "before the switch": lambda: app.switch and any(name == "worker" and release != before for name, release in app.up()),
            "after the switch": lambda: app.live != before,
        }
        app.killed(conditions[moment], watch=15, **round_of(app, moment))
        live = app.live
        assert (live == before) is (moment == "before the switch")
        restarted(app)
        serves(app)
        app.idle()
        assert app.live == live and not app.switch and app.state(live) == "active"

    together(deploy, APPS)


@full
@pytest.mark.parametrize("process", ["web", "worker", "beat"])
def test_a_process_that_was_killed_comes_back(app, process):
    serves(app)
    before = app.pid(process)
    app.run(f"kill -9 {before}")
    until(lambda: app.pid(process) not in (0, before))
    serves(app)


def memory(app, size):
    subprocess.run(["docker", "update", "--memory", size, "--memory-swap", size, app.host], check=True, stdout=subprocess.DEVNULL)


@full
def test_a_process_that_wants_more_memory_than_there_is(app):
    """The kernel ends it. The master starts a new worker, and nobody else of the application notices."""
    master = app.pid("web")
    memory(app, "1500m")
    try:
        assert app.ask("/memory/4000", "POST")[0] in (502, 503)
        until(app.answers)
        assert "was sent SIGKILL! Perhaps out of memory?" in app.log("web")
        assert app.pid("web") == master
        serves(app)
    finally:
        memory(app, "1024g")
