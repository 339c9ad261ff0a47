# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Celery is given to do is done, once, whatever is deployed meanwhile. The tests follow one another."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time

import playbook
from apps import APPS, Orders, arguments, together
from plugin import until


def every_order_is_done_once(app, accepted):
    until(lambda: set(accepted) <= set(app.done()), 90)
    # A second time would come soon: what is given back to the queue is taken at once.
    time.sleep(2)
    done = app.done()
    assert [number for number in done if done[number] != 1] == []
    log = app.log("worker")
    assert "unregistered task" not in log and "discarded" not in log and "Traceback" not in log, log[-5000:]


def test_every_process_runs():
    for app in APPS:
        until(app.answers)
        until(app.whole)
        until(lambda app=app: app.notes("tick") and app.notes("beats"))


def test_what_runs_while_a_version_with_new_tasks_goes_live_is_done_once():
    before = {app: app.live for app in APPS}
    with contextlib.ExitStack() as stack:
        orders = {app: stack.enter_context(Orders(app)) for app in APPS}

        def begin(app):
            """Two tasks of 40 s, as soon as the activation begins; they keep the old worker busy, with orders waiting in it."""
            # On one host, the applications are activated one after the other.
            until(lambda: app.switch, 600)
            for kind in ("slow", "late"):
                assert app.ask(f"/slow/{kind}/{kind}/40", "POST")[0] == 200
            until(lambda: len(app.notes("begun")) == 2)

        begun = [stack.enter_context(concurrent.futures.ThreadPoolExecutor()).submit(begin, app) for app in APPS]
        # Both begin before the old worker is told to end, and end long after the new beat works, however busy this machine is.
        changes = {app.name: {"env": {"EDITION": "two"}, "processes": {"web": {"health": {"successes": 20}}}} for app in APPS}
        outcome = playbook.play("deploy", *arguments(), pyweb_app_overrides=changes)
        for waited in begun:
            waited.result()
        assert outcome.status == 0, outcome.output
        time.sleep(2)

    def check(app):
        assert orders[app].faults == [] and len(orders[app].accepted) > 50
        assert app.live != before[app] and app.whole()
        # Those that the new workers send in turn are counted too.
        every_order_is_done_once(app, [*orders[app].accepted, "slow", "late"])
        for kind in ("slow", "late"):
            begun, = [item for item in app.notes("begun") if item["number"] == kind]
            done, = [item for item in app.notes("done") if item["number"] == kind]
            assert begun["release"] == done["release"] == before[app] and begun["pid"] == done["pid"]
        # The new beat did not wait for them.
        spans = app.beats_alone()
        assert {release for release, dummy in spans} == {before[app], app.live}
        assert min(span[0] for (release, dummy), span in spans.items() if release == app.live) < done["at"]
        follows = [number for number in app.done() if number.endswith("-follow")]
        assert follows and set(number.removesuffix("-follow") for number in follows) <= set(orders[app].accepted)

    together(check, APPS)
