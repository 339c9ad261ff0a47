# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook on all hosts: with --check, on one host alone and with input that is wrong; those without tests of their own also as they are meant."""

import json

import pytest

from visitor import Visitor

SECRET = "correct-horse-8d1f0c27"
GUESTBOOK, BLOG = {"app": "guestbook"}, {"app": "blog"}

# What changes nothing, with what it shows of each host; for status and audit the files are those of the test.
LOOKS = {
    "status": ({"status_file": "status.json"}, "guestbook {name} {guestbook}"), "logs": (BLOG, "{name} blog/worker {blog}"),
    "releases": ({}, "{name} {guestbook}"), "config": (GUESTBOOK, "{name}"), "certificates": ({}, "[{name}] => msg: |- guestbook (guestbook.example.com):"),
    "show": ({}, "GUESTBOOK_TITLE: Our guestbook"), "report": ({"report_file": "report.html"}, "report.html: "), "backups": ({}, ""),
    "audit": ({"audit_directory": "audit", "audit_fail": True}, "{name} not installed"),
}
# What changes something.
ACTS = {
    "provision": {}, "deploy": {"force": True}, "restart": {"app": "guestbook,blog"}, "scale": {**BLOG, "process": "worker", "count": 3},
    "rollback": BLOG, "pin": GUESTBOOK, "run": {**GUESTBOOK, "command": "touch $PYWEB_SHARED/mark"}, "maintenance": {"state": "on"},
    "patch": {"patch_reboot": "never"}, "unlock": {}, "destroy": {**GUESTBOOK, "confirm": "guestbook", "data": "delete"},
}
# What is there on a host that a playbook could change.
STATE = """cd /; readlink srv/*/current; cat var/lib/pyweb/*/history.jsonl; dpkg-query -W; getent passwd; iptables -S 2>/dev/null
systemctl list-units --plain --no-legend 'pyweb*' | awk '{print $1, $3, $4}' | grep -v 'timer\\|settle' | sort
find srv etc/pyweb etc/nginx etc/systemd/system var/lib/pyweb usr/local/bin -not -name '*.db*' -not -name '__pycache__' -printf '%p %y %u %m %l\\n' | sort"""

NO_RELEASE = "no release 'v9' is kept on this host: kept are "
# What only a host can refuse, or is refused by more than one playbook before a host is asked.
WRONG = {
    "rollback, release": ("rollback", {**GUESTBOOK, "version": "v9"}, NO_RELEASE),
    "rollback, application": ("rollback", {}, "Say which application goes back: -e app=… (guestbook, blog)."),
    "pin, release": ("pin", {**GUESTBOOK, "version": "v9"}, NO_RELEASE),
    "config, release": ("config", {**GUESTBOOK, "version": "v9"}, NO_RELEASE),
    "config, application": ("config", {"app": "guestbook,blog"}, "Say of which application: -e app=… (guestbook, blog)"),
    "logs, status": ("logs", {"log": "nginx", "status": "abc"}, "status is 'abc': a status of HTTP with or without a sign before it is needed"),
    "scale, number": ("scale", {**BLOG, "process": "worker", "count": "few"}, "count is 'few': a number from 1 to 999 is needed."),
    "run, command": ("run", {**GUESTBOOK, "command": "echo $API_TOKEN; exit 3"}, "guestbook: 'echo $API_TOKEN; exit 3' failed (exit status 3).\n********"),
    "run, applications": ("run", {"app": "guestbook,blog", "command": "true"}, "Say what is to run, and in which application"),
    "maintenance, state": ("maintenance", {"state": "maybe"}, "state is 'maybe': on or off is needed, as -e state=on."),
    "maintenance, page": ("maintenance", {"state": "on", "page": "/nowhere.html"}, "page is /nowhere.html, but the controller has no such file"),
    "drain, balancer": ("drain", {"state": "on"}, "The inventory has no host in the group pyweb_balancers"),
    "patch, reboot": ("patch", {"patch_reboot": "maybe"}, "patch_reboot is 'maybe': auto or never is needed, as -e patch_reboot=never."),
    "status, file": ("status", {"status_file": "/nowhere/status.json"}, "status_file is '/nowhere/status.json': a file in a directory that is there"),
    "status, switch": ("status", {"status_fail": "maybe"}, "status_fail is 'maybe': true or false is needed, as -e status_fail=true."),
    "report, file": ("report", {"report_file": "/nowhere/report.html"}, "report_file is '/nowhere/report.html': a file that ends in .html"),
    "audit, directory": ("audit", {"audit_directory": "/etc/hostname"}, "audit_directory is '/etc/hostname': a directory is needed"),
    "audit, content": ("audit", {"audit_scap": "/nowhere.xml"}, "audit_scap is /nowhere.xml, but the host has no such file."),
    "audit, profiles": ("audit", {"audit_scap_profiles": "cis level1"}, "audit_scap_profiles is 'cis level1': names with commas between them are needed"),
    "audit, switch": ("audit", {"audit_fail": "maybe"}, "audit_fail is 'maybe': true or false is needed, as -e audit_fail=true."),
    "audit, name": ("audit", {"audit_fial": True}, "-e audit_fial=… is not a variable of the playbooks of pyweb.stack: did you mean audit_fail"),
    "backup, nothing": ("backup", {}, "Nothing is backed up: set pyweb_apps.guestbook.backup with a repository and a password."),
    "restore, not set": ("restore", {**GUESTBOOK, "confirm": "blog"}, "confirm is 'blog': to replace what the application has stored"),
    "destroy, data": ("destroy", {**BLOG, "confirm": "blog", "data": "some"}, "data is 'some': keep or delete is needed"),
}


def words(outcome):
    return " ".join(outcome.output.split())


def state(fleet):
    return {name: fleet.run(name, STATE).splitlines() for name in fleet.names}


@pytest.fixture(scope="module")
def older(fleet):
    """The blog has a release to go back to."""
    fleet.play("deploy", app="blog", pyweb_app_overrides={"blog": {"env": {"COLOUR": "brown"}}})
    yield
    fleet.play("deploy", app="blog")


@pytest.mark.parametrize("playbook_name", LOOKS)
def test_what_only_looks(fleet, tmp_path, playbook_name):
    """In check mode and with all that Ansible prints, and of one host of the three."""
    variables, shown = LOOKS[playbook_name]
    variables = {key: str(tmp_path / value) if key.endswith(("_file", "_directory")) else value for key, value in variables.items()}
    before, live = state(fleet), {app: fleet.live(app) for app in ("guestbook", "blog")}
    # Without Lynis and OpenSCAP, and what ssh-audit finds is accepted.
    whole = fleet.play(playbook_name, "--check", "--diff", "-v", **variables)
    assert whole.changed == 0 and state(fleet) == before
    for name in fleet.names:
        expected = shown.format(name=name, **{app: releases[name] for app, releases in live.items()})
        assert expected in words(whole), whole.output
    one = fleet.play(playbook_name, "--limit", fleet.names[-1], **variables)
    assert one.changed == 0 and SECRET not in whole.output + one.output
    assert not [name for name in fleet.names[:-1] if name in one.output], one.output
    if playbook_name == "audit":
        assert sorted(path.name for path in (tmp_path / "audit").iterdir()) == sorted(
            f"{name}.{grader}" for name in fleet.names for grader in ("ssh-audit", "systemd"))


@pytest.mark.parametrize("playbook_name", ACTS)
def test_check_mode_changes_nothing(fleet, older, playbook_name):
    before = state(fleet)
    outcome = fleet.play(playbook_name, "--check", "--diff", "-v", **ACTS[playbook_name])
    assert SECRET not in outcome.output
    assert state(fleet) == before


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence(fleet, case):
    playbook_name, variables, sentence = WRONG[case]
    outcome = fleet.play(playbook_name, exit_status=2, **variables)
    assert outcome.faults and outcome.changed == 0 and SECRET not in outcome.output and "Traceback" not in outcome.output
    for (message,) in outcome.faults.values():
        assert sentence in message and (message.count("\n") == sentence.count("\n")), message


def test_an_application_and_a_host_that_nobody_knows(fleet):
    for playbook_name in sorted({*LOOKS, *ACTS, "drain", "backup", "restore"}):
        outcome = fleet.play(playbook_name, "--limit", fleet.names[0], exit_status=2, app="guestbok")
        assert set(outcome.messages) == {"app is 'guestbok': pyweb_apps defines guestbook, blog."}, outcome.output
    assert "no hosts to target" in words(fleet.play("status", "--limit", "day2-fourth", exit_status=1))


def test_a_process_that_nobody_knows(fleet):
    told = words(fleet.play("logs", process="wroker"))
    assert "Nothing of this kind was logged. The inventory has no process wroker here, but web, worker, nightly." in told


def test_the_status_is_what_the_hosts_are(fleet, tmp_path):
    """By other programs than those that the status asks."""
    told, _outcome = fleet.status(tmp_path)
    assert set(told["hosts"]) == set(fleet.names) and len(fleet.names) == 3
    for name in fleet.names:
        host = told["hosts"][name]
        blocks, free, size = map(int, fleet.run(name, "stat -f -c '%b %a %S' /srv").split())
        assert host["reachable"] and host["disk_total"] == blocks * size and abs(host["disk_free"] - free * size) < blocks * size / 20
        assert host["system"] == fleet.run(name, ". /etc/os-release; echo $PRETTY_NAME") and host["others"] == []
        assert abs(host["up"] - float(fleet.run(name, "cut -d' ' -f1 /proc/uptime"))) < 300
        assert host["memory_total"] == 1024 * int(fleet.run(name, "awk '/MemTotal/ {print $2}' /proc/meminfo"))
        assert host["processors"] == int(fleet.run(name, "nproc --all"))
        for app in ("guestbook", "blog"):
            one, live = told["applications"][app]["hosts"][name], fleet.live(app)[name]
            manifest = json.loads(fleet.run(name, f"cat /var/lib/pyweb/{app}/releases/{live}/manifest.json"))
            last = json.loads(fleet.run(name, f"tail -n 1 /var/lib/pyweb/{app}/history.jsonl"))
            assert (one["live"], one["revision"], one["version"]) == (live, manifest["revision"], manifest["version"])
            assert (one["by"], one["since"], one["action"]) == (last["by"], last["time"], last["action"])
            assert one["history"][-1]["release"] == live and not one["lease"] and not one["switch"]
            units = fleet.run(name, f"systemctl list-units --plain --no-legend --state=active 'pyweb.{app}.*.{live}.service' | awk '{{print $1}}'").split()
            assert sorted(process["name"] for process in one["processes"]) == sorted(unit.split(".")[2] for unit in units)
            shown = f"openssl s_client -connect 127.0.0.1:443 -servername {app}.example.com </dev/null 2>/dev/null"
            ends = fleet.run(name, f"date -u +%Y%m%dT%H%M%SZ -d \"$({shown} | openssl x509 -noout -enddate | cut -d= -f2)\"")
            assert one["certificate"]["expires"] == ends and one["certificate"]["self_signed"] and one["python_version"] == manifest["python_version"]


def test_one_host_goes_back_and_forth_again(fleet, older, tmp_path):
    before, name = fleet.live("blog"), fleet.names[-1]
    outcome = fleet.play("rollback", "--limit", name, app="blog")
    after = fleet.live("blog")
    assert after[name] != before[name] and all(after[other] == before[other] for other in fleet.names[:-1])
    assert f"blog: release {after[name]} is live again, in place of {before[name]}" in words(outcome)
    told, _outcome = fleet.status(tmp_path, app="blog")
    assert not told["well"] and {item["app"] for item in told["findings"] if item["level"] == "problem"} == {"blog"}
    fleet.play("rollback", app="blog", version=before[name])
    assert fleet.live("blog") == before
    assert fleet.play("rollback", app="blog", version=before[name]).changed == 0


def test_pinned_on_all_hosts(fleet):
    live = fleet.live("guestbook")
    assert fleet.play("pin", app="guestbook").changed == len(fleet.names) and fleet.play("pin", app="guestbook").changed == 0
    outcome = fleet.play("releases", app="guestbook")
    assert all(any(live[name] in line and "pinned" in line for line in outcome.output.splitlines() if name in line) for name in fleet.names), outcome.output
    assert fleet.play("pin", app="guestbook", pinned=False).changed == len(fleet.names)
    assert fleet.play("unlock").changed == 0


def test_a_command_runs_on_one_host(fleet):
    outcome = fleet.play("run", app="guestbook", command="echo $API_TOKEN; id -un; touch $PYWEB_SHARED/mark")
    assert "******** guestbook" in words(outcome) and SECRET not in outcome.output
    marked = [name for name in fleet.names if fleet.hosts[name].file("/srv/guestbook/shared/mark").exists]
    assert len(marked) == 1
    fleet.run(marked[0], "rm /srv/guestbook/shared/mark")


def test_maintenance_of_one_application_on_one_host(fleet, tmp_path):
    name, page = fleet.names[-1], tmp_path / "page.html"
    page.write_text("<p>Back at noon, 7f3a.</p>")
    outcome = fleet.play("maintenance", "--limit", name, app="guestbook", state="on", page=str(page))
    assert f"guestbook on {name}: visitors see a page with status 503." in words(outcome)
    try:
        closed = Visitor(fleet.address(name)).get("https://guestbook.example.com/")
        assert closed.status_code == 503 and "Back at noon, 7f3a." in closed.text
        assert Visitor(fleet.address(name)).get("https://blog.example.com/").status_code == 200
        assert Visitor(fleet.address(fleet.names[0])).get("https://guestbook.example.com/").status_code == 200
        assert fleet.play("maintenance", "--limit", name, app="guestbook", state="on", page=str(page)).changed == 0
    finally:
        fleet.play("maintenance", state="off")
    assert Visitor(fleet.address(name)).get("https://guestbook.example.com/").status_code == 200
    assert fleet.play("maintenance", state="off").changed == 0


# As another apt does, for two minutes.
HOLD = """systemd-run --quiet python3 -c 'import fcntl, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(120)'"""


def test_all_hosts_are_patched_and_serve_on(fleet):
    before = {app: fleet.live(app) for app in ("guestbook", "blog")}
    fleet.run(fleet.names[0], HOLD)
    outcome = fleet.play("patch", patch_reboot="never")
    assert f"[{fleet.names[0]}] waits for apt, which is in use by python3 (process " in words(outcome)
    for name in fleet.names:
        assert f"{name}: packages " in words(outcome) and "guestbook, blog running." in words(outcome)
    assert before == {app: fleet.live(app) for app in before}
    again = fleet.play("patch", "--limit", fleet.names[-1], patch_reboot="never")
    assert again.changed == 0 and f"{fleet.names[-1]}: packages up to date" in words(again)


def test_what_lynis_finds_is_accepted_or_open(fleet, tmp_path):
    """With audit_fail, what is open is a failure: a host like these is at the level baseline."""
    for name in fleet.names:
        fleet.run(name, "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends lynis >/dev/null")
    outcome = fleet.play("audit", exit_status=2, audit_directory=str(tmp_path / "audit"), audit_fail=True)
    told = [line.strip() for line in outcome.output.splitlines()]
    # What hosts have in common stands once; each finding names its grader and test, what is accepted its reason.
    assert told.count("OPEN: lynis SSH-7408: Consider hardening SSH configuration: MaxSessions (set 10 to 2)") == 1
    assert sum(line.startswith("ACCEPTED: lynis LOGG-2154: ") and line.endswith(" [Where logs go is for the site to decide.]") for line in told) == 1
    for name in fleet.names:
        report = (tmp_path / "audit" / f"{name}.lynis").read_text()
        (index,) = (line.partition("=")[2] for line in report.splitlines() if line.startswith("hardening_index="))
        assert any(line.startswith(name) and f"hardening index {index}, " in line for line in told), outcome.output
        (message,) = outcome.faults[name]
        opened = sum(line.startswith("OPEN: ") and (not line.endswith(")") or name in line or "day2-" not in line) for line in told)
        assert message.startswith(f"{name} has {opened} open findings, shown above; ")
        fleet.run(name, "apt-get purge -qq -y lynis >/dev/null")
