# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin with the real host module and the real deploy_helper, on a host in a directory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import types

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.community.general.plugins.modules import deploy_helper

from ansible_collections.pyweb.stack.plugins.action import release as action
from ansible_collections.pyweb.stack.plugins.modules import release_info, release_step

A, B, C = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4", "20261103T000000Z-1a2b3c4"
MODULES = {"pyweb.stack.release_step": release_step.main, "pyweb.stack.release_info": release_info.main, action.DEPLOY_HELPER: deploy_helper.main}
WEB = {"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "count": 1, "stop_timeout": 1, "workers": 1, "threads": None, "options": [],
       "health": {"path": "/", "status": None, "timeout": 1}}


@pytest.fixture
def act(host, call):
    """Run the action; what it asks the host to do is in act.calls."""

    def act(check=False, **arguments):
        class Action(action.ActionModule):
            def _execute_module(self, module_name=None, module_args=None, task_vars=None, **options):
                act.calls.append((module_name, module_args.get("step") or module_args.get("state")))
                if module_name == action.DEPLOY_HELPER:
                    module_args = {**module_args, "path": f"{host.root}{module_args['path']}"}
                if act.before:
                    act.before(module_name, module_args)
                return call(MODULES[module_name], **module_args)

            def on_host(self, name, arguments, task_vars):
                return self._execute_module(f"pyweb.stack.{name}", arguments)

        shell = types.SimpleNamespace(tmpdir=None)
        task = types.SimpleNamespace(async_val=0, check_mode=check, args={"name": "shop", **arguments}, action="pyweb.stack.release")
        plugin = Action(task, types.SimpleNamespace(_shell=shell), None, None, None)
        plugin._load_name = "pyweb.stack.release"
        return plugin.run(task_vars={"inventory_hostname": "web1"})

    act.calls = []
    act.before = None
    return act


@pytest.fixture
def app(host):
    app = host.app()
    host.release(app, A, state="active", live=True, processes={"web": WEB})
    host.release(app, B, processes={"web": WEB})
    return app


def info(**values):
    return {"web1": {"exists": True, "live": A, "running": True, "releases": {}, "history": [], "lease": None, "directories": True, "revision": "f" * 40,
                     "version": "main", "wanted": {}, **values}}


# --- begin ------------------------------------------------------------------------------------------------------------

def test_begin_makes_missing_directories_and_returns_no_facts(host, act):
    begun = act(state="begin", hosts=info(directories=False, live=None))
    assert act.calls == [(action.DEPLOY_HELPER, "present")]
    assert sorted(os.listdir(host.root / "srv/shop")) == ["releases", "shared"]
    assert "ansible_facts" not in begun and begun["build"] and begun["activate"] and begun["migrate"] and not begun["changed"]
    assert begun["release"].endswith("Z-fffffff") and begun["revision"] == "f" * 40


@pytest.mark.parametrize("values", [{}, {"directories": False}, {"directories": False, "revision": None, "live": None}])
def test_begin_in_check_mode_asks_the_host_nothing(host, act, values):
    begun = act(check=True, state="begin", hosts=info(**values))
    assert act.calls == [] and not os.path.exists(host.root / "srv/shop") and begun["build"]


def test_hosts_that_decide_at_different_times_get_one_id(act):
    hosts = {**info(live=None, now="20261101T000001Z"), **{"web2": info(live=None, now="20261101T000003Z")["web1"]}}
    assert act(state="begin", hosts=hosts)["release"] == "20261101T000003Z-fffffff"


def test_begin_needs_a_revision(act):
    with pytest.raises(AnsibleActionFail, match="state begin needs what release_info returns with source"):
        act(state="begin", hosts=info(revision=None))


def dead_lease(**changes):
    """Of a run of Ansible on this machine that has ended."""
    mine = action.controller()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    return {**mine, "pid": ended.pid, "start": "1", "token": "dead", "since": "then", "until": time.time() + 900, **changes}


@pytest.mark.parametrize("changes, taken_over", [
    ({}, "dead"),
    ({"place": "another machine"}, None),
    ({"pid": os.getpid(), "start": action.process_start(os.getpid())}, None),  # it lives
    ({"pid": os.getpid(), "start": "1"}, "dead"),  # another process has its number now
])
def test_the_lease_of_a_dead_run(act, changes, taken_over):
    held = dead_lease(**changes)
    if taken_over:
        assert act(state="begin", hosts=info(lease=held))["lease"]["takes_over"] == taken_over
    else:
        with pytest.raises(AnsibleActionFail, match=f"shop: {held['by']} has been deploying since then: wait .* 15 minutes .*unlock -e app=shop "):
            act(state="begin", hosts=info(lease=held))
    assert act(state="begin", hosts=info(lease={**held, "until": 1.0}))["lease"]["token"] == action.controller()["token"]


def test_a_run_is_known_by_more_than_its_number():
    mine = action.controller()
    assert mine["pid"] == os.getppid() and mine["start"] and "@" in mine["by"]
    assert action.process_start(2**22 + 1) == ""


@pytest.mark.parametrize("path", [os.environ["PATH"], "/does/not/exist"], ids=["with ps", "without ps"])
def test_a_controller_without_proc(act, monkeypatch, path):
    """Such as macOS: what has ended is known there, too, and what runs is left alone."""
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(action, "process_start", action.started)
    mine = action.controller()
    held = {**mine, "token": "held", "since": "then", "until": time.time() + 900}
    assert mine["start"] and action.takes_over(held, mine) is None
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    assert act(state="begin", hosts=info(lease={**held, "pid": ended.pid}))["lease"]["takes_over"] == "held"
    assert action.takes_over({**held, "start": "Thu Jan 1 00:00:00 1970"}, mine) == "held", "another process has its number"


# --- activate, roll back, prune ---------------------------------------------------------------------------------------

def test_activate(host, app, act):
    done = act(state="activate", release=B, watch=0)
    assert act.calls == [("pyweb.stack.release_step", "start"), (action.DEPLOY_HELPER, "finalize"), ("pyweb.stack.release_step", "settle")]
    assert (done["changed"], done["release"], done["previous"], done["pruned"]) == (True, B, A, [])
    assert (done["diff"]["before"], done["diff"]["after"]) == (f"{A}\n", f"{B}\n")
    assert (app.live, host.up()) == (B, {B: 1}) and not os.path.exists(app.paths.lease)


def test_activate_in_check_mode(host, app, act):
    done = act(check=True, state="activate", release=B)
    assert (done["changed"], done["diff"]["before"], done["diff"]["after"], app.live) == (True, f"{A}\n", f"{B}\n", A)
    assert act.calls == [("pyweb.stack.release_info", None)], "more than a look"


@pytest.mark.parametrize("name", ["../../evil", "/etc", "current", f"../{B}"])
def test_an_id_that_is_none_reaches_no_host(app, act, name):
    with pytest.raises(AnsibleActionFail, match="shop: release is '.*': an id such as"):
        act(state="activate", release=name)
    assert act.calls == []


def test_a_switch_that_fails_leaves_the_old_release(host, app, act):
    def spoil(module, arguments):
        if module == action.DEPLOY_HELPER:
            os.rename(app.paths.release(B), app.paths.release(B) + ".away")

    act.before = spoil
    failed = act(state="activate", release=B)
    assert failed["failed"] and failed["msg"].startswith(f"shop: the switch to release {B} failed, the old one stays live: ")
    assert act.calls[-1] == ("pyweb.stack.release_step", "abort")
    assert (app.live, host.up(), app.store.manifest(B)["state"]) == (A, {A: 1}, "failed") and not os.path.exists(app.paths.lease)


@pytest.mark.parametrize("fault", ["gate", "verify"])
def test_an_ill_release_ends_in_one_message_without_secrets(host, app, act, fault):
    app.secrets.write("PASSWORD=secret\0")
    setattr(host, fault, B)
    failed = act(state="activate", release=B, watch=0)
    assert failed["failed"] and failed["msg"].startswith(f"shop: release {B} is ") and "secret" not in failed["msg"]
    assert (app.live, host.up()) == (A, {A: 1}) and not os.path.exists(app.paths.lease)


@pytest.mark.parametrize("state", ["activate", "pin", "unpin", "prune"])
def test_another_controller_is_told_who_deploys(app, act, state):
    app.lock.take({**action.controller(), "token": "theirs", "by": "she@there"})
    failed = act(state=state, release=B)
    assert failed["failed"] and failed["msg"].startswith("shop: she@there has been deploying since")
    assert app.live == A and os.path.exists(app.paths.lease)


@pytest.fixture
def built(app):
    """The live release as a build leaves it."""
    app.store.update(A, revision="1a2b3c4" + "0" * 33)
    app.launcher.write(A, "1a2b3c4", "")
    os.symlink(app.paths.sockets(A), f"{app.paths.release(A)}/.pyweb")
    return app


def test_restart(host, built, app, act):
    done = act(state="restart", watch=0)
    copy = done["release"]
    assert act.calls == [("pyweb.stack.release_info", None), ("pyweb.stack.release_step", "start"), (action.DEPLOY_HELPER, "finalize"),
                         ("pyweb.stack.release_step", "settle")]
    assert done["changed"] and copy not in (A, B) and (app.live, host.up(), done["previous"]) == (copy, {copy: 1}, A)
    entry = app.store.history()[-1]
    assert (entry["action"], entry["release"], entry["from"]) == ("restart", copy, A) and not os.path.exists(app.paths.lease)
    with pytest.raises(AnsibleActionFail, match="there is no release to go back to"):
        act(state="rollback")


def test_scale(host, built, app, act):
    done = act(state="scale", scale={"web": {"workers": 3}}, watch=0)
    assert done["changed"] and app.live == done["release"] and app.store.history()[-1]["action"] == "scale"
    manifest = app.store.manifest(app.live)
    assert manifest["runtime"]["processes"]["web"]["workers"] == 3 and (manifest["scale"]["web"]["instead_of"], manifest["scale"]["web"]["number"]) == (1, 3)
    assert not act(state="scale", scale={"web": {"workers": 3}})["changed"]
    host.gate = "all"
    assert act(state="scale", scale={"web": {"workers": 5}}, watch=0)["failed"]
    assert app.store.manifest(app.live)["scale"] == manifest["scale"], "what failed is no override"
    host.gate = None
    assert act(state="scale", scale={}, watch=0)["changed"] and app.store.manifest(app.live)["scale"] == {}
    with pytest.raises(AnsibleActionFail, match="shop: process is 'beat': what runs on this host is web."):
        act(state="scale", scale={"beat": {"count": 2}})


def test_what_runs_on_other_hosts_is_not_scaled_here(host, built, app, act):
    mine = {"live": A, "running": True, "releases": app.store.manifests(), "history": [], "lease": None, "now": "20261101T000001Z"}
    other = {**mine, "releases": {A: {"runtime": {"processes": {"worker": WEB}}}}}
    assert not act(state="scale", hosts={"web0": other, "web1": mine}, scale={"worker": {"count": 2}})["changed"]


def test_restart_in_check_mode(host, built, app, act):
    done = act(check=True, state="restart")
    assert done["changed"] and done["previous"] == A and (app.live, host.up()) == (A, {A: 1})
    assert act.calls == [("pyweb.stack.release_info", None)], "more than a look"


def test_a_restart_that_fails_leaves_the_live_release(host, built, app, act):
    host.gate = "all"
    failed = act(state="restart", watch=0)
    assert failed["failed"] and " is not healthy" in failed["msg"]
    assert (app.live, host.up(), app.store.manifest(A)["state"]) == (A, {A: 1}, "active") and not os.path.exists(app.paths.lease)


def test_there_is_nothing_to_restart(host, act):
    app = host.app()
    with pytest.raises(AnsibleActionFail, match="shop: nothing is live on this host: deploy it first."):
        act(state="restart")
    host.release(app, A, state="active", live=True, processes={})
    assert not act(state="restart")["changed"] and app.live == A


def test_roll_back_to_what_was_restarted_on_one_host_alone(host, app, act):
    """The other host still has the original under its own id."""
    host.release(app, B, state="superseded", copy_of=C, processes={"web": WEB})
    other = {"live": "x", "releases": {C: {"state": "superseded"}}, "history": [{"release": C}], "switch": None}
    mine = {"live": A, "running": True, "releases": app.store.manifests(), "history": [], "lease": None}
    assert act(state="rollback", hosts={"web0": other, "web1": mine}, watch=0)["release"] == B and app.live == B


def test_roll_back_and_again(host, app, act):
    host.release(app, C, processes={"web": WEB})
    for wanted in (B, C):
        act(state="activate", release=wanted, watch=0)
    assert act(state="rollback", watch=0)["release"] == B
    assert (app.live, app.store.manifest(C)["state"]) == (B, "bad")
    assert act(state="rollback", watch=0)["release"] == A
    with pytest.raises(AnsibleActionFail, match="there is no release to go back to"):
        act(state="rollback")
    assert not act(state="rollback", release=A)["changed"]
    assert act(state="rollback", release=C, watch=0)["release"] == C, "a bad one when it is named"
    assert host.up() == {C: 1}


class Killed(BaseException):
    """The controller, by SIGKILL."""


@pytest.fixture
def half_back(host, app, act):
    """A, B and C were live one after the other, and the controller of a rollback to B has died after the link was switched."""
    host.release(app, C, processes={"web": WEB})
    for wanted in (B, C):
        act(state="activate", release=wanted, watch=0)

    def die(module, arguments):
        if arguments.get("step") == "settle":
            raise Killed

    act.before = die
    with pytest.raises(Killed):
        act(state="rollback", watch=0)
    act.before = None


def test_a_rollback_whose_controller_died_is_completed_by_the_next_one(host, app, act, half_back):
    assert app.live == B and app.store.switch()["action"] == "rollback"
    assert act(check=True, state="rollback")["release"] == B and app.store.switch()
    assert act(state="rollback", watch=0)["release"] == B
    assert (app.live, host.up(), app.store.switch()) == (B, {B: 1}, None)
    assert [app.store.manifest(release)["state"] for release in (A, B, C)] == ["superseded", "active", "bad"]


def test_a_rollback_that_the_host_has_completed_itself_is_the_one_that_is_asked_for_again(host, app, act, half_back):
    """Nobody was told, so the same command does not go back further."""
    host.App("shop", is_guard=True).switcher.settle()
    assert (app.live, app.store.switch()) == (B, None)
    for dummy in range(2):
        done = act(state="rollback", watch=0)
        assert (done["changed"], done["release"], app.live) == (False, B, B)
        assert f"shop: {B} is live by the last rollback, which web1 completed itself" in done["warnings"][0]
    assert act(state="rollback", release=A, watch=0)["release"] == app.live == A
    assert "warnings" not in act(state="rollback", release=A, watch=0)


def test_hosts_before_the_one_on_which_the_controller_died_stay_where_they_went(host, app, act):
    there = {A: {"state": "superseded"}, B: {"state": "active"}, C: {"state": "bad"}}
    common = {"releases": there, "history": [{"release": A}, {"release": B}, {"release": C}, {"release": B}]}
    first = info(live=B, switch=None, **common)["web1"]
    second = info(live=B, switch={"release": B, "from": C, "action": "rollback"}, **common)["web1"]
    done = act(state="rollback", hosts={"web1": first, "web2": second})
    assert not done["changed"] and act.calls == [] and "warnings" not in done, "the host has completed nothing by itself"


def test_a_rollback_whose_controller_died_between_two_hosts(host, app, act, call):
    """Asked for again, it takes the second host where the first one is; and then one further on both."""
    host.release(app, C, processes={"web": WEB})
    for wanted in (B, C):
        act(state="activate", release=wanted, watch=0)
    there = {A: {"state": "superseded"}, B: {"state": "active"}, C: {"state": "bad"}}
    done = [{"release": A, "action": "activate"}, {"release": B, "action": "activate"}, {"release": B, "from": C, "action": "rollback"}]
    first = info(live=B, switch=None, releases=there, history=done)["web1"]

    for target in (B, A):
        hosts = {"web0": first, "web1": call(release_info.main, name="shop")}
        assert act(state="rollback", hosts=hosts, watch=0)["release"] == target and app.live == target


@pytest.mark.parametrize("wanted, sentence", [("v9", "no release 'v9' is kept on this host"), ("../../evil", "no release '../../evil' is kept")])
def test_roll_back_to_what_is_not_there(app, act, wanted, sentence):
    with pytest.raises(AnsibleActionFail) as caught:
        act(state="rollback", release=wanted)
    assert sentence in str(caught.value) and app.live == A


def test_roll_back_to_a_release_that_another_host_keeps(app, act):
    hosts = {"web0": {**info(live=B, releases={A: {"state": "superseded"}, B: {"state": "active"}}, history=[{"release": A}, {"release": B}])["web1"]},
             **info(live=B, releases={B: {"state": "active"}})}
    with pytest.raises(AnsibleActionFail, match=f"release {A} is not kept on this host: nothing was changed."):
        act(state="rollback", hosts=hosts)


def test_prune(host, app, act):
    app.store.update(B, state="failed")
    host.release(app, C, state="failed")
    assert act(check=True, state="prune")["pruned"] == [B]
    assert os.path.isdir(app.paths.release(B))
    assert act(state="prune")["pruned"] == [B]
    assert sorted(os.listdir(app.paths.releases)) == [A, C] and list(app.store.manifests()) == [A, C]
    assert not act(state="prune")["changed"]


def test_unlock(app, act):
    assert not act(state="unlock")["changed"]
    app.lock.take({**action.controller(), "token": "theirs", "by": "she@there"})
    assert act(check=True, state="unlock")["held"]["by"] == "she@there" and os.path.exists(app.paths.lease)
    assert act(state="unlock")["held"]["by"] == "she@there" and not os.path.exists(app.paths.lease)


def test_a_misspelt_option(act):
    with pytest.raises(AnsibleActionFail, match="keep_release"):
        act(state="prune", keep_release=3)


# --- pins and hooks ---------------------------------------------------------------------------------------------------

def test_a_pinned_release_stays(host, app, act):
    host.release(app, C, state="superseded")
    app.store.update(C, version="v1")
    assert act(check=True, state="pin", release="v1")["changed"] and not app.store.manifest(C).get("pinned")
    done = act(state="pin", release="v1")
    assert done["changed"] and done["release"] == C and app.store.manifest(C)["pinned"] and not os.path.exists(app.paths.lease)
    assert not act(state="pin", release=C)["changed"] and not act(check=True, state="pin", release=C)["changed"]
    assert act(state="unpin", release=C)["changed"] and not app.store.manifest(C)["pinned"]
    assert act(state="pin")["release"] == A, "the live one"
    assert "no release 'v9' is kept" in act(state="pin", release="v9")["msg"]


@pytest.fixture
def log(host, sandboxed):
    return host.root / "log"


def hooks(log, *phases, then="true"):
    return {phase: [{"command": f"echo $PYWEB_PHASE $PYWEB_RELEASE $PYWEB_FAILURE >> {log}; {then}", "user": "app"}] for phase in phases}


def test_hooks_of_an_activation_and_of_a_rollback(host, app, act, log):
    phases = ("before_activate", "after_activate", "on_rollback", "on_failure")
    act(state="activate", release=B, watch=0, hooks=hooks(log, *phases))
    assert log.read_text().splitlines() == [f"before_activate {B}", f"after_activate {B}"]
    act(state="rollback", hooks=hooks(log, *phases))
    assert log.read_text().splitlines()[2:] == [f"on_rollback {A}"]


def test_a_hook_that_fails_before_the_activation_leaves_what_is_live(host, app, act, log):
    done = act(state="activate", release=B, watch=0, hooks={**hooks(log, "before_activate", then="exit 3"), **hooks(log, "on_failure")})
    assert done["failed"] and done["msg"].startswith("shop: hook before_activate ") and app.live == A
    assert log.read_text().splitlines()[1].startswith(f"on_failure {B} hook before_activate")
    assert not os.path.exists(app.paths.lease)


def test_a_hook_that_fails_after_the_activation_says_that_the_release_is_live(host, app, act, log):
    done = act(state="activate", release=B, watch=0, hooks=hooks(log, "after_activate", then="exit 3"))
    assert done["msg"].startswith(f"shop: release {B} is live, but hook after_activate") and app.live == B
    assert app.store.manifest(B)["state"] == "active" and not os.path.exists(app.paths.lease)
