# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New versions, good and bad ones, while visitors keep coming. The tests follow one another."""

import contextlib
import json
import re
import time

import pytest


BAD = {
    "fail": "RuntimeError: probe: this release cannot start",
    "exit": "probe: this release gives up",
    "hang": "takes longer than 20 s",
    "error": "probe: this request fails",
}


@contextlib.contextmanager
def visitors(fleet, app, count=1000):
    """Come to all hosts, and nobody notices anything."""
    with contextlib.ExitStack() as stack:
        loads = {name: stack.enter_context(fleet.load(app, name, count)) for name in fleet.names}
        yield loads
    for name, load in loads.items():
        print(f"{name}: {load.result.summary()}")
        assert load.result.failed == 0, f"{name}: {load.result.summary()}"
        assert load.result.requests >= count
        for kind in load.kinds:
            assert load.result.count(kind, "GET") and load.result.count(kind, "POST")


def applause(fleet):
    return {name: visitor.json("https://guestbook.example.com/healthz")["applause"] for name, visitor in fleet.visitors.items()}


def migrations(fleet):
    """When and for which release the probe's migrations ran, wherever they did."""
    lines = [line.split() for name in fleet.names for line in fleet.run(name, "cat /srv/probe/shared/migrations || true").splitlines()]
    return sorted((float(when), release) for when, release in lines)


def history(fleet, name, app):
    return [json.loads(line) for line in fleet.run(name, f"cat /var/lib/pyweb/{app}/history.jsonl").splitlines()]


def switched(fleet, name, app):
    """When `current` was last changed."""
    return float(fleet.run(name, f"stat --format=%.9Y /srv/{app}/current"))


def handed_over(result, old, new):
    """The old release has answered until the new one took over, and not much longer."""
    assert set(result.releases) == {old, new}
    overlap = result.releases[old].last - result.releases[new].first
    assert overlap < 3, f"the old release has answered for {overlap:.1f} s after the new one\n{result.summary()}"


def test_nothing_changes_on_a_converged_host_and_check_mode_says_so(fleet):
    outcome = fleet.play("site", "--check", "--diff")
    assert outcome.status == 0, outcome.output
    assert outcome.changed == 0, outcome.output


def test_a_new_version_goes_live_under_load(fleet):
    old, before = fleet.releases("guestbook"), applause(fleet)
    with visitors(fleet, "guestbook") as loads:
        outcome = fleet.play("deploy", app="guestbook", version="v2.0.0")
        assert outcome.status == 0, outcome.output
        time.sleep(1)
    new = fleet.releases("guestbook")
    assert len(set(new.values())) == 1, "one release for the whole fleet"
    for name, visitor in fleet.visitors.items():
        handed_over(loads[name].result, old[name], new[name])
        assert visitor.json("https://guestbook.example.com/healthz")["version"] == "2.0.0"
        assert b'class="heart"' in visitor.get("https://guestbook.example.com/").content
        # Every form was taken once: none lost, none twice.
        assert applause(fleet)[name] - before[name] == loads[name].result.count(method="POST")


def test_the_same_again_changes_nothing(fleet):
    outcome = fleet.play("deploy", app="guestbook", version="v2.0.0")
    assert outcome.status == 0 and outcome.changed == 0, outcome.output


def test_a_page_of_the_old_release_still_finds_its_style_sheet(fleet):
    for name, visitor in fleet.visitors.items():
        names = fleet.run(name, "ls /srv/guestbook/assets/static").split()
        assert len([name for name in names if re.fullmatch(r"style\.[0-9a-f]{8}\.css", name)]) == 2
        for asset in names:
            assert visitor.get(f"https://guestbook.example.com/static/{asset}").status_code == 200


def test_a_version_that_cannot_start_never_meets_a_visitor(fleet):
    live = fleet.releases("guestbook")
    with visitors(fleet, "guestbook") as loads:
        outcome = fleet.play("deploy", app="guestbook", version="broken")
    assert outcome.status == 2
    assert "RuntimeError: guestbook: this release cannot start" in "\n".join(outcome.messages), outcome.output
    assert fleet.releases("guestbook") == live
    for name in fleet.names:
        assert set(loads[name].result.releases) == {live[name]}


def test_rollback_under_load(fleet):
    """The schema stays that of the newer version; the older one works on it."""
    newer, before = fleet.releases("guestbook"), applause(fleet)
    with visitors(fleet, "guestbook") as loads:
        outcome = fleet.play("rollback", app="guestbook")
        assert outcome.status == 0, outcome.output
        time.sleep(1)
    older = fleet.releases("guestbook")
    for name, visitor in fleet.visitors.items():
        handed_over(loads[name].result, newer[name], older[name])
        assert visitor.json("https://guestbook.example.com/healthz")["version"] == "1.0.0"
        assert applause(fleet)[name] - before[name] == loads[name].result.count(method="POST")


# What each of them does to a release, the scenario appserver shows in each run.
@pytest.mark.parametrize("version", [pytest.param(version, marks=pytest.mark.full) for version in BAD if version != "error"] + ["error"])
def test_every_way_to_fail_leaves_the_live_release_alone(fleet, version):
    live = fleet.releases("probe")
    with visitors(fleet, "probe", count=100) as loads:
        outcome = fleet.play("deploy", app="probe", version=version)
    assert outcome.status == 2
    assert BAD[version] in "\n".join(outcome.messages), outcome.output
    for name in fleet.names:
        assert set(loads[name].result.releases) == {live[name]}
        units = fleet.run(name, "systemctl list-units --plain --no-legend --all 'pyweb.probe.web.*'").split()
        assert [unit for unit in units if unit.startswith("pyweb.")] == [f"pyweb.probe.web.{live[name]}.service"]


def test_the_next_good_version_serves_new_code_though_its_lock_is_the_same(fleet):
    ran = migrations(fleet)
    with visitors(fleet, "probe"):
        outcome = fleet.play("deploy", app="probe", version="two")
        assert outcome.status == 0, outcome.output
    release = fleet.releases("probe")[fleet.names[0]]
    environments = set()
    for name, visitor in fleet.visitors.items():
        assert visitor.get("https://probe.example.com/").content == b"probe two\n"
        states = fleet.run(name, "cat /var/lib/pyweb/probe/releases/*/manifest.json")
        environments |= {json.dumps(found) for found in re.findall(r'"environment": "(\w+)"', states)}
    assert len(environments) == len(fleet.names), "the environment was not reused, so the test shows nothing"
    # Once in the whole fleet, for this release, and before any host went live.
    (when, whose), = [run for run in migrations(fleet) if run not in ran]
    assert whose == release
    assert all(when < switched(fleet, name, "probe") for name in fleet.names)


def test_an_unreachable_first_host_neither_stops_nor_doubles_the_migration(fleet, tmp_path):
    first, *others = fleet.names
    away = tmp_path / "away.yml"
    # Nobody listens there.
    away.write_text(f"pyweb: {{hosts: {{{first}: {{ansible_port: 9}}}}}}\n")
    ran, live = migrations(fleet), fleet.releases("probe")
    outcome = fleet.play("deploy", "-i", str(away), app="probe", version="one", force=True)
    assert outcome.status == 4, outcome.output
    assert outcome.recap[first]["unreachable"] == 1
    (when, whose), = [run for run in migrations(fleet) if run not in ran]
    now = fleet.releases("probe")
    assert now[first] == live[first]
    for name in others:
        assert now[name] == whose != live[name]
        assert when < switched(fleet, name, "probe")
        assert fleet.visitors[name].get("https://probe.example.com/").content == b"probe one\n"


# One in the whole fleet: the application is another one on each host.
BEAT = {"probe": {"processes": {"beat": {"command": "sleep infinity", "singleton": True, "hosts": ["pyweb"], "stop_timeout": 5}}}}


def side_by_side(fleet, outcome):
    """No host has waited for another, which Ansible makes it do where the items of a loop differ."""
    # One of them migrates for all.
    output = re.sub(r"^PLAY \[Migrate.*?(?=^PLAY )", "", outcome.output, flags=re.MULTILINE | re.DOTALL)
    included = re.findall(r"^included: pyweb.stack.app for (.*) => \(item=probe\)$", output, re.MULTILINE)
    assert included and all(sorted(hosts.split(", ")) == sorted(fleet.names) for hosts in included), outcome.output


def test_a_deploy_brings_the_fleet_together_again(fleet):
    """What the inventory says holds: main is at `one`, and the guestbook at 1.0.0; and one host has the process of which there is one."""
    outcome = fleet.play("deploy", pyweb_app_overrides=BEAT)
    assert outcome.status == 0, outcome.output
    side_by_side(fleet, outcome)
    live = fleet.releases("probe")
    assert len(set(live.values())) == 1
    for name in fleet.names:
        units = fleet.run(name, "systemctl list-units --plain --no-legend --full --state=active 'pyweb.probe.beat.*'").split()
        assert [unit for unit in units if unit.startswith("pyweb.")] == [f"pyweb.probe.beat.{live[name]}.service"] * (name == fleet.names[0])
    outcome = fleet.play("deploy", pyweb_app_overrides=BEAT)
    assert outcome.status == 0 and outcome.changed == 0, outcome.output
    outcome = fleet.play("provision", "--check", "--tags", "app", pyweb_app_overrides=BEAT)
    assert outcome.status == 0, outcome.output
    side_by_side(fleet, outcome)


# In each run the scenario app shows it.
@pytest.mark.full
def test_a_version_that_does_not_exist_is_named_in_one_sentence(fleet):
    outcome = fleet.play("deploy", app="probe", version="nowhere")
    assert outcome.status == 2
    assert all("no branch, tag or commit 'nowhere'" in message for message in outcome.messages), outcome.output


def test_another_inventory_is_refused_before_it_changes_anything(fleet):
    other = {"source": {"repo": "https://git.example.com/other.git"}, "processes": {"web": {"wsgi": "other:app"}}, "site": {"domains": ["other.example.com"]}}
    outcome = fleet.play("provision", pyweb_apps={"other": other})
    assert outcome.status == 2 and outcome.changed == 0, outcome.output
    assert set(outcome.faults) == set(fleet.names), outcome.output
    assert all(message.startswith("This host serves guestbook, probe, whose applications are live") for message in outcome.messages), outcome.output
    # The role that comes first would have found nothing to change here.
    assert "pyweb.stack.hardening" not in outcome.output


@pytest.mark.parametrize("playbook_name", ["provision", "deploy"])
def test_another_application_of_the_same_name_is_refused_before_it_changes_anything(fleet, playbook_name):
    """As another team has it, whose inventory shares the hosts."""
    other = {"source": {"repo": "https://git.example.com/other.git"}, "processes": {"web": {"wsgi": "other:app"}}, "site": {"domains": ["other.example.com"]}}
    outcome = fleet.play(playbook_name, pyweb_apps={"probe": other}, nginx_server={"unlisted_sites": "keep"})
    assert outcome.status == 2 and outcome.changed == 0 and set(outcome.faults) == set(fleet.names), outcome.output
    for message in outcome.messages:
        assert "pyweb_apps.probe has the source repo git.example.com/other and the domains other.example.com, but the probe that" in message, message
        assert "probe.example.com: take another name; " in message and "pyweb.stack.hardening" not in outcome.output
