# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may be: led to by a port, configured by its source, confined, run by the clock, named by a Procfile."""

from __future__ import annotations

import json
import re

import pytest
from plugin import ask, live, until


def show(host, app, process, name):
    return host.check_output(f"systemctl show -p {name} --value pyweb.{app}.{process}.{live(host, app)}.service")


def test_a_command_that_knows_only_port_is_led_to(host):
    assert 'TEXT = "lone"' in ask(host, "ported", "/probe.py")
    # Its loopback is its own: nobody else on the host reaches the port.
    assert "http.server" not in host.check_output("ss --listening --tcp --processes")
    family = host.check_output(f"cat /sys/fs/cgroup{show(host, 'ported', 'web', 'ControlGroup')}/cgroup.procs | xargs ps -o args= -p").splitlines()
    assert len(family) == 3 and any("systemd-socket-proxyd" in line for line in family), family


def test_a_file_of_gunicorn_is_honoured_but_for_what_a_switch_relies_on(host):
    environment = json.loads(ask(host, "configured", "/environment"))
    assert environment["FROM_FILE"] == "eWVz"
    assert not host.socket("tcp://0.0.0.0:9000").is_listening
    workers = host.check_output(f"pgrep -P {show(host, 'configured', 'web', 'MainPID')} | wc -l")
    assert workers == "1", "the file says so, and nothing else does"


@pytest.mark.parametrize("name, value", [
    ("MemoryMax", str(512 * 2**20)), ("CPUQuotaPerSecUSec", "1.500000s"), ("TasksMax", "64"), ("LimitNOFILE", "1024"), ("PrivateNetwork", "yes"),
])
def test_limits(host, name, value):
    assert show(host, "confined", "web", name) == value


def test_what_a_process_may_write_to(host):
    def write(path):
        return json.loads(ask(host, "confined", f"/try?path={path}"))["write"]

    assert write("/srv/confined/shared/data/x") == "yes"
    assert write("/srv/confined/shared/x") != "yes"
    assert write("/tmp/x") == "yes" and not host.file("/tmp/x").exists


@pytest.mark.parametrize("app, process, most", [("confined", "web", 0.3), ("confined", "tick", 0.3), ("ported", "web", 0.6), ("configured", "web", 1.2)])
def test_the_sandbox_is_tight(host, app, process, most):
    verdict = host.check_output(f"systemd-analyze security --no-pager pyweb.{app}.{process}.{live(host, app)}.service").splitlines()[-1]
    assert float(re.search(r"level for \S+: ([\d.]+)", verdict)[1]) <= most, verdict


def test_jobs_run_in_the_live_release_alone(host):
    release = live(host, "confined")
    cursor = host.check_output("journalctl -n 1 -o json --output-fields=MESSAGE | sed 's/.*__CURSOR\" *: *\"\\([^\"]*\\)\".*/\\1/'")
    until(lambda: "tick of" in host.run("journalctl -q -o cat -t confined-tick --after-cursor %s", cursor).stdout)
    said = set(host.check_output("journalctl -q -o cat -t confined-tick --after-cursor %s | grep 'tick of'", cursor).splitlines())
    assert said == {f"tick of {release}"}
    assert host.file("/etc/systemd/system/pyweb.confined.daily.schedule.timer").contains(f"Unit=pyweb.confined.daily.{release}.service")
    assert host.file("/etc/systemd/system/pyweb.confined.daily.schedule.timer").contains("Persistent=yes")


def test_a_job_that_is_no_longer_defined_is_gone(host):
    """The side effect deploys the application without it."""
    assert not host.file("/etc/systemd/system/pyweb.confined.gone.schedule.timer").exists
    assert "confined.gone" not in host.check_output("systemctl list-timers --all --no-pager")
    assert host.check_output("cat /srv/confined/shared/data/gone | sort | uniq | wc -l") == "1"


def test_a_procfile_says_what_runs(host):
    release = live(host, "platform")
    assert json.loads(ask(host, "platform"))["release"] == release
    assert f"working for {release}" in host.check_output(f"journalctl -q -o cat -u pyweb.platform.worker.{release}.service")
    # Its line release has migrated, once for each release; and gunicorn listens where nobody from outside comes.
    assert host.check_output("cat /srv/platform/shared/migrations") == "migrated"
    heard = host.check_output("ss --no-header --listening --tcp --numeric --processes").splitlines()
    assert [line for line in heard if not line.split()[3].startswith("127.") and '("nginx"' not in line and '("sshd"' not in line] == []


def test_an_address_leads_to_the_live_release(host):
    """The side effect has switched the release behind it."""
    get = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8123/healthz').read().decode())"
    assert json.loads(host.check_output("python3 -c %s", get))["release"] == live(host, "configured")
    assert host.check_output("systemctl is-enabled pyweb.configured.address.socket") == "enabled"
