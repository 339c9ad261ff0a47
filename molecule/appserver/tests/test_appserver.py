# Copyright (c) 2026, the pyweb.stack developers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that run, come back, and change places; and switches whose controller was killed. The tests follow one another."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest
import testinfra

FOLDER = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(FOLDER.parents[1] / "tests" / "support"))

import playbook  # noqa: E402

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
APPS = ["threads", "native", "loop"]


def live(host, app):
    return host.check_output(f"basename $(readlink /srv/{app}/current)")


def ask(host, app, path="/healthz", release=None):
    """As nginx would: through the link, by the socket."""
    place = f"/srv/{app}/releases/{release}" if release else f"/srv/{app}/current"
    code = (
        "import http.client as h, socket as s, sys; c = h.HTTPConnection('x'); c.sock = s.socket(s.AF_UNIX); c.sock.settimeout(9); "
        "c.sock.connect(sys.argv[1]); c.request('GET', sys.argv[2]); print(c.getresponse().read().decode())"
    )
    return host.run("python3 -c %s %s %s", code, f"{place}/.pyweb/web.sock", path).stdout.strip()


def units(host, app):
    """What runs of an application: process and release."""
    listed = host.check_output(f"systemctl list-units --plain --no-legend --full 'pyweb.{app}.*.*.service'").splitlines()
    return {tuple(line.split()[0].split(".")[2:4]) for line in listed if " active " in line}


def until(check, seconds=20):
    """Wait for something that has to come by itself."""
    end = time.monotonic() + seconds
    while not check() and time.monotonic() < end:
        time.sleep(0.3)
    assert check()


def all_hosts():
    return testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)


@pytest.mark.parametrize("app", APPS)
def test_every_server_answers_on_the_socket_of_its_release(host, app):
    answer = json.loads(ask(host, app))
    assert (answer["status"], answer["release"]) == ("ok", live(host, app))
    process = json.loads(ask(host, app, "/process"))
    assert process["user"] == app and process["prefix"] == f"/srv/{app}/releases/{live(host, app)}/.venv"
    assert host.check_output(f"stat -c '%U %G %a' /run/pyweb/{app}/{live(host, app)}") == f"{app} www-data 710"


def test_the_servers_are_those_that_were_asked_for(host):
    found = {}
    for app in APPS:
        pid = host.check_output(f"systemctl show -p MainPID --value pyweb.{app}.web.{live(host, app)}")
        found[app] = host.check_output(f"tr '\\0' ' ' < /proc/{pid}/cmdline")
    assert "-m gunicorn" in found["threads"] and "--worker-class gthread" in found["threads"]
    assert "-m gunicorn" in found["native"] and "--worker-class asgi" in found["native"]
    assert "-m uvicorn" in found["loop"]


def test_what_is_no_longer_defined_is_gone(host):
    release = live(host, "loop")
    assert ask(host, "loop", "/") == "probe two"
    assert units(host, "loop") == {("web", release), ("worker", release), ("worker-2", release)}
    log = host.check_output(f"journalctl -q -o cat --no-pager -u pyweb.loop.worker-2.{release}.service")
    assert f"working for {release}" in log


@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_process_that_was_killed_comes_back(host, process):
    release = live(host, "loop")
    unit = f"pyweb.loop.{process}.{release}.service"
    pid = host.check_output(f"systemctl show -p MainPID --value {unit}")
    host.check_output(f"kill -9 {pid}")
    until(lambda: host.check_output(f"systemctl show -p MainPID --value {unit}") not in (pid, "0"))
    until(lambda: json.loads(ask(host, "loop") or "{}").get("release") == release)


def test_the_sandbox_is_tight(host):
    for app in APPS:
        verdict = host.check_output(f"systemd-analyze security --no-pager pyweb.{app}.web.{live(host, app)}.service").splitlines()[-1]
        assert float(re.search(r"level for \S+: ([\d.]+)", verdict)[1]) <= 1.1, verdict


def test_the_boot_unit_brings_back_exactly_what_is_live(host):
    before = {app: (live(host, app), units(host, app)) for app in APPS}
    boot = " ".join(f"pyweb.{app}.service" for app in APPS)
    assert host.check_output(f"systemctl is-enabled {boot}").split() == ["enabled"] * 3
    host.check_output(f"systemctl stop {boot}")
    assert all(units(host, app) == set() for app in APPS)
    host.check_output(f"systemctl start {boot}")
    for app in APPS:
        until(lambda app=app: json.loads(ask(host, app) or "{}").get("release") == before[app][0])
    assert {app: (live(host, app), units(host, app)) for app in APPS} == before
    assert host.run("systemctl list-unit-files --state=enabled --no-legend 'pyweb.*.*.*'").stdout == "", "a single release is enabled"


def family(pid):
    """A process and all that it has started; Ansible's workers are in groups of their own."""
    pairs = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pairs.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
    found = [pid]
    for parent in found:
        found += [child for child, its in pairs if its == parent]
    return found


def killed(number, when, **variables):
    """A deploy whose controller is killed as soon as `when` holds on all hosts."""
    extra = json.dumps({"number": number, **variables})
    command = ["ansible-playbook", str(FOLDER / "again.yml"), "-i", INVENTORY, "--extra-vars", extra]
    process = subprocess.Popen(command, cwd=playbook.CHECKOUT, env=playbook.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(when, 90)
    finally:
        for pid in family(process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()


def settle(host, app):
    """What its timer starts when nobody goes on."""
    timer = host.check_output(f"systemctl show -p ActiveState --value pyweb.{app}.settle.timer")
    assert timer == "active", "nothing guards the switch"
    return host.run(f"systemctl start pyweb.{app}.settle.service")


def test_a_controller_killed_before_the_switch_leaves_the_old_release():
    hosts = all_hosts()
    before = {host: live(host, "native") for host in hosts}
    # The gate opens late, so that the controller dies before it.
    slow = {"processes": {"web": {"health": {"path": "/slow?seconds=8", "timeout": 20}}}}
    killed(1, lambda: all(host.file("/var/lib/pyweb/native/switch.json").exists for host in hosts), app_more={"config_digest": "before"}, appserver_more=slow)
    for host in hosts:
        # The host's own step outlives its controller, and holds the lock until it is done.
        until(lambda host=host: host.run("flock --nonblock /var/lib/pyweb/native/lock true").rc == 0, 90)
        settle(host, "native")
        until(lambda host=host: not host.file("/var/lib/pyweb/native/switch.json").exists, 40)
        assert live(host, "native") == before[host]
        assert json.loads(ask(host, "native"))["release"] == before[host]
        assert units(host, "native") == {("web", before[host])}


def test_an_application_that_is_to_be_absent_is_stopped_and_removed():
    for dummy in ("removed", "nothing left to do"):
        outcome = playbook.play(FOLDER / "absent.yml", "-i", INVENTORY, name="loop")
        assert outcome.status == 0, outcome.output
    assert outcome.changed == 0, outcome.output
    for host in all_hosts():
        assert host.run("ls /etc/systemd/system/pyweb.loop.* /etc/systemd/system/*.wants/pyweb.loop.*").stdout == ""
        assert units(host, "loop") == set() and units(host, "native") != set()
        assert host.run("pgrep -u loop").stdout == ""
