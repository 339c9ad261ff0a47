# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that run, come back, and change places; sites of files alone; and switches whose controller was killed.

The tests follow one another.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import playbook
import pytest
import testinfra
from load import Load
from plugin import live, until
from visitor import Visitor

FOLDER = pathlib.Path(__file__).parents[1]
INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
APPS = ["threads", "native", "loop"]


def ask(host, app, path="/healthz", release=None, header=""):
    """The body, or a header, as nginx gets it: through the link, by the socket."""
    place = f"/srv/{app}/releases/{release}" if release else f"/srv/{app}/current"
    code = (
        "import http.client as h, socket as s, sys; c = h.HTTPConnection('x'); c.sock = s.socket(s.AF_UNIX); c.sock.settimeout(9); "
        "c.sock.connect(sys.argv[1]); c.request('GET', sys.argv[2], headers={'X-Forwarded-For': '192.0.2.7'}); "
        "a = c.getresponse(); print(a.headers[sys.argv[3]] if sys.argv[3] else a.read().decode())"
    )
    return host.run("python3 -c %s %s %s %s", code, f"{place}/.pyweb/web.sock", path, header).stdout.strip()


def units(host, app):
    """What runs of an application: process and release."""
    listed = host.check_output(f"systemctl list-units --plain --no-legend --full 'pyweb.{app}.*.*.service'").splitlines()
    return {tuple(line.split()[0].split(".")[2:4]) for line in listed if " active " in line}


def all_hosts():
    return testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)


@pytest.mark.parametrize("app", APPS)
def test_every_server_answers_on_the_socket_of_its_release(host, app):
    answer = json.loads(ask(host, app))
    assert (answer["status"], answer["release"]) == ("ok", live(host, app))
    assert ask(host, app, "/visitor") == "192.0.2.7"
    process = json.loads(ask(host, app, "/process"))
    assert process["user"] == app and process["prefix"] == f"/srv/{app}/releases/{live(host, app)}/.venv"
    assert host.check_output(f"stat -c '%U %G %a' /run/pyweb/{app}/{live(host, app)}") == f"{app} www-data 710"
    # What was less urgent while it started is so no more.
    assert set(host.check_output(f"ps -o ni= -u {app}").split()) == {"0"}


@pytest.mark.parametrize("app", ["threads", "loop"])
def test_nginx_is_told_the_release_that_answers(host, app):
    assert ask(host, app, header="Server") == f"pyweb/{live(host, app)}"


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
        assert float(re.search(r"level for \S+: ([\d.]+)", verdict)[1]) <= 1.2, verdict


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
    assert host.run("systemctl list-unit-files --state=enabled --no-legend 'pyweb.*.*.*.service'").stdout == "", "a single release is enabled"


# --- what nginx serves by itself ----------------------------------------------------------------------------------------

def get(host, url):
    """Status and text, over the network. The path goes out as it is written."""
    answer = Visitor(host.ansible.get_variables()["ansible_host"]).get(url)
    return answer.status_code, answer.text


def again(number, **more):
    outcome = playbook.play(FOLDER / "again.yml", "-i", INVENTORY, number=number, app_more=more)
    assert outcome.status == 0, outcome.output
    return outcome


def test_a_site_of_files_alone_changes_without_a_failed_request():
    hosts = all_hosts()
    old = {host: f"/assets/{host.check_output('ls /srv/page/current/dist/assets')}" for host in hosts}
    assert again(3).changed == 0, "it is live and needs no process"
    loads = [
        Load("https://page.example.com", connect=host.ansible.get_variables()["ansible_host"], count=500, rate=60,
             get={"/": "page ", "/about/": "about ", "/users/7": "page ", old[host]: "page one"}, assets=True)
        for host in hosts
    ]
    with contextlib.ExitStack() as stack:
        for load in loads:
            stack.enter_context(load)
        again(3, source={"version": "two"})
        for host in hosts:
            assert get(host, "https://page.example.com/")[1].startswith("<!doctype html>\n<title>page two")
            # A page of the release before still finds what it needs.
            assert get(host, f"https://page.example.com{old[host]}") == (200, 'document.querySelector("p").textContent = "This is page one.";\n')
        assert playbook.play(FOLDER / "rollback.yml", "-i", INVENTORY, name="page").status == 0
    for load in loads:
        assert load.result.failed == 0 and load.result.requests >= 500, load.result.summary()
    for host in hosts:
        assert "page one" in get(host, "https://page.example.com/")[1]
        assert units(host, "page") == set()
        host.check_output("systemctl restart pyweb.page.service")


@pytest.mark.parametrize("path", [".env", "../private.txt", "%2e%2e/private.txt", ".pyweb/x", "../.venv/pyvenv.cfg", "private.txt", "assets/"])
def test_a_site_of_files_alone_shows_nothing_else(host, path):
    status, text = get(host, f"https://page.example.com/{path}")
    assert status in (400, 403, 404) and "secret" not in text.lower()


def test_media_are_served_and_stay_the_application_s(host):
    host.check_output("threads-run sh -c %s", "cd $PYWEB_SHARED && mkdir -p media/2026 && echo photo > media/2026/a.jpg && echo secret > data/b.txt && "
                                              "ln -sf ../data/b.txt media/own && ln -sf /etc/passwd media/users && ln -sfn /srv/page/current/dist media/page")
    assert get(host, "https://threads.example.com/media/2026/a.jpg") == (200, "photo\n")
    for path in ("", "2026/", "users", "own", "page/index.html", "../data/b.txt"):
        status, text = get(host, f"https://threads.example.com/media/{path}")
        assert status in (403, 404) and "secret" not in text and "root:" not in text, path
    modes = "stat -c '%U %G %a' /srv/threads/shared /srv/threads/shared/data /srv/threads/shared/media /srv/threads/shared/media/2026/a.jpg"
    assert host.check_output(modes).splitlines() == [
        "threads threads 711", "threads threads 700", "threads threads-web 2750", "threads threads-web 640"]
    for user, path, may in (
        ("www-data", "media/2026/a.jpg", True), ("www-data", "data/b.txt", False), ("native", "media/2026/a.jpg", False), ("nobody", "media/2026/a.jpg", False),
        ("threads-build", "data/b.txt", False),
    ):
        assert (host.run(f"runuser -u {user} -- cat /srv/threads/shared/{path}").rc == 0) is may, (user, path)
    assert host.run("runuser -u www-data -- touch /srv/threads/shared/media/x").rc != 0


def killed(number, when, **variables):
    """A deploy whose controller is killed as soon as `when` holds on all hosts."""
    extra = json.dumps({"number": number, **variables})
    command = ["ansible-playbook", str(FOLDER / "again.yml"), "-i", INVENTORY, "--extra-vars", extra]
    process = subprocess.Popen(command, cwd=playbook.CHECKOUT, env=playbook.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(when, 240)
    finally:
        for pid in playbook.family(process.pid):
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
    slow = {"processes": {"web": {"health": {"path": "/slow?seconds=8", "timeout": 45}}}}
    killed(1, lambda: all(host.file("/var/lib/pyweb/native/switch.json").exists for host in hosts), app_more={"config_digest": "before"}, appserver_more=slow)
    for host in hosts:
        # The host's own step outlives its controller, and holds the lock until it is done.
        until(lambda host=host: host.run("flock --nonblock /var/lib/pyweb/native/lock true").rc == 0, 90)
        settle(host, "native")
        until(lambda host=host: not host.file("/var/lib/pyweb/native/switch.json").exists)
        assert live(host, "native") == before[host]
        assert json.loads(ask(host, "native"))["release"] == before[host]
        assert units(host, "native") == {("web", before[host])}


# What version 0.1.0 left on a host, as far as a host can tell it from what is there today: one file that everything starts.
BEFORE = """
set -e
library=/usr/local/lib/pyweb
printf '%s\\n' 'open("/run/code-of-before", "w").close()' > $library/engine.py
sed -i "s|$library/[0-9a-f]*/engine.py|$library/engine.py|" /etc/systemd/system/pyweb.native.service /usr/local/bin/native-run
systemctl daemon-reload
"""


def test_a_deploy_alone_brings_the_code_that_completes_it_to_a_host_of_before():
    hosts = all_hosts()
    before = {host: live(host, "native") for host in hosts}
    for host in hosts:
        host.check_output(BEFORE)
    killed(1, lambda: all(live(host, "native") != before[host] for host in hosts), app_more={"config_digest": "upgraded"})
    for host in hosts:
        until(lambda host=host: host.run("flock --nonblock /var/lib/pyweb/native/lock true").rc == 0, 90)
        if host.file("/var/lib/pyweb/native/switch.json").exists:
            settle(host, "native")
        until(lambda host=host: not host.file("/var/lib/pyweb/native/switch.json").exists)
        assert live(host, "native") != before[host]
        assert units(host, "native") == {("web", live(host, "native"))}
        assert host.check_output("native-run printenv PYWEB_RELEASE") == live(host, "native")
        boot = host.check_output("systemctl show -p ExecStart --value pyweb.native.service")
        assert re.search("/usr/local/lib/pyweb/[0-9a-f]{32}/engine.py boot native", boot), boot
        assert not host.file("/run/code-of-before").exists
    outcome = playbook.play(FOLDER / "again.yml", "-i", INVENTORY, "--extra-vars", json.dumps({"number": 1, "app_more": {"config_digest": "upgraded"}}))
    assert (outcome.status, outcome.changed) == (0, 0), outcome.output


def test_an_application_that_is_to_be_absent_is_stopped_and_removed():
    for dummy in ("removed", "nothing left to do"):
        outcome = playbook.play(FOLDER / "absent.yml", "-i", INVENTORY, name="loop")
        assert outcome.status == 0, outcome.output
    assert outcome.changed == 0, outcome.output
    for host in all_hosts():
        assert host.run("ls /etc/systemd/system/pyweb.loop.* /etc/systemd/system/*.wants/pyweb.loop.* /usr/local/bin/loop-run").stdout == ""
        assert units(host, "loop") == set() and units(host, "native") != set()
        assert host.run("pgrep -u loop").stdout == ""
