# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy does, where a rollback goes and what may be pruned."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import releases as decisions

REVISION = "1a2b3c4d5e6f" + "0" * 28
OTHER = "f" * 40
NOW = "20261121T120000Z"
A, B, C, D, E = (f"2026110{day}T000000Z-1a2b3c4" for day in range(1, 6))
WANTED = {"config_digest": "c", "python": "/usr/bin/python3", "python_version": "3.11", "secrets_digest": "s"}


def manifest(state="active", revision=REVISION, **other):
    return {"state": state, "revision": revision, **WANTED, **other}


def info(live=None, releases=None, running=True, wanted=None, revision=REVISION):
    return {"live": live, "releases": releases or {}, "running": running, "revision": revision, "version": "main",
            "wanted": {**WANTED, **(wanted or {})}}


# --- ids --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("release", [
    "../../evil", "", ".", "..", "/", None, 20261101, "current", "20261101T000000Z", f"{A}/", f"../{A}", f"{A}\n", f" {A}", A.upper(),
    "20261101T000000Z-1a2b3c", "20261101T000000Z-" + "a" * 13, "20261101T000000Z-1a2b3cg", "20261101000000", "２０２６1101T000000Z-1a2b3c4",
])
def test_an_id_that_is_none_never_becomes_a_path(release):
    with pytest.raises(decisions.ReleaseError, match="an id such as 20261120T201500Z-1a2b3c4 is needed"):
        decisions.valid_id(release)


@pytest.mark.parametrize("taken, release", [
    ([], f"{NOW}-1a2b3c4"),
    ([A], f"{NOW}-1a2b3c4"),
    ([f"{NOW}-1a2b3c4"], f"{NOW}-1a2b3c4d"),
    ([f"{NOW}-1a2b3c4", f"{NOW}-1a2b3c4d"], f"{NOW}-1a2b3c4d5"),
])
def test_new_ids_differ_from_those_that_are_there(taken, release):
    assert decisions.new_id(NOW, REVISION, taken) == release


def test_too_many_releases_in_one_second():
    with pytest.raises(decisions.ReleaseError, match="this very second"):
        decisions.new_id(NOW, REVISION, [f"{NOW}-{REVISION[:length]}" for length in range(7, 13)])


# --- what a deploy does -----------------------------------------------------------------------------------------------

NEW = f"{NOW}-1a2b3c4"
NOTHING, START, ACTIVATE, BUILD = (False, False), (False, True), (False, True), (True, True)

# hosts, then for each host: release, (build, activate)
PLANS = {
    "a fresh host": ({"h": info()}, {"h": (NEW, BUILD)}),
    "the live release is what is wanted": ({"h": info(A, {A: manifest()})}, {"h": (A, NOTHING)}),
    "it is, but does not run": ({"h": info(A, {A: manifest()}, running=False)}, {"h": (A, START)}),
    "it is, by a switch that nobody has ended": ({"h": {**info(A, {A: manifest("built")}), "switch": {"release": A}}}, {"h": (A, START)}),
    "another revision": ({"h": info(A, {A: manifest(revision=OTHER)})}, {"h": (NEW, BUILD)}),
    "another configuration": ({"h": info(A, {A: manifest(config_digest="d")})}, {"h": (NEW, BUILD)}),
    "another Python": ({"h": info(A, {A: manifest(python_version="3.12")})}, {"h": (NEW, BUILD)}),
    "another interpreter of this version": ({"h": info(A, {A: manifest(python="/opt/python/bin/python3")})}, {"h": (NEW, BUILD)}),
    "other secrets": ({"h": info(A, {A: manifest(secrets_digest="t")})}, {"h": (NEW, BUILD)}),
    "built, but never activated": ({"h": info(A, {A: manifest(revision=OTHER), B: manifest("built")})}, {"h": (B, ACTIVATE)}),
    "an older release is wanted again": ({"h": info(B, {A: manifest("superseded"), B: manifest(revision=OTHER)})}, {"h": (A, ACTIVATE)}),
    "the newest of several that are right": ({"h": info(C, {A: manifest("superseded"), B: manifest("superseded"), C: manifest(revision=OTHER)})},
                                             {"h": (B, ACTIVATE)}),
    "the live one before newer ones that are right": ({"h": info(A, {A: manifest(), B: manifest("built")})}, {"h": (A, NOTHING)}),
    "the last build failed": ({"h": info(A, {A: manifest(revision=OTHER), B: manifest("failed")})}, {"h": (NEW, BUILD)}),
    "a build that was cut short": ({"h": info(None, {B: manifest("building")})}, {"h": (NEW, BUILD)}),
    "the wanted one was left as bad": ({"h": info(A, {A: manifest(revision=OTHER), B: manifest("bad")})}, {"h": (NEW, BUILD)}),
    "a manifest that was never written": ({"h": info(None, {B: {}})}, {"h": (NEW, BUILD)}),
    # a fleet
    "a host that was added gets the fleet's release": ({"h": info(A, {A: manifest()}), "new": info()}, {"h": (A, NOTHING), "new": (A, BUILD)}),
    "whichever host is asked first": ({"new": info(), "h": info(A, {A: manifest()})}, {"h": (A, NOTHING), "new": (A, BUILD)}),
    "one host built, one failed": (
        {"h": info(A, {A: manifest(revision=OTHER), B: manifest("built")}), "i": info(A, {A: manifest(revision=OTHER), B: manifest("failed")})},
        {"h": (NEW, BUILD), "i": (NEW, BUILD)},
    ),
    "one host activated, the others had no turn": (
        {"h": info(B, {A: manifest("superseded", OTHER), B: manifest()}), "i": info(A, {A: manifest(revision=OTHER), B: manifest("built")})},
        {"h": (B, NOTHING), "i": (B, ACTIVATE)},
    ),
    "the fleet's id is spoiled on one host": (
        {"h": info(B, {B: manifest()}), "i": info(A, {A: manifest(revision=OTHER), B: manifest("failed")})},
        {"h": (B, NOTHING), "i": (NEW, BUILD)},
    ),
    "hosts with equal content under two ids stay as they are": ({"h": info(A, {A: manifest()}), "i": info(B, {B: manifest()})},
                                                                {"h": (A, NOTHING), "i": (B, NOTHING)}),
    "each host has its own Python and key": (
        {"h": info(A, {A: manifest()}), "i": info(A, {A: manifest(python_version="3.13", secrets_digest="t")},
                                                  wanted={"python_version": "3.13", "secrets_digest": "t"})},
        {"h": (A, NOTHING), "i": (A, NOTHING)},
    ),
    "a secrets file that is gone on one host": (
        {"h": info(A, {A: manifest()}), "i": info(A, {A: manifest()}, wanted={"secrets_digest": None})},
        {"h": (A, NOTHING), "i": (A, BUILD)},
    ),
}


@pytest.mark.parametrize("hosts, expected", PLANS.values(), ids=PLANS)
def test_plan(hosts, expected):
    plan = decisions.plan(hosts, NOW)
    assert (plan["revision"], plan["version"]) == (REVISION, "main")
    assert {name: (step["release"], (step["build"], step["activate"])) for name, step in plan["hosts"].items()} == expected


def test_what_a_restart_has_left_is_not_gone_to_again():
    """The copy was left as bad: its original has the same content under another id."""
    plan = decisions.plan({"h": info(C, {A: manifest("superseded", replaced_by=B), B: manifest("bad", copy_of=A), C: manifest(revision=OTHER)})}, NOW)
    assert plan["hosts"]["h"] == {"release": NEW, "build": True, "activate": True}


@pytest.mark.parametrize("old, live", [({"web": {"number": 4}}, {}), ({}, {"web": {"number": 4}})], ids=["then", "now"])
def test_what_was_scaled_is_taken_over_by_a_release_of_its_own(old, live):
    plan = decisions.plan({"h": info(B, {A: manifest("superseded", scale=old), B: manifest(revision=OTHER, scale=live)})}, NOW)
    assert plan["hosts"]["h"] == {"release": NEW, "build": True, "activate": True}
    assert decisions.plan({"h": info(B, {B: manifest(scale=live)})}, NOW)["hosts"]["h"] == {"release": B, "build": False, "activate": False}


def test_the_same_deploy_a_second_time_does_nothing():
    hosts = {"h": info(A, {A: manifest(revision=OTHER)}), "i": info()}
    first = decisions.plan(hosts, NOW)
    for name, step in first["hosts"].items():
        hosts[name]["releases"][step["release"]] = manifest()
        hosts[name].update(live=step["release"], running=True)
    second = decisions.plan(hosts, "20261121T130000Z")
    assert second["release"] == first["release"]
    assert all(step == {"release": first["release"], "build": False, "activate": False} for step in second["hosts"].values())


def test_force_makes_a_new_release_for_all():
    hosts = {"h": info(A, {A: manifest()}), "i": info(A, {A: manifest(), NEW: manifest("failed")})}
    plan = decisions.plan(hosts, NOW, force=True)
    assert {(step["release"], step["build"], step["activate"]) for step in plan["hosts"].values()} == {(f"{NOW}-1a2b3c4d", True, True)}


@pytest.mark.parametrize("hosts, lock_host, platforms", [
    ({"a": info(), "b": info()}, "a", ["3.11 x", "3.13 x"]),  # nobody has it: the first finds out
    ({"a": info()}, None, ["3.11 x"]),  # nobody to agree with
    ({"a": info(A, {A: manifest()}), "b": info(A, {A: manifest()})}, None, []),  # nothing to build
    ({"a": info(), "b": info(A, {A: manifest()})}, "b", ["3.11 x"]),  # one joins: what the others run is what counts
    ({"a": info(revision=None), "b": info()}, "a", ["3.11 x", "3.13 x"]),
])
def test_who_finds_the_versions_of_requirements(hosts, lock_host, platforms):
    for number, host in enumerate(hosts.values()):
        host["platform"] = f"3.{11 + 2 * number} x"
    plan = decisions.plan(hosts, NOW)
    assert (plan["lock_host"], plan["platforms"]) == (lock_host, platforms)


def test_a_host_that_cannot_tell_the_revision_yet_follows_the_others():
    """In check mode a bare host has no git to ask with."""
    plan = decisions.plan({"bare": info(revision=None), "h": info(A, {A: manifest()})}, NOW)
    assert plan["revision"] == REVISION
    assert plan["hosts"]["h"] == {"release": A, "build": False, "activate": False}
    assert plan["hosts"]["bare"]["build"]


# --- where a rollback goes --------------------------------------------------------------------------------------------

def history(*releases):
    return [{"release": release, "action": "activate"} for release in releases]


STATES = {A: manifest("superseded", version="v1", revision=OTHER), B: manifest("superseded", version="v2"), C: manifest("active", version="v3")}
TARGETS = {
    "the one before the live one": (C, STATES, history(A, B, C), None, B),
    "by the history, never by age": (C, STATES, history(B, A, C), None, A),
    "one that was live twice": (B, {**STATES, C: manifest("superseded"), B: manifest()}, history(B, C, B), None, C),
    "bad ones are skipped": (C, {**STATES, B: manifest("bad")}, history(A, B, C), None, A),
    "failed ones are skipped": (C, {**STATES, B: manifest("failed")}, history(A, B, C), None, A),
    "pruned ones are skipped": (C, {A: STATES[A], C: STATES[C]}, history(A, B, C), None, A),
    "a return from the first release is no release": (C, STATES, [*history(A), {"release": None, "action": "return"}, *history(C)], None, A),
    "built is not live": (C, {**STATES, D: manifest("built")}, history(A, B, C), None, B),
    "nothing is live": (None, STATES, history(A, B), None, B),
    "by id": (C, STATES, history(A, B, C), A, A),
    "by version": (C, STATES, history(A, B, C), "v1", A),
    "by revision": (C, STATES, history(A, B, C), OTHER, A),
    "by a short revision": (C, STATES, history(A, B, C), "fffffff", A),
    "the newest of one version": (C, {**STATES, A: manifest("superseded", version="v2")}, history(A, B, C), "v2", B),
    "a failed one of this version is passed over": (C, {**STATES, D: manifest("failed", version="v2")}, history(A, B, C), "v2", B),
    "a bad one when it is named": (C, {**STATES, B: manifest("bad")}, history(A, B, C), B, B),
    "what a restart has left is no other release": (C, {**STATES, B: manifest("superseded", replaced_by=C)}, history(A, B, C), None, A),
    "what a restart has made, once it was left": (C, {**STATES, A: manifest("superseded", replaced_by=B)}, history(A, B, C), None, B),
}


@pytest.mark.parametrize("live, releases, past, wanted, target", TARGETS.values(), ids=TARGETS)
def test_rollback_target(live, releases, past, wanted, target):
    assert decisions.rollback_target(live, releases, past, wanted) == target


@pytest.mark.parametrize("live, old, target", [(C, B, B), (B, C, A), (C, C, B), (C, D, B)])
def test_a_rollback_from_a_switch_that_nobody_has_ended(live, old, target):
    """Only what is live by that switch is left for what was live before it; the history knows nothing of it."""
    switch = {"release": C, "from": old}
    releases = {**STATES, live: manifest("built"), **({old: manifest("active")} if old in STATES else {})}
    assert decisions.rollback_target(live, releases, history(A, B), switch=switch) == target


@pytest.mark.parametrize("live, old, target", [(B, C, B), (A, C, A), (C, C, B), (C, None, C)])
def test_a_rollback_that_was_cut_short_is_the_same_when_it_is_asked_for_again(live, old, target):
    switch = {"release": live, "from": old, "action": "rollback"}
    assert decisions.rollback_target(live, {**STATES, C: manifest("active")}, history(A, B, C), switch=switch) == target
    assert decisions.rollback_target(live, STATES, history(A, B, C), A, switch) == A


@pytest.mark.parametrize("releases, past, wanted, sentence", [
    ({C: manifest()}, history(C), None, "there is no release to go back to"),
    ({}, [], None, "there is no release to go back to"),
    ({**STATES, A: manifest("bad"), B: manifest("bad")}, history(A, B, C), None, "there is no release to go back to"),
    (STATES, history(A, B, C), "v9", f"no release 'v9' is kept on this host: kept are {C}, {B}, {A}."),
    (STATES, history(A, B, C), "../../evil", "no release '../../evil' is kept on this host"),
    (STATES, history(A, B, C), "ffffff", "no release 'ffffff' is kept"),
    ({**STATES, D: manifest("failed")}, [], D, f"no release '{D}' is kept"),
    ({}, [], "v1", "kept are none."),
])
def test_no_way_back(releases, past, wanted, sentence):
    with pytest.raises(decisions.ReleaseError) as caught:
        decisions.rollback_target(C, releases, past, wanted)
    assert sentence in str(caught.value)


def at(live, past, **states):
    """What a host tells; one that is not named in C(states) is a good one."""
    there = {release: manifest("superseded") for release in (A, B, C)}
    there.update({release: item for release, item in zip((A, B, C, D), (states.get(name) for name in "abcd")) if item})
    there[live] = {**there[live], "state": "active"}
    return {"live": live, "releases": there, "history": past, "switch": None}


def back(release, old):
    return {"release": release, "from": old, "action": "rollback"}


BEFORE = at(C, history(A, B, C))
WENT = at(B, [*history(A, B, C), back(B, C)], c=manifest("bad"))
ALONE = {**WENT, "history": [*history(A, B, C), {**back(B, C), "alone": True}]}
FLEETS = {
    "nobody has gone back yet": ([BEFORE, BEFORE], "web1", B),
    "the others follow": ([WENT, BEFORE, BEFORE], "web1", B),
    "in whatever order": ([BEFORE, WENT, BEFORE], "web2", B),
    "all have: once more is one further": ([WENT, WENT], "web1", A),
    "one host alone": ([WENT], "web1", A),
    "the last one completed it itself": ([WENT, ALONE], "web2", B),
    "it itself, and others are behind": ([BEFORE, ALONE], "web2", B),
    "it itself, and was restarted": ([at(D, [*ALONE["history"], {"release": D, "from": B, "action": "restart"}], d=manifest(copy_of=B))], "web1", D),
    "it itself, and there was a deploy since then": ([at(D, [*ALONE["history"], *history(B, D)], c=manifest("bad"), d=manifest())], "web1", B),
    "a new deploy since then": ([at(C, [*history(B, C, A), back(A, C), *history(C)]), BEFORE], "web1", A),
    "a deploy since then, to some": ([at(D, [*history(A, B, C), back(B, C), *history(D)], c=manifest("bad"), d=manifest()), WENT], "web1", B),
    "restarted since then": ([at(D, [*WENT["history"], {"release": D, "from": B, "action": "restart"}], d=manifest(copy_of=B)), BEFORE], "web1", D),
    "those behind were restarted": ([WENT, at(D, [*history(A, B, C), {"release": D, "from": C, "action": "restart"}], d=manifest(copy_of=C))], "web1", B),
    "the host behind has tried, and returned": ([WENT, at(C, history(A, B, C), b=manifest("bad"))], "web1", A),
    "the host behind no longer has it": ([WENT, at(C, history(A, B, C), b=manifest("gone"))], "web1", A),
    "a host that has nothing yet": ([WENT, {"live": None, "releases": {}, "history": [], "switch": None}, BEFORE], "web1", B),
    "the one on which it died": ([BEFORE, {**WENT, "history": history(A, B, C), "switch": back(B, C)}], "web2", B),
}


@pytest.mark.parametrize("hosts, name, target", FLEETS.values(), ids=FLEETS)
def test_a_rollback_of_several_hosts_goes_where_the_run_before_was_to_go(hosts, name, target):
    hosts = {f"web{number}": host for number, host in enumerate(hosts, 1)}
    assert decisions.rollback_of_all(hosts) == (name, target)
    assert decisions.rollback_of_all(hosts, A) == ("web1", A)


def test_hosts_that_have_gone_back_to_different_releases():
    hosts = {"web1": WENT, "web2": BEFORE, "web3": at(A, [*history(A, B, C), back(A, C)], c=manifest("bad"))}
    with pytest.raises(decisions.ReleaseError) as caught:
        decisions.rollback_of_all(hosts)
    assert f"(web1 to {B}, web3 to {A}): say which one all are to serve" in str(caught.value) and f"-e version={B}." in str(caught.value)
    assert decisions.rollback_of_all(hosts, B) == ("web1", B)


def test_a_rollback_while_a_restart_is_under_way_leaves_what_is_restarted():
    switch = {"release": D, "from": C, "action": "restart"}
    assert decisions.rollback_target(D, {**STATES, D: manifest("built", copy_of=C)}, history(A, B, C), switch=switch) == B


@pytest.mark.parametrize("releases, found", [
    ({A: manifest()}, A),
    ({B: manifest(copy_of=A)}, B),
    ({B: manifest(copy_of=A), D: manifest("superseded", copy_of=A)}, D),
    ({B: manifest("failed", copy_of=A)}, None),
    ({B: manifest()}, None),
    # Both were restarted alone.
    ({B: manifest(copy_of=C)}, None),
])
def test_what_a_host_has_in_place_of_a_release_of_another(releases, found):
    assert decisions.counterpart(releases, A, manifest()) == found


def test_what_two_hosts_have_that_were_restarted_one_by_one():
    assert decisions.counterpart({D: manifest(copy_of=A)}, C, manifest(copy_of=A)) == D


@pytest.mark.parametrize("original, target", [
    (manifest("superseded", replaced_by=C), B), (manifest("damaged", replaced_by=C), A), (manifest("superseded"), B),
])
def test_where_a_damaged_copy_falls_back_to(original, target):
    assert decisions.fallback(C, {**STATES, B: original, C: manifest("damaged", copy_of=B)}, history(A, B, C)) == target


# --- what may be pruned -----------------------------------------------------------------------------------------------

GOOD = {A: manifest("superseded"), B: manifest("superseded"), C: manifest("superseded"), D: manifest("superseded"), E: manifest("active")}
PRUNES = {
    "all are kept": (GOOD, E, history(A, B, C, D, E), 5, set(), []),
    "the newest are kept": (GOOD, E, history(A, B, C, D, E), 2, set(), [A, B, C]),
    "the live one, however old": ({**GOOD, A: manifest(), E: manifest("bad")}, A, history(B, C, D, E, A), 2, set(), [B]),
    "the live one, when nothing else is kept": (GOOD, A, [], 0, set(), [B, C, D]),
    "the rollback target, however old": (GOOD, E, history(C, D, A, E), 2, set(), [B, C]),
    "what a process still runs from": (GOOD, E, history(A, B, C, D, E), 2, {A}, [B, C]),
    "a pinned one": ({**GOOD, A: manifest("superseded", pinned=True)}, E, history(D, E), 2, set(), [B, C]),
    "the newest failed build is kept for a look and not counted": (
        {A: manifest("failed"), B: manifest("failed"), C: manifest("superseded"), D: manifest("failed"), E: manifest()}, E, history(C, E), 2, set(), [A, B]),
    "bad ones make room": ({A: manifest("bad"), B: manifest("bad"), C: manifest("superseded"), D: manifest()}, D, history(C, D), 5, set(), [A]),
    "what restarts have left is not counted": (
        {**GOOD, B: manifest("superseded", replaced_by=C), C: manifest("superseded", replaced_by=D)}, E, history(A, B, C, D, E), 3, set(), [B, C]),
    "one that is gone already": ({A: manifest("gone"), B: manifest("failed"), C: manifest("gone"), D: manifest()}, D, history(A, C, D), 5, set(), [A, C]),
    "nothing is there": ({}, None, [], 5, set(), []),
}


@pytest.mark.parametrize("releases, live, past, keep, running, pruned", PRUNES.values(), ids=PRUNES)
def test_prunable(releases, live, past, keep, running, pruned):
    assert decisions.prunable(releases, live, past, keep, running) == pruned


@pytest.mark.parametrize("live", GOOD)
@pytest.mark.parametrize("keep", [-1, 0, 1, 2, 5])
def test_the_live_release_and_the_one_to_go_back_to_are_never_pruned(live, keep):
    releases = {release: manifest("active" if release == live else "superseded") for release in GOOD}
    past = history(*GOOD, live)
    pruned = decisions.prunable(releases, live, past, keep, set())
    assert live not in pruned and decisions.rollback_target(live, releases, past) not in pruned


def test_the_release_that_was_left_last_keeps_its_assets():
    """A rollback leaves a bad release; a failed build that is newer must not push it out while browsers show its pages."""
    live, left, failed = A, B, C
    releases = {live: manifest("active"), left: manifest("bad"), failed: manifest("failed")}
    past = [*history(live, left), {"action": "rollback", "release": live, "from": left}]
    assert decisions.prunable(releases, live, past, 1, set()) == []


@pytest.mark.parametrize("oldest, pruned", [
    ("", []), (A[:16], []), (B[:16], [A]), (E[:16], [A, B, C]), ("20991231T000000Z", [A, B, C]),
])
def test_pruning_by_age(oldest, pruned):
    """Whatever is to be kept by number; the live one and the one to go back to stay at any age."""
    assert decisions.prunable(GOOD, E, history(A, B, C, D, E), 5, set(), oldest) == pruned
    assert decisions.prunable({**GOOD, A: manifest("superseded", pinned=True)}, E, history(D, E), 5, set(), oldest) == [item for item in pruned if item != A]


BUILT = {"state": "built", "build_digest": "d", "python": "/usr/bin/python3", "python_version": "3.11", "environment": "e"}
DONORS = {
    "the newest": ({A: BUILT, B: BUILT}, B),
    "one that failed when it was started": ({A: {**BUILT, "state": "failed"}}, A),
    "one that was never finished": ({A: {**BUILT, "environment": None}, B: {**BUILT, "state": "building"}}, None),
    "one that is gone": ({A: {**BUILT, "state": "gone"}}, None),
    "another build": ({A: {**BUILT, "build_digest": "x"}}, None),
    "another interpreter": ({A: {**BUILT, "python": "/usr/bin/python3.12"}}, None),
    "another version of it, after an upgrade of the host": ({A: {**BUILT, "python_version": "3.13"}}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize("releases, found", DONORS.values(), ids=DONORS)
def test_a_build_that_is_there_already(releases, found):
    assert decisions.donor(releases, "d", ("/usr/bin/python3", "3.11")) == found
