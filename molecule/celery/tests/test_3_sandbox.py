# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever an application is confined to, it works: rows in SQLite and in PostgreSQL by its socket, and tasks of Celery. The tests follow one another."""

from __future__ import annotations

import json
import re
import time

import pytest
from apps import APPS, HOSTS, App
from plugin import until

# One for each host; where there is one host only, the one that systemd runs already.
MANAGED = {app.host: App(app.name, app.host, "systemd") for app in reversed(APPS)}
QUIET = {host: App("quiet", host, "systemd") for host in HOSTS}


@pytest.fixture(params=HOSTS, scope="module")
def outgoing(request):
    """With a network, under systemd on each host."""
    app = MANAGED[request.param]
    if ("worker", app.live) not in app.up():
        outcome = app.play("deploy", manager="systemd")
        assert outcome.status == 0, outcome.output
    return app


@pytest.fixture(params=HOSTS)
def quiet(request):
    return QUIET[request.param]


def rating(app, process):
    verdict = app.run(f"systemd-analyze security --no-pager pyweb.{app.name}.{process}.{app.live}.service").splitlines()[-1]
    return float(re.search(r"level for \S+: ([\d.]+)", verdict)[1])


def works(app):
    """A row is written and read by each store, and a task is done."""
    text = f"row of {time.time()}"
    for store in ("sqlite", "postgresql"):
        status, answer = app.ask(f"/rows/{store}", "POST", text.encode())
        assert status == 200, answer
        assert text in json.loads(app.ask(f"/rows/{store}")[1])["rows"]
    assert app.shell.file(f"/srv/{app.name}/shared/rows.sqlite3").user == app.name
    assert text in app.run(f"runuser -u postgres -- psql --tuples-only --command 'SELECT text FROM rows' {app.name}")
    number = f"{app.name}-{time.time()}"
    assert app.ask(f"/orders/{number}", "POST")[0] == 200
    until(lambda: app.done()[number] == 1)


def test_the_sandbox_with_a_network(outgoing):
    works(outgoing)
    assert {process: rating(outgoing, process) for process in ("web", "worker") if rating(outgoing, process) > 1.2} == {}


def test_the_sandbox_without_a_network(quiet):
    works(quiet)
    assert {process: rating(quiet, process) for process in ("web", "worker") if rating(quiet, process) > 0.3} == {}
    assert quiet.run(f"systemctl show -p PrivateNetwork --value pyweb.quiet.web.{quiet.live}.service") == "yes"
