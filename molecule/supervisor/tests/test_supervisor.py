# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application under supervisor, as its visitors and an administrator see it. The tests follow one another."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import pathlib
import re
import subprocess
import time

import httpx
import playbook
import plugin
import pytest
import testinfra
import yaml
from load import Load, Request
from plugin import address, until
from visitor import Visitor

FOLDER = pathlib.Path(__file__).parents[1]
INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]


class Vault(yaml.SafeLoader):
    """Reads !unsafe as text."""


Vault.add_constructor("!unsafe", lambda loader, node: node.value)
PROBE = yaml.load((FOLDER / "group_vars" / "pyweb.yml").read_text(), Vault)["pyweb_apps"]["probe"]  # noqa: S506
HOSTS = testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)
NAMES = {host: host.backend.get_hostname() for host in HOSTS}


every_host = pytest.mark.parametrize("host", HOSTS, ids=list(NAMES.values()))


def ask(name, path, domain="probe.example.com"):
    """As a visitor, through nginx."""
    answer = Visitor(address(name)).get(f"https://{domain}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.text.startswith("{") else answer.text


def release(name):
    try:
        return ask(name, "/healthz")["release"]
    except (httpx.HTTPError, AssertionError):
        return None


def live(host, app="probe"):
    return plugin.live(host, app)


def programs(host):
    """What runs under supervisor: process and release, with its id once it has stayed up for a moment."""
    found = {}
    for line in host.run("supervisorctl status").stdout.splitlines():
        name, state, *rest = line.split()
        if name.startswith("pyweb.probe.") and state in ("STARTING", "RUNNING", "BACKOFF", "STOPPING"):
            found[tuple(name.split(".")[2:])] = rest[1].rstrip(",") if state == "RUNNING" else None
    return found


def running(host):
    """Its processes, when all have stayed up for a moment."""
    found = programs(host)
    return found if set(found) == wanted(host) and all(found.values()) else {}


def units(host):
    """The same under systemd."""
    listed = host.check_output("systemctl list-units --plain --no-legend --full 'pyweb.probe.*.*.service'").splitlines()
    return {tuple(line.split()[0].split(".")[2:4]) for line in listed if " active " in line}


def wanted(host):
    """One host of the fleet has the process of which there is one."""
    names = ["web", "worker", "worker-2", *(["beat"] if host is HOSTS[0] else [])]
    return {(name, live(host)) for name in names}


def stragglers(host):
    """What workers have started in sessions of its own: one for each."""
    return len(host.run("pgrep -f '[s]leep 4242'").stdout.split())


def play(name, **changes):
    return playbook.play(name, "-i", INVENTORY, pyweb_app_overrides={"probe": changes})


@contextlib.contextmanager
def visitors(app="probe"):
    """Come to all hosts, and nobody notices anything."""
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(f"https://{app}.example.com", connect=address(name), rate=60, count=300,
                                          get={"/": "probe "}, post={"/echo": {"text": "hello"}})) for name in NAMES.values()]
        yield
    for name, load in zip(NAMES.values(), loads):
        assert load.result.failed == 0 and load.result.requests >= 300, f"{name}: {load.result.summary()}"


@every_host
def test_every_process_runs_and_every_value_arrives(host):
    assert set(programs(host)) == wanted(host) and units(host) == set()
    assert release(NAMES[host]) == live(host)
    environment = ask(NAMES[host], "/environment")
    for name, value in {**PROBE["env"], **PROBE["secrets"]}.items():
        assert base64.b64decode(environment[name]).decode() == value
    assert not [name for name in environment if name.startswith("SUPERVISOR")]
    said = host.check_output("cat /var/log/pyweb/probe/worker-2.%s.log", live(host))
    assert f"working for {live(host)}" in said


@every_host
def test_a_process_is_confined(host):
    assert ask(NAMES[host], "/process")["user"] == "probe"
    assert set(host.check_output("ps -o ni= -u probe").split()) == {"0"}
    allowed = {path: ask(NAMES[host], f"/try?path={path}")["write"] == "yes" for path in (
        "/srv/probe/shared/x", "/tmp/x", "/var/tmp/x", "/run/lock/x", "/srv/probe/current/x", "/home/admin/.ssh/authorized_keys",
        "/etc/pyweb/probe/secrets", "/sys/fs/cgroup/x")}
    assert [path for path in allowed if allowed[path]] == ["/srv/probe/shared/x", "/tmp/x", "/var/tmp/x"]
    assert host.run("ls /tmp/x /var/tmp/x").stdout == ""
    states = host.check_output("cat $(pgrep -u probe | sed 's,.*,/proc/&/status,')")
    for line in ("CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
        assert states.count(line + "\n") == states.count("Name:\t") > 2
    assert host.check_output("stat -c '%U %G %a' /var/log/pyweb/probe") == "root probe 750"
    assert host.check_output("stat -c '%U %a' /run/supervisor.sock") == "root 700"
    secret = PROBE["secrets"]["API_TOKEN"].split()[0]
    assert secret not in host.check_output("ps axww -o args; cat /etc/supervisor/conf.d/*; cat /var/log/supervisor/supervisord.log")


def test_nothing_changes_on_a_converged_host_and_check_mode_says_so():
    outcome = playbook.play("site", "-i", INVENTORY, "--check", "--skip-tags", "hardening,python,nginx")
    assert outcome.status == 0 and outcome.changed == 0, outcome.output


def test_a_new_version_goes_live_under_load_and_a_broken_one_never_does():
    before = {host: set(programs(host)) for host in HOSTS}
    with visitors():
        outcome = play("deploy", source={"version": "two"}, processes={"worker": {"command": "echo no broker; exit 3"}})
        assert outcome.status == 2
        said = "\n".join(outcome.messages)
        assert re.search(r"its process worker(-2)? ended by itself \(exit status 3\)", said) and "no broker" in said, outcome.output
        assert re.search(r"tail -n 1000 /var/log/pyweb/probe/worker(-2)?\..*\.log shows more", said)
        assert {host: set(programs(host)) for host in HOSTS} == before
        outcome = play("deploy", source={"version": "two"})
        assert outcome.status == 0, outcome.output
    for host in HOSTS:
        assert ask(NAMES[host], "/") == "probe two\n"
        assert {(name, live(host)) for name, dummy in before[host]} == set(programs(host)) == wanted(host)
        # Nothing of an ended process stays, even where it has a session of its own.
        assert stragglers(host) == 2


def group(host, app, process):
    """What is in the control group of a process of the live release."""
    path = f"/sys/fs/cgroup/system.slice/supervisor.service/pyweb.{app}.{process}.{live(host, app)}/cgroup.procs"
    return host.check_output(f"ps -o args= -p $(paste -sd, {path})").splitlines()


def test_a_command_that_knows_only_port_changes_places_under_load():
    before = {host: live(host, "ported") for host in HOSTS}
    with visitors("ported"):
        outcome = playbook.play("deploy", "-i", INVENTORY, app="ported", pyweb_app_overrides={"ported": {"env": {"ROUND": "2"}}})
        assert outcome.status == 0, outcome.output
    for host in HOSTS:
        assert ask(NAMES[host], "/healthz", "ported.example.com")["release"] == live(host, "ported") != before[host]
        # The launcher, the bridge, and the server with its worker; nobody from outside comes to the port.
        family = group(host, "ported", "web")
        assert len(family) == 4 and sum("systemd-socket-proxyd" in line for line in family) == 1, family
        # Nor has the one before left any; the search does not find itself.
        assert host.run(f"pgrep -f '[{before[host][0]}]{before[host][1:]}'").stdout == ""
        heard = [line.split()[3] for line in host.check_output("ss --no-header --listening --tcp --numeric").splitlines()]
        assert {address.rpartition(":")[2] for address in heard if not address.startswith("127.")} <= {"22", "80", "443"}


@every_host
def test_a_job_runs_by_the_clock_in_the_live_release_alone(host):
    """Its timer is systemd's, and so are its limits."""
    release = live(host, "ported")
    since = host.check_output("date +%s")
    said = "journalctl -q -o cat -t ported-tick --since @%s | grep 'tick of'"
    until(lambda: len(host.run(said, since).stdout.splitlines()) > 1)
    assert set(host.check_output(said, since).splitlines()) == {f"tick of {release}"}
    assert host.check_output(f"systemctl show -p MemoryMax --value pyweb.ported.tick.{release}.service") == str(64 * 2**20)
    assert "pyweb.ported.tick.schedule.timer" in host.check_output("systemctl list-timers --no-pager")


@pytest.mark.parametrize("limit", [{"memory": "512M"}, {"network": "no"}], ids=["memory", "network"])
def test_a_limit_that_supervisor_has_not_is_refused_before_anything_changes(limit):
    before = {host: (programs(host), live(host)) for host in HOSTS}
    outcome = play("deploy", processes={"worker": limit})
    name, = limit
    assert outcome.status == 2 and set(outcome.messages) == {
        f"pyweb_apps.probe.processes.worker.{name} goes with manager: systemd, but pyweb_apps.probe.manager is supervisor."}, outcome.output
    assert {host: (programs(host), live(host)) for host in HOSTS} == before


def test_a_process_that_was_killed_comes_back_alone():
    before = {}
    for host in HOSTS:
        until(lambda host=host: running(host))
        before[host] = running(host)
        host.check_output("kill -9 " + " ".join(before[host][process, live(host)] for process in ("web", "worker")))
    for host in HOSTS:
        until(lambda host=host: {process for (process, dummy), pid in running(host).items() if pid not in before[host].values()} == {"web", "worker"})
        until(lambda host=host: release(NAMES[host]) == live(host))
        # One master, its workers and what counts them: none of the process that was killed.
        assert len(group(host, "probe", "web")) == 4
        assert stragglers(host) == 2


def test_somebody_else_uses_supervisor_too_and_gives_it_a_password():
    """It counts once supervisor has started again, and holds for all tests that follow."""
    for host in HOSTS:
        host.check_output("printf '[program:foreign]\\ncommand=/bin/sleep infinity\\n' > /etc/supervisor/conf.d/foreign.conf")
        host.check_output(r"sed -i 's/^\[\(unix_http_server\|supervisorctl\)\]/&\nusername=ops\npassword=s3:cret/' /etc/supervisor/supervisord.conf")
        assert host.check_output("grep -c '^password=' /etc/supervisor/supervisord.conf") == "2"


@pytest.mark.parametrize("how", ["systemctl restart supervisor", "kill -9 $(supervisorctl pid)"])
def test_when_supervisor_comes_back_exactly_the_live_release_does(how):
    before = {}
    for host in HOSTS:
        before[host] = set(running(host).values())
        host.check_output(how)
    for host in HOSTS:
        until(lambda host=host: running(host) and not before[host] & set(running(host).values()))
        until(lambda host=host: release(NAMES[host]) == live(host))
        assert stragglers(host) == 2


def foreign_program():
    """What somebody else's program runs as, on each host, by a supervisor that asks for a password."""
    found = {host: host.check_output("supervisorctl pid foreign") for host in HOSTS}
    assert all(int(pid) for pid in found.values())
    for host in HOSTS:
        assert not host.run("supervisorctl --username ops --password wrong pid foreign").stdout.strip().isdigit()
    return found


def test_deploys_in_a_row_cut_nothing_off():
    """What takes long is finished, what is begun after a switch is the new release's, and WebSockets are told that they end.

    On the way the application moves to systemd and back, and supervisor's other program goes on.
    """
    fast = [Request("GET", "/", expect=b"probe "), Request("POST", "/echo", b"text=hello", b"text=hello"), Request("GET", "/healthz", expect=b'"ok"')]
    requests = [*fast * 2, Request("GET", "/slow?seconds=0.5", expect=b"slow", wait=0.5),
                *fast * 2, Request("GET", "/stream?seconds=3", expect=b"part 29\nend\n", wait=3)]
    switches = {host: [(live(host), 0.0)] for host in HOSTS}
    foreign = foreign_program()
    gunicorn = {"web": {"server": "gunicorn"}}
    with contextlib.ExitStack() as stack:
        loads = {host: stack.enter_context(Load("https://probe.example.com", connect=address(name), requests=requests, sockets=("/ws", 2),
                                                arrivals=True, rate=30)) for host, name in NAMES.items()}
        for version, changes in {
            "requirements": {"processes": gunicorn}, "one": {"processes": gunicorn, "manager": "systemd"}, "back": {}, "two": {},
        }.items():
            outcome = playbook.play("rollback", "-i", INVENTORY, app="probe") if version == "back" else play("deploy", source={"version": version}, **changes)
            assert outcome.status == 0, outcome.output
            for host, seen in switches.items():
                seen.append((live(host), float(host.check_output("stat --format=%.9Y /srv/probe/current"))))
                # What went before a move runs under the manager that it had.
                moved = changes.get("manager") == "systemd"
                assert (units(host), set(programs(host))) == ((wanted(host), set()) if moved else (set(), wanted(host))), version
        time.sleep(1)
    for host, seen in switches.items():
        result = loads[host].result
        assert result.failed == 0, f"{NAMES[host]}: {result.summary()}"
        for (old, dummy), (new, at) in itertools.pairwise(seen):
            assert old != new and result.releases[new].requests > 20
            # A rollback makes it live again, but not so soon.
            late = [sample.due - at for sample in result.samples if sample.release == old and at + 2 < sample.due < at + 5]
            assert late == [], f"{NAMES[host]}: {old} has answered what came {max(late):.2f} s after the switch"
        ended = {socket.release: socket for socket in result.sockets}
        assert set(ended) == {release for release, dummy in seen[:-1]} and len(result.sockets) == 2 * (len(seen) - 1)
        assert all(socket.code == 1012 and socket.messages for socket in result.sockets), result.summary()
        assert stragglers(host) == 2
    assert foreign_program() == foreign


@pytest.mark.full
def test_an_application_moves_to_systemd_and_back_under_load():
    """With the other server; in each run the deploys in a row above show it."""
    foreign = foreign_program()
    with visitors():
        outcome = play("deploy", manager="systemd", source={"version": "two"})
        assert outcome.status == 0, outcome.output
        for host in HOSTS:
            assert units(host) == wanted(host) and programs(host) == {}
        # What went before runs under the manager that it had.
        outcome = playbook.play("rollback", "-i", INVENTORY, app="probe")
        assert outcome.status == 0, outcome.output
    for host in HOSTS:
        assert set(programs(host)) == wanted(host) and units(host) == set()
        assert stragglers(host) == 2
    assert foreign_program() == foreign


def test_a_reboot_brings_back_exactly_what_was_live():
    before = {host: (live(host), wanted(host)) for host in HOSTS}
    names = list(NAMES.values())
    subprocess.run(["docker", "restart", *names], check=True, stdout=subprocess.DEVNULL)
    for host, name in NAMES.items():
        shell = testinfra.get_host(f"docker://{name}")
        until(lambda name=name, host=host: release(name) == before[host][0])
        until(lambda shell=shell, host=host: set(programs(shell)) == before[host][1])
        assert units(shell) == set()
        assert shell.check_output("systemctl list-units --plain --no-legend --failed 'pyweb*' 'nginx*' 'supervisor*'") == ""


def test_an_application_that_is_to_be_absent_is_removed(tmp_path):
    # A host may have another address after its reboot.
    moved = tmp_path / "moved.yml"
    moved.write_text(yaml.dump({"pyweb": {"hosts": {name: {"ansible_host": address(name)} for name in NAMES.values()}}}))
    outcome = playbook.play("provision", "-i", INVENTORY, "-i", str(moved), "--skip-tags", "hardening", pyweb_app_overrides={"probe": {"state": "absent"}})
    assert outcome.status == 0, outcome.output
    for name in NAMES.values():
        shell = testinfra.get_host(f"docker://{name}")
        assert programs(shell) == {}
        assert shell.run("ls /etc/supervisor/conf.d/pyweb.probe.* /etc/systemd/system/pyweb.probe.*").stdout == ""
        assert shell.run("pgrep -u probe").stdout == ""
