# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of all kinds answer nginx, who is nobody of theirs; workers that begin anew fail no request."""

from __future__ import annotations

import json
import time

import pytest

SERVERS = ["sync", "gevent", "uvicorn", "hypercorn", "granian", "daphne", "waitress"]
# As nginx would: its user, through the link. The second argument says how often.
ASK = (
    "import http.client as h, json, socket as s, sys\n"
    "for number in range(int(sys.argv[2])):\n"
    "    c = h.HTTPConnection('x'); c.sock = s.socket(s.AF_UNIX); c.sock.settimeout(60); c.sock.connect(sys.argv[1])\n"
    "    c.request('GET', sys.argv[3], headers={'X-Forwarded-For': '192.0.2.7'})\n"
    "    a = c.getresponse(); t = a.read().decode(); c.close(); assert a.status == 200\n"
    "print(t)"
)


def visitor(host, app):
    release = host.check_output(f"basename $(readlink /srv/on-{app}/current)")
    return host.check_output("runuser -u www-data -- python3 -c %s /run/pyweb/on-%s/%s/web.sock 1 /visitor", ASK, app, release)


def ask(host, app, times=1):
    release = host.check_output(f"basename $(readlink /srv/on-{app}/current)")
    answer = json.loads(host.check_output("runuser -u www-data -- python3 -c %s /run/pyweb/on-%s/%s/web.sock %s /healthz", ASK, app, release, str(times)))
    assert answer["release"] == release
    return f"pyweb.on-{app}.web.{release}.service"


@pytest.mark.parametrize("app", SERVERS)
def test_every_server_answers(host, app):
    unit = ask(host, app)
    command = host.check_output(f"systemctl show -p MainPID --value {unit} | xargs -I N cat /proc/N/cmdline | tr '\\0' ' '")
    assert app in command
    assert host.check_output(f"systemctl show -p NRestarts --value {unit}") == "0"


@pytest.mark.parametrize("app", ["sync", "gevent", "uvicorn"])
def test_the_visitor_has_an_address(host, app):
    assert visitor(host, app) == "192.0.2.7"


@pytest.mark.parametrize("app", ["sync", "uvicorn"])
def test_workers_that_begin_anew_fail_no_request(host, app):
    def workers():
        parent = host.check_output(f"systemctl show -p MainPID --value {unit}")
        return set(host.check_output(f"pgrep -P {parent}").split())

    unit = ask(host, app)
    before = workers()
    ask(host, app, 150)
    # uvicorn looks after its workers twice a second.
    deadline = time.monotonic() + 10
    while not workers() - before:
        assert time.monotonic() < deadline, "the same workers have answered all requests"
        time.sleep(0.2)
    assert host.check_output(f"systemctl show -p NRestarts --value {unit}") == "0"


@pytest.mark.parametrize("manager", ["systemd", "supervisor"])
def test_the_sandbox_refuses_nothing_that_common_libraries_need(host, manager):
    release = host.check_output(f"basename $(readlink /srv/libraries-{manager}/current)")
    socket = f"/run/pyweb/libraries-{manager}/{release}/web.sock"
    assert json.loads(host.check_output("runuser -u www-data -- python3 -c %s %s 1 /refused", ASK, socket)) == {}
