# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch from one release to the next: its order, the way back, and what a kill between any two steps leaves."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import lock, store, switch
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, HostStops, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, write_file

A, B, C = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4", "20261103T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 1, "health": None,
}
ALL = {
    "web": {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "health": {"path": "/", "status": None, "timeout": 1}},
    "worker": {**PROCESS, "command": "work", "kind": "command", "count": 2},
    "beat": {**PROCESS, "command": "beat", "kind": "command", "singleton": True},
}


# Of the release that is live, and of the next one: an application may move from one to the other.
STAY, MOVE = ["systemd", "supervisor"], ["systemd to supervisor", "supervisor to systemd"]


@pytest.fixture(params=STAY + MOVE)
def app(request, host):
    """A is live, B is built."""
    words = request.param.split()
    host.manager, host.managers = words[-1], {A: words[0]}
    app = host.app()
    host.release(app, A, state="active", processes=ALL, live=True)
    host.release(app, B, processes=ALL)
    return app


def states(app):
    return {release: manifest["state"] for release, manifest in app.store.manifests().items()}


def deploy(app, release=B, action="activate"):
    app.switcher.begin(release, action, "me@here")
    app.traffic.main.lead_to(release)
    return app.switcher.settle()


def steps(host):
    """What happened, without what only looks."""
    short = []
    for line in host.systemd.calls:
        words = line.split()
        if words[:2] in (["systemctl", "start"], ["systemctl", "stop"]):
            short += [f"{words[1]} {unit.split('.')[2]} {unit.split('.')[3][:8]}" for unit in words[2:]]
        elif words[:2] in (["supervisord", "startProcess"], ["supervisord", "stopProcess"]):
            short.append(f"{words[1].removesuffix('Process')} {words[2].split('.')[2]} {words[2].split('.')[3][:8]}")
        elif words[0] in ("gate", "verify"):
            short.append(f"{words[0]} {words[1][:8]}")
        elif words[0] == "systemd-run":
            short.append("arm")
    return short


def test_the_order_of_a_switch(host, app):
    app.switcher.begin(B, "activate", "me@here")
    old, new = A[:8], B[:8]
    # An old worker that ends is waited for again, before the switch.
    assert list(dict.fromkeys(steps(host))) == [
        "arm", f"start web {new}", f"gate {new}",
        # A task that new code has queued never meets an old worker.
        f"stop worker {old}", f"stop worker-2 {old}", f"start worker {new}", f"start worker-2 {new}",
        f"stop beat {old}", f"start beat {new}",
    ]
    assert steps(host)[-1] == "arm"
    begun = len(steps(host))
    assert app.live == A and host.up() == {A: 1, B: 4}
    app.traffic.main.lead_to(B)
    assert app.switcher.settle(0.01) == {"release": B, "completed": True}
    assert steps(host)[begun] == f"verify {new}" and f"stop web {old}" in steps(host)[begun:]
    assert (app.live, host.up(), states(app)) == (B, {B: 4}, {A: "superseded", B: "active"})
    last = app.store.history()[-1]
    assert (last["release"], last["from"], last["action"], last["by"]) == (B, A, "activate", "me@here")
    assert not os.path.exists(app.paths.switch)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone makes a process less nice")
@pytest.mark.parametrize("returns", [False, True])
def test_what_begins_and_what_ends_stands_back(host, app, monkeypatch, returns):
    """The new release until it is switched to, the old one when it ends, and nothing else of the application or of others."""
    host.real_priorities = True
    with contextlib.ExitStack() as stack:
        def process(**env):
            child = stack.enter_context(subprocess.Popen(["sleep", "60"], env=env))
            stack.callback(child.kill)
            os.setpriority(os.PRIO_PROCESS, child.pid, 0)
            return child.pid

        def seen():
            return [os.getpriority(os.PRIO_PROCESS, pid) for pid in processes]

        # A value need not be text.
        processes = [process(BYTES="\udcff", PYWEB_RELEASE=name) for name in (A, B)] + [process(PYWEB_RELEASE=f"{A}0"), process(OTHER=f"PYWEB_RELEASE={A}")]
        gate, stop, states = app.checks.ready, app.processes.stop, []
        monkeypatch.setattr(app.checks, "ready", lambda release: (states.append(seen()), gate(release)))
        if returns:
            # The live release, which did not run and cannot be started, goes on trying.
            host.gate = A
            with pytest.raises(HostError):
                app.switcher.begin(A, "activate", "me@here")
            assert (states, seen()) == ([[5, 0, 0, 0]], [0, 0, 0, 0])
            return
        app.switcher.begin(B, "activate", "me@here")
        assert (states, seen()) == ([[0, 5, 0, 0]], [0, 0, 0, 0])
        app.traffic.main.lead_to(B)
        monkeypatch.setattr(app.processes, "stop", lambda *arguments, **options: (states.append(seen()), stop(*arguments, **options)))
        app.switcher.settle()
        assert states[1:] == [[19, 0, 0, 0]] * 2


def test_what_could_not_be_taken_back_is_not_done(host, app, monkeypatch):
    """In some containers, root makes nothing more urgent than it is: what begins there begins like everything."""
    nice, others = {os.getpid(): 0}, []

    def set_priority(dummy, pid, value):
        pid = pid or os.getpid()
        if value < nice[pid]:
            raise PermissionError(errno.EACCES, "Permission denied")
        nice[pid] = value

    monkeypatch.setattr(os, "getpriority", lambda dummy, pid: nice[pid or os.getpid()])
    monkeypatch.setattr(os, "setpriority", set_priority)
    monkeypatch.setattr(app.processes, "set_priority", lambda release, value: others.append((release, value)))
    app.switcher.begin(B, "activate", "me@here")
    assert nice == {os.getpid(): 0} and (B, 5) not in others


@pytest.mark.parametrize("fault", [None, OSError("no space left")])
def test_what_is_done_while_the_old_release_finishes(host, app, fault):
    app.switcher.begin(B, "activate", "me@here")
    app.traffic.main.lead_to(B)
    seen = []

    def meanwhile():
        seen.append((host.up(), app.processes.running(), states(app), app.store.history()[-1]["release"], os.path.exists(app.paths.switch)))
        if fault:
            raise fault

    if fault:
        with pytest.raises(OSError, match="no space left"):
            app.switcher.settle(meanwhile=meanwhile)
    else:
        app.switcher.settle(meanwhile=meanwhile)
    # It is still there, is known to be left, and who is killed now goes on from here.
    assert seen == [({A: 1, B: 4}, {A, B}, {A: "superseded", B: "active"}, B, True)]
    assert (app.live, host.up()) == (B, {B: 4}) and not os.path.exists(app.paths.switch)


def test_settling_again_changes_nothing(host, app):
    deploy(app)
    before = (states(app), app.store.history(), host.up())
    assert app.switcher.settle() == {"release": B, "completed": False}
    app.switcher.recover()
    assert (states(app), app.store.history(), host.up()) == before


def test_the_old_release_answers_until_nginx_has_left_it(host, app, monkeypatch):
    host.system.clock = 0.0
    monkeypatch.setattr(switch, "DRAIN", 2.5)
    app.store.update(B, runtime={**app.store.manifest(B)["runtime"], "site": {"domain": "shop.example.com"}})
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    begun, stopped, stop = host.system.clock, [], app.processes.stop
    monkeypatch.setattr(app.processes, "stop", lambda release, **options: (stopped.append(host.system.clock), stop(release, **options)))
    app.switcher.settle(0.0)
    assert stopped[0] - begun >= 2.5


def ill_gate(host):
    host.gate = B


def ill_start(host):
    host.refuse(B, "worker")


def ill_worker(host):
    host.fail(B, "worker-2")


def ill_timer(host):
    (host.systemd.state / "refuse-timer").touch()


@pytest.mark.parametrize("make_ill, sentence", [
    (ill_gate, f"release {B} is not healthy: GET / answers 500."),
    (ill_start, f"release {B} does not start: "),
    (ill_worker, f"release {B} is not healthy: its process worker-2 ended by itself ("),
    (ill_timer, "systemd-run refused the timer that guards the switch: no timers here"),
])
@pytest.mark.parametrize("state, left_as", [("built", "failed"), ("superseded", "bad"), ("bad", "bad")])
def test_an_ill_release_never_becomes_live(host, app, make_ill, sentence, state, left_as):
    app.store.update(B, state=state)
    make_ill(host)
    with pytest.raises(HostError) as caught:
        app.switcher.begin(B, "activate", "me")
    assert str(caught.value).startswith(sentence)
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: left_as})
    assert app.store.manifest(B)["error"] == str(caught.value).split("\n", 1)[0] and "secret" not in app.store.manifest(B)["error"]
    assert len(app.store.history()) == 1 and not os.path.exists(app.paths.switch)


@pytest.mark.parametrize("fault", ["verify", "ended"])
def test_a_release_that_is_ill_behind_nginx_is_returned_from(host, app, fault):
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    if fault == "verify":
        host.verify = B
    else:
        host.fail(B, "web", again=True)
    with pytest.raises(HostError):
        app.switcher.settle()
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: "failed"})
    last = app.store.history()[-1]
    assert (last["action"], last["release"], last["from"]) == ("return", A, B) and last["why"]
    # The old release was made whole before the new one was stopped.
    calls = steps(host)
    assert calls.index(f"start beat {A[:8]}") < calls.index(f"stop web {B[:8]}")


@pytest.mark.parametrize("fault", ["gate", "verify", "ended", "none"])
def test_a_host_that_shuts_down_returns_from_nothing(host, app, fault):
    """Whatever ends then ends with the host; what was begun is for the boot to complete, or to return from."""
    if fault == "gate":
        host.gate = B
    else:
        app.switcher.begin(B, "activate", "me")
        app.traffic.main.lead_to(B)
        if fault == "verify":
            host.verify = B
        elif fault == "ended":
            host.fail(B, "web", again=True)
    host.systemd.host("stopping")
    begun = len(steps(host))
    with pytest.raises(HostStops, match=f"^the host shuts down in the middle of the switch to {B}: "):
        if fault == "gate":
            app.switcher.begin(B, "activate", "me")
        else:
            app.switcher.settle(600.0)
    live = A if fault == "gate" else B
    assert app.live == live and states(app) == {A: "active", B: "built"} and len(app.store.history()) == 1
    assert not any(step.startswith(f"stop web {B[:8]}") for step in steps(host)[begun:])
    if fault != "none":
        # Nor does a deploy that comes in this moment.
        with pytest.raises(HostStops):
            app.switcher.begin(C, "activate", "me")
    assert read_json(app.paths.switch)["release"] == B
    # It is up again, and well.
    host.systemd.host("starting")
    host.gate = host.verify = None
    host.power_cut(app)
    app.switcher.boot()
    assert app.live == live and not os.path.exists(app.paths.switch)
    assert states(app) == ({A: "active", B: "failed"} if fault == "gate" else {A: "superseded", B: "active"})


@pytest.mark.parametrize("fault", ["worker", "beat", "verify"])
def test_there_are_never_two_of_a_singleton(host, app, fault):
    if fault == "verify":
        host.verify = B
    else:
        host.fail(B, fault)
    with pytest.raises(HostError):
        deploy(app)
    assert (app.live, host.up()) == (A, {A: 4})
    beats, steps_of_beats = set(), [step.split() for step in steps(host) if " beat " in step]
    for verb, dummy, release in steps_of_beats:
        (beats.add if verb == "start" else beats.discard)(release)
        assert len(beats) <= 1, steps_of_beats
    # A new worker may have begun a task: it is not killed, though its release never served anybody.
    assert not any("SIGKILL" in call and ".worker" in call or "signalProcess" in call and ".worker" in call for call in host.systemd.calls)


@pytest.mark.parametrize("fault, sentence, until", [("ended", "ended by itself after the switch", 11.0), ("verify", "through nginx", 16.0)])
def test_a_release_is_watched_to_the_end(host, app, monkeypatch, fault, sentence, until):
    """One that ends by itself is returned from at once, one that no longer answers at the end."""
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds
        if clock[0] < 10.0:
            return
        if fault == "verify":
            host.verify = B
        else:
            host.fail(B, "web", again=True)

    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    monkeypatch.setattr(host.system, "monotonic", lambda: clock[0])
    monkeypatch.setattr(host.system, "sleep", sleep)
    with pytest.raises(HostError, match=sentence):
        app.switcher.settle(15.0)
    assert (app.live, host.up()) == (A, {A: 4}) and 10.0 <= clock[0] < until


def test_a_rollback_marks_the_release_that_it_leaves(host, app):
    deploy(app)
    deploy(app, A, "rollback")
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: "bad"})
    assert app.store.history()[-1]["action"] == "rollback"


@pytest.mark.parametrize("state", ["superseded", "bad"])
def test_a_rollback_that_is_cut_off_before_it_happens_leaves_its_target_what_it_was(host, app, state):
    app.store.update(B, state=state)
    app.switcher.begin(B, "rollback", "me")
    with pytest.raises(HostError, match="never happened"):
        app.switcher.settle()
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: state})
    assert not os.path.exists(app.paths.switch)


def test_the_first_release_has_nothing_to_return_to(host):
    app = host.app()
    host.release(app, B, processes=ALL)
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    host.verify = B
    with pytest.raises(HostError):
        app.switcher.settle()
    assert (app.live, host.up(), states(app)) == (None, {}, {B: "failed"})
    assert (app.store.history()[-1]["action"], app.store.history()[-1]["release"]) == ("return", None)


@pytest.mark.parametrize("ill", ["gate", "verify"])
def test_a_live_release_that_only_has_to_start_is_never_taken_down(host, app, ill):
    host.power_cut(app)
    setattr(host, ill, A)
    with pytest.raises(HostError):
        deploy(app, A)
    assert (app.live, set(host.up()), states(app)) == (A, {A}, {A: "active", B: "built"})
    host.gate = host.verify = None
    deploy(app, A)
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: "built"})


def test_current_that_became_a_directory_stops_everything(host, app):
    os.unlink(app.paths.current)
    os.mkdir(app.paths.current)
    with pytest.raises(HostError, match="is not a symbolic link: move it away"):
        app.switcher.begin(B, "activate", "me")
    assert (host.up(), states(app)) == ({A: 4}, {A: "active", B: "built"})


def test_a_switch_that_nobody_ended_is_ended_before_the_next(host, app):
    host.release(app, C, processes=ALL)
    app.switcher.begin(B, "activate", "me")
    app.switcher.begin(C, "activate", "me")
    assert (app.live, states(app)[B], set(host.up())) == (A, "failed", {A, C})
    app.traffic.main.lead_to(C)
    app.switcher.settle()
    assert (host.up(), states(app)) == ({C: 4}, {A: "superseded", B: "failed", C: "active"})


@pytest.mark.parametrize("release", [A, B])
def test_a_deploy_of_what_the_end_of_that_switch_makes_live_has_nothing_left_to_do(host, app, release):
    app.switcher.begin(B, "activate", "me")
    if release == B:
        app.traffic.main.lead_to(B)
    app.switcher.begin(release, "activate", "me")
    assert (app.live, host.up(), os.path.exists(app.paths.switch)) == (release, {release: 4}, False)
    assert app.switcher.settle() == {"release": release, "completed": False}
    assert [entry["release"] for entry in app.store.history()] == [A, B][:2 if release == B else 1]


@pytest.mark.parametrize("switched", [True, False])
def test_the_host_ends_the_turn_of_the_controller_whose_switch_it_ends(host, app, switched):
    app.lock.take({"token": "dead", "by": "me"})
    app.switcher.begin(B, "activate", "me", "dead")
    if switched:
        app.traffic.main.lead_to(B)
    settled_by_the_host(host, app)
    assert not os.path.exists(app.paths.lease) and "token" not in app.store.history()[-1]


def test_the_host_leaves_the_turn_of_another(host, app):
    app.switcher.begin(B, "activate", "me", "dead")
    app.lock.take({"token": "other", "by": "another"})
    settled_by_the_host(host, app)
    assert os.path.exists(app.paths.lease)


@pytest.mark.parametrize("which", ["manifest", "history"])
def test_a_full_disk_after_the_switch_leaves_the_old_release(host, app, monkeypatch, which):
    write = write_file

    def full(path, *arguments, **options):
        if which in path or path == app.paths.lease:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        write(path, *arguments, **options)

    mine, other = {"token": "mine", "by": "me"}, {"token": "other", "by": "me", "takes_over": "mine"}
    app.lock.take(mine)
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    for module in (store, lock):
        monkeypatch.setattr(module, "write_file", full)
    app.lock.take(mine)
    with pytest.raises(OSError):
        app.lock.take(other)
    with pytest.raises(OSError) as caught:
        app.switcher.settle()
    assert said(caught.value).startswith("the disk is full (/") and said(caught.value).endswith("): free some space and deploy again.")
    assert (app.live, host.up(), os.path.exists(app.paths.switch)) == (A, {A: 4}, False)
    for module in (store, lock):
        monkeypatch.setattr(module, "write_file", write)
    assert deploy(app)["completed"] and states(app) == {A: "superseded", B: "active"}


# --- boot -------------------------------------------------------------------------------------------------------------

def test_boot_starts_what_is_live(host, app):
    host.power_cut(app)
    app.switcher.boot()
    assert (app.live, host.up()) == (A, {A: 4})


@pytest.mark.parametrize("ill, live", [(None, B), ("gate", A), ("verify", A), ("start", A)])
def test_boot_after_a_power_cut_in_the_middle_of_a_switch(host, app, ill, live):
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    host.power_cut(app)
    if ill == "start":
        host.refuse(B, "web")
    elif ill:
        setattr(host, ill, B)
    app.switcher.boot()
    assert (app.live, host.up(), os.path.exists(app.paths.switch)) == (live, {live: 4}, False)


def test_boot_fails_when_the_release_before_does_not_serve_either(host, app):
    app.switcher.begin(B, "activate", "me")
    app.traffic.main.lead_to(B)
    host.power_cut(app)
    host.gate = "all"
    with pytest.raises(HostError, match=f"^release {A} is not healthy"):
        app.switcher.boot()
    assert (app.live, os.path.exists(app.paths.switch)) == (A, False)


def test_boot_before_the_switch_itself(host, app):
    app.switcher.begin(B, "activate", "me")
    host.power_cut(app)
    app.switcher.boot()
    assert (app.live, host.up(), states(app)) == (A, {A: 4}, {A: "active", B: "failed"})


# --- killed between any two steps -------------------------------------------------------------------------------------

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def killed_at(host, number, work):
    """Run work in a child that SIGKILL ends right before its step C(number); True when it was done before that."""
    root = str(host.root)
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert status in (0, signal.SIGKILL), status
        return status == 0
    count = 0

    def step():
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event, arguments):
        if event == "open":
            if isinstance(arguments[0], str) and arguments[0].startswith(root) and isinstance(arguments[2], int) and arguments[2] & WRITES:
                step()
        elif event in ("os.rename", "os.remove", "os.symlink", "os.mkdir", "os.rmdir", "shutil.rmtree"):
            step()

    try:
        sys.addaudithook(audit)
        work()
    except HostError:
        pass
    finally:
        os._exit(0)


def flow_deploy(host, app):
    return lambda: deploy(app)


def flow_ill_gate(host, app):
    host.gate = B
    return lambda: deploy(app)


def flow_ill_site(host, app):
    host.verify = B
    return lambda: deploy(app)


def flow_rollback(host, app):
    app.store.update(B, state="superseded")
    return lambda: deploy(app, B, "rollback")


def flow_restart(host, app):
    return lambda: deploy(app, A)


def flow_first(host, app):
    os.unlink(app.paths.current)
    app.processes.stop(A)
    app.store.update(A, state="failed")
    return lambda: deploy(app, B)


def recovered(host, app):
    app.switcher.recover()


def booted(host, app):
    host.power_cut(app)
    app.switcher.boot()


def killed_again(host, app):
    """The recovery is killed as well, at some of its own steps."""
    number = 2
    while not killed_at(host, number, app.switcher.recover):
        number += 5


def settled_by_the_host(host, app):
    dead_man = host.App("shop", is_guard=True)
    try:
        dead_man.switcher.settle()
    except HostError:
        pass


RECOVERIES = [recovered, booted, settled_by_the_host, killed_again]


FLOWS = [flow_deploy, flow_ill_gate, flow_ill_site, flow_rollback, flow_restart, flow_first]


@pytest.mark.parametrize("app, flow", [
    *(("systemd", flow) for flow in FLOWS), *(("supervisor", flow) for flow in (flow_deploy, flow_ill_site, flow_restart)),
    *((move, flow) for move in MOVE for flow in (flow_deploy, flow_ill_site)),
], indirect=["app"])
def test_killed_between_any_two_steps(host, app, tmp_path, monkeypatch, flow, request):
    # Nothing here cuts the power of a disk.
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    work = flow(host, app)
    ill = (host.gate, host.verify)
    saved = tmp_path / "saved"
    parts = ("systemd", "supervisor", "etc", "srv", "var", "run")
    for part in parts:
        shutil.copytree(host.root / part, saved / part, symlinks=True)
    # The shorter flows in longer strides, and those under supervisor: they share most of their steps.
    stride = 4 if request.node.callspec.params["app"] != "systemd" else 1 if flow is flow_deploy else 3
    number, done = 0, False
    while not done:
        number += stride
        recover = RECOVERIES[(number + len(flow.__name__)) % len(RECOVERIES)]
        host.gate, host.verify = ill
        for part in parts:
            shutil.rmtree(host.root / part, ignore_errors=True)
            shutil.copytree(saved / part, host.root / part, symlinks=True)
        done = killed_at(host, number, work)
        at = f"killed at step {number}, then {recover.__name__}"
        assert app.live in ((B, None) if flow is flow_first else (A, B)), at
        recover(host, app)
        live, found = app.live, states(app)
        assert not os.path.exists(app.paths.switch), at
        assert host.up() == ({live: 4} if live else {}), at
        assert found[B if live == A else A] in ("built", "failed", "superseded", "bad"), (at, found)
        if flow in (flow_ill_gate, flow_ill_site):
            assert live == A, at
        if flow is not flow_first:
            assert found[live] == "active" and app.store.history()[-1]["release"] == live, (at, found, app.store.history())
        assert len([entry for entry in app.store.history() if entry["release"] == B and entry["action"] != "return"]) <= 1, at
        # The next deploy goes through without a hand.
        host.gate = host.verify = None
        assert deploy(app, B)["completed"], at
        assert host.up() == {B: 4} and states(app)[B] == "active", at
    assert number > 10


# --- scheduled jobs ---------------------------------------------------------------------------------------------------

JOB = {**PROCESS, "command": "tidy", "kind": "command", "schedule": "daily"}
TIMER = "pyweb.shop.tidy.schedule.timer"


def timer(host):
    path = host.units / TIMER
    return next(line for line in path.read_text().splitlines() if line.startswith("Unit=")) if path.exists() else None


@pytest.fixture
def clock(host):
    """A is live and has a job, B has it too, C has none."""
    (host.root / "var/lib/systemd/timers").mkdir(parents=True)
    app = host.app()
    for release in (A, B):
        host.release(app, release, state="active", processes={**ALL, "tidy": JOB})
    host.release(app, C, processes=ALL)
    os.symlink(app.paths.release(A), app.paths.current)
    app.processes.start(A, list(app.store.instances(A)))
    app.jobs.schedule(A)
    host.systemd.calls_path.unlink()
    return app


def test_a_job_is_started_by_the_clock_alone(host, clock):
    text = (host.units / f"pyweb.shop.tidy.{A}.service").read_text().splitlines()
    assert "Type=oneshot" in text and not any(line.startswith("Restart") and "=yes" not in line for line in text) and "ProtectSystem=strict" in text
    assert f"pyweb.shop.tidy.{A}.service" not in host.systemd.up and TIMER in host.systemd.up and clock.processes.active(A)
    assert {"OnCalendar=daily", "Persistent=yes"} <= set((host.units / TIMER).read_text().splitlines())


def test_a_job_runs_in_the_live_release_alone(host, clock):
    clock.switcher.begin(B, "activate", "me@here")
    assert TIMER not in host.systemd.up, "from before the switch to its end no job begins"
    clock.traffic.main.lead_to(B)
    clock.switcher.settle()
    assert timer(host) == f"Unit=pyweb.shop.tidy.{B}.service" and TIMER in host.systemd.up
    host.systemd.calls_path.unlink()
    clock.jobs.schedule(B)
    assert not [call for call in host.systemd.calls if "daemon-reload" in call or " stop" in call], "what is right stays as it is"


def test_a_job_that_is_no_longer_defined_is_gone(host, clock):
    (host.root / "var/lib/systemd/timers" / f"stamp-{TIMER}").touch()
    deploy(clock, C)
    assert timer(host) is None and TIMER not in host.systemd.up and not os.listdir(host.root / "var/lib/systemd/timers")


def test_the_jobs_of_the_old_release_come_back_with_it(host, clock):
    host.gate = B
    with pytest.raises(HostError):
        clock.switcher.begin(B, "activate", "me@here")
    assert timer(host) == f"Unit=pyweb.shop.tidy.{A}.service" and TIMER in host.systemd.up
    host.gate, host.verify = None, C
    with pytest.raises(HostError):
        deploy(clock, C)
    assert timer(host) == f"Unit=pyweb.shop.tidy.{A}.service" and TIMER in host.systemd.up


def test_jobs_begin_at_boot(host, clock):
    host.systemd(["systemctl", "stop", *host.systemd.up])
    clock.switcher.boot()
    assert TIMER in host.systemd.up and host.up()[A] == 4
