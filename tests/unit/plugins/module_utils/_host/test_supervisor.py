# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases under supervisor: what is written, what is asked of supervisord, and what becomes of it when supervisord is away."""

from __future__ import annotations

import base64
import configparser
import json
import os
import socketserver
import subprocess
import tempfile
import threading
import xmlrpc.client
import xmlrpc.server

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import cli, prune, supervisord
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, Refused
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers import Supervisor
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers import supervisor as supervisor_manager
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.supervisor import end_cgroup
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
WORKER = {
    "wsgi": None, "asgi": None, "command": "work", "kind": "command", "server": None, "workers": None, "threads": None, "options": [], "count": 2,
    "singleton": False, "stop_timeout": 300, "health": None,
}
WEB, FIRST, SECOND = (f"pyweb.shop.{name}.{A}" for name in ("web", "worker", "worker-2"))


@pytest.fixture
def app(host):
    host.manager = "supervisor"
    return host.app()


@pytest.fixture
def live(host, app):
    """A release with two workers runs."""
    host.release(app, A, processes={"worker": WORKER})
    app.processes.start(A, ["worker", "worker-2"])
    return app


def manager(app):
    return Supervisor(app.paths, app.system, app.store)


def asked(host):
    return [line.removeprefix("supervisord ") for line in host.systemd.calls if not line.startswith("supervisord get")]


# --- what is written --------------------------------------------------------------------------------------------------

def test_a_program_for_each_instance(host, live):
    assert sorted(os.listdir(host.programs)) == sorted(f"{name}.conf" for name in (FIRST, SECOND)) and os.listdir(host.units) == []
    found = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    found.read(host.programs / f"{SECOND}.conf")
    program = dict(found[f"program:{SECOND}"])
    assert program["command"] == f"/bin/sh {live.paths.meta(A)}/enter worker-2"
    # Only the live release runs; which one that is says the link, and whoever starts supervisord asks.
    assert (program["autostart"], program["autorestart"], program["umask"]) == ("false", "true", "027")
    # TERM for the main process alone, KILL for all, after the process's own time and some.
    assert (program["stopasgroup"], program["killasgroup"], program["stopwaitsecs"]) == ("false", "true", "305")
    assert program["stdout_logfile"] == f"{host.logs}/shop/worker-2.{A}.log" and program["redirect_stderr"] == "true"
    assert "environment" not in program and "%" not in (host.programs / f"{SECOND}.conf").read_text()
    assert os.stat(f"{host.logs}/shop").st_mode & 0o777 == 0o750


def test_what_becomes_the_user(app):
    text = manager(app)._enter(A)  # pylint: disable=protected-access
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    last = text[text.index("exec env -i"):]
    for part in ("--reuid=shop", "--regid=shop", "--init-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"):
        assert part in last
    assert f'{app.paths.meta(A)}/launch "${{1%-[0-9]*}}"' in last and "{{" not in text
    for instance, process in (("web", "web"), ("worker-2", "worker"), ("worker_2", "worker_2"), ("worker-12", "worker")):
        assert subprocess.check_output(["sh", "-c", 'printf %s "${1%-[0-9]*}"', "sh", instance], text=True) == process


def test_files_are_written_once_and_never_changed(host, live):
    before = {path.name: path.read_text() for path in host.programs.iterdir()}
    live.store.update(A, runtime={**live.store.manifest(A)["runtime"], "processes": {"worker": {**WORKER, "stop_timeout": 1}}})
    live.processes.start(A, ["worker"])
    assert {path.name: path.read_text() for path in host.programs.iterdir()} == before
    live.processes.stop(A)
    assert os.listdir(host.programs) == [] and host.supervisor.names("known") == set(), "somebody could start it by mistake"
    live.processes.start(A, ["worker"])
    assert {path.name: path.read_text() for path in host.programs.iterdir()} == before


def test_without_supervisor_the_sentence_says_who_installs_it(host, app):
    host.release(app, A)
    os.rmdir(host.programs)
    with pytest.raises(HostError, match="^supervisor is not installed on this host: ansible-playbook pyweb.stack.site installs it.$"):
        app.processes.start(A, ["web"])


# --- starting and stopping --------------------------------------------------------------------------------------------

def test_only_what_is_new_is_added_and_nothing_else_is_touched(host, live):
    assert asked(host) == [
        "reloadConfig", f"addProcessGroup {FIRST}", f"addProcessGroup {SECOND}", f"startProcess {FIRST} False", f"startProcess {SECOND} False",
    ]
    host.systemd.calls_path.unlink()
    live.processes.stop(A)
    live.processes.start(A, ["worker"])
    # Both end side by side, not one after the other.
    assert asked(host) == [
        f"stopProcess {FIRST} False", f"stopProcess {SECOND} False", f"removeProcessGroup {FIRST}", f"removeProcessGroup {SECOND}",
        "reloadConfig", f"addProcessGroup {FIRST}", f"startProcess {FIRST} False",
    ]
    assert live.processes.running() == {A} and not live.processes.active(A) and host.up() == {A: 1}


def test_what_runs_is_not_started_again(host, live):
    host.systemd.calls_path.unlink()
    live.processes.start(A, ["worker", "worker-2"])
    assert asked(host) == [] and live.processes.active(A)


def test_a_process_that_waits_for_its_next_start_starts_now(host, live):
    host.fail(A, "worker")
    live.processes.start(A, ["worker"])
    assert asked(host)[-2:] == [f"stopProcess {FIRST} False", f"startProcess {FIRST} False"]


def test_a_release_that_never_served_is_killed(host, live):
    live.processes.stop(A, at_once=True)
    calls = asked(host)
    assert calls.index(f"stopProcess {FIRST} False") < calls.index(f"signalProcess {FIRST} KILL") and host.up() == {}
    assert live.processes.running() == set() and not os.path.exists(f"{live.paths.run}/{A}") and not os.path.exists(manager(live).pids_path(A))


def test_what_a_process_leaves_behind_ends_with_it(host, live, monkeypatch):
    ended = []
    monkeypatch.setattr(supervisor_manager, "end_cgroup", lambda path, system: ended.append(os.path.basename(path)))
    live.processes.stop(A, ["worker-2"])
    assert ended == [SECOND]


def test_the_control_group_is_killed_and_removed(tmp_path):
    group = tmp_path / "group"
    end_cgroup(str(group), System())
    group.mkdir()
    end_cgroup(str(group / "none"), System())
    kill = group / "cgroup.kill"
    kill.touch()
    # The kernel's own files are no obstacle to rmdir, this one is: it is gone once the group is empty.
    threading.Timer(0.1, kill.unlink).start()
    end_cgroup(str(group), System())
    assert not group.exists()


def test_processes_of_others_are_theirs(host, live):
    for name in ("theirs", "pyweb", f"pyweb.shop-api.web.{B}"):
        (host.supervisor.state / "known" / name).touch()
        (host.supervisor.state / "up" / name).write_text("1")
    assert live.processes.running() == {A}
    manager(live).forget()
    assert host.supervisor.up == host.supervisor.names("known") == {"theirs", "pyweb", f"pyweb.shop-api.web.{B}"}


def test_a_start_lasts_until_the_processes_are_their_users(host, live, monkeypatch):
    answers = [False, False, True, True]
    monkeypatch.setattr(host.system, "became", lambda pid, uid: answers.pop(0))
    live.processes.stop(A)
    live.processes.start(A, ["worker", "worker-2"])
    assert answers == []
    became = System().became
    assert became(os.getpid(), os.getuid()) and not became(os.getpid(), os.getuid() + 1)
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert became(gone.pid, os.getuid() + 1)


# --- how it is --------------------------------------------------------------------------------------------------------

def test_ended(host, live):
    supervisor = manager(live)
    assert supervisor.ended(A, "worker") == ""
    host.fail(A, "worker")
    host.fail(A, "worker-2", again=True)
    assert supervisor.ended(A, "worker") == supervisor.ended(A, "worker-2") == "exit status 3"
    (host.supervisor.state / "log").unlink()
    (host.supervisor.state / "show" / FIRST).write_text(json.dumps({"statename": "BACKOFF", "spawnerr": "can't find command"}))
    assert supervisor.ended(A, "worker") == "can't find command"
    live.processes.stop(A, ["worker"])
    assert supervisor.ended(A, "worker") == "it is stopped"


def test_a_new_start_counts_as_new(host, live):
    live.processes.stop(A)
    live.processes.start(A, ["worker", "worker-2"])
    assert manager(live).ended(A, "worker") == ""


@pytest.mark.parametrize("lines, said", [(None, "\nIt logged nothing (tail -n 1000 "), ("bang\n", "shows more):\nbang")])
def test_a_release_that_does_not_start_says_its_last_lines(host, app, lines, said):
    host.release(app, A)
    host.refuse(A, "web")
    if lines:
        os.makedirs(f"{host.logs}/shop")
        with open(f"{host.logs}/shop/web.{A}.log", "w", encoding="utf-8") as file:
            file.write(lines)
    with pytest.raises(HostError) as caught:
        app.processes.start(A, ["web"])
    assert str(caught.value).startswith(f"release {A} does not start: SPAWN_ERROR: {WEB}") and said in str(caught.value)
    assert f"tail -n 1000 {host.logs}/shop/web.{A}.log" in str(caught.value)


def test_supervisord_that_is_down(host, live):
    (host.supervisor.state / "down").touch()
    host.system.clock = 0.0
    assert live.processes.running() == set() and not live.processes.active(A)
    assert manager(live).ended(A, "worker") == "supervisord does not answer"
    live.processes.stop(A)
    with pytest.raises(HostError, match="does not start: supervisord does not answer"):
        live.processes.start(A, ["worker"])
    # It may just be starting.
    assert 10 <= host.system.clock < 12


# --- what supervisord's own end and start bring -----------------------------------------------------------------------

def test_the_live_release_and_no_other_comes_back(host, live):
    os.symlink(live.paths.release(A), live.paths.current)
    host.release(live, B, processes={"worker": WORKER})
    live.processes.start(B, ["worker"])
    other = host.app("blog")
    host.managers[A] = "systemd"
    host.release(other, A, live=True)
    host.supervisor.restart()
    assert cli.main(["boot", "--supervisor"]) == 0
    assert host.supervisor.up == {FIRST, SECOND} and host.systemd.up == {f"pyweb.blog.web.{A}.service"}
    assert cli.main(["stop", "--supervisor"]) == 0
    assert host.supervisor.up == set() and host.systemd.up == {f"pyweb.blog.web.{A}.service"}


def test_one_application_that_does_not_come_back_keeps_no_other(host, live, capsys):
    os.symlink(live.paths.release(A), live.paths.current)
    other = host.app("blog")
    host.release(other, A, live=True)
    host.supervisor.restart()
    host.refuse(A, "worker")
    assert cli.main(["boot", "--supervisor"]) == 1
    assert f"pyweb.blog.web.{A}" in host.supervisor.up and capsys.readouterr().err.startswith(f"shop: release {A} does not start")


def test_directories_of_logs_are_made_again(host, live):
    os.rmdir(f"{host.logs}/shop")
    os.rmdir(host.logs)
    assert cli.main(["logs", "--supervisor"]) == 0 and os.stat(f"{host.logs}/shop").st_mode & 0o777 == 0o750


# --- the end ----------------------------------------------------------------------------------------------------------

def test_a_pruned_release_leaves_no_program_and_no_log(host, live):
    live.processes.stop(A)
    log = manager(live).log_path(A, "worker")
    for name in (log, f"{log}.1"):
        with open(name, "w", encoding="utf-8"):
            pass
    prune.remove(live, A)
    assert os.listdir(host.programs) == os.listdir(f"{host.logs}/shop") == [] and host.supervisor.names("known") == set()
    (host.supervisor.state / "down").touch()
    host.release(live, B, processes={"worker": WORKER})
    manager(live).write(B, live.store.instances(B))
    prune.remove(live, B)
    assert os.listdir(host.programs) == []


def test_forget(host, live):
    assert cli.main(["forget", "shop"]) == 0
    assert host.supervisor.up == host.supervisor.names("known") == set()
    (host.supervisor.state / "down").touch()
    assert cli.main(["forget", "shop"]) == 0


# --- how it is asked --------------------------------------------------------------------------------------------------

class Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    disable_nagle_algorithm = False

    def address_string(self):
        return "here"

    def do_POST(self):
        if self.headers.get("Authorization") == self.server.wanted:
            super().do_POST()
        else:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(401)


class Server(xmlrpc.server.SimpleXMLRPCDispatcher, socketserver.UnixStreamServer):
    """As supervisord listens."""

    logRequests = False

    def __init__(self, path, wanted=None):
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self)
        socketserver.UnixStreamServer.__init__(self, path, Handler)
        self.wanted = wanted
        self.register_function(lambda name, wait: [name, wait], "supervisor.startProcess")
        self.register_function(refuse, "supervisor.stopProcess")
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


def refuse(name):
    raise xmlrpc.client.Fault(70, f"NOT_RUNNING: {name}")


@pytest.fixture
def folder():
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory() as path:
        yield path


def configured(folder, text):
    """The path of a supervisord.conf."""
    path = f"{folder}/supervisord.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def test_the_way_to_supervisord(folder):
    config = configured(folder, "[unix_http_server]\nfile=%(here)s/sock   ; (the path to the socket file)\nchmod=0700\n")

    with pytest.raises(HostError, match=r"^supervisord does not answer on .*/sock \(.*\): systemctl status supervisor says why.$"):
        supervisord.ask(config, "getState")
    with Server(f"{folder}/sock") as server:
        assert supervisord.ask(config, "startProcess", "a", False) == ["a", False]
        with pytest.raises(Refused, match="^NOT_RUNNING: a$"):
            supervisord.ask(config, "stopProcess", "a")
        server.shutdown()
    with pytest.raises(HostError, match="does not answer"):
        supervisord.ask(config, "getState")


OWN = "[unix_http_server]\nfile={folder}/sock\nusername=jo\npassword={password}\n"


@pytest.mark.parametrize("text", [
    OWN.format(folder="{folder}", password="se:cret%"),
    OWN.format(folder="{folder}", password="{{SHA}}0a1b") + "[supervisorctl]\nusername = jo\npassword = se:cret%\n",
])
def test_somebody_else_has_given_it_a_password(folder, text):
    config = configured(folder, text.format(folder=folder))
    with Server(f"{folder}/sock", "Basic " + base64.b64encode(b"jo:se:cret%").decode()) as server:
        assert supervisord.ask(config, "startProcess", "a", False) == ["a", False]
        server.wanted = "another"
        with pytest.raises(HostError, match="^supervisord refuses the username and password that .*/supervisord.conf has") as caught:
            supervisord.ask(config, "startProcess", "a", False)
        assert "se:cret" not in str(caught.value)
        server.shutdown()


@pytest.mark.parametrize("text, sentence", [
    ("[supervisord]\nlogfile=/var/log/supervisord.log\n", "supervisord has no socket on this host: add \\[unix_http_server]"),
    ("[unix_http_server]\nusername=jo\npassword={SHA}0a1b\n", "has a digest of it only: add username and password to \\[supervisorctl]"),
    ("username=jo\n", "supervisord.conf cannot be read"),
])
def test_a_way_that_is_closed_is_told_in_one_sentence(folder, text, sentence):
    with pytest.raises(HostError, match=sentence) as caught:
        supervisord.ask(configured(folder, text), "getState")
    assert "\n" not in str(caught.value)


def test_where_supervisord_is_asked_when_nothing_is_said_of_it(folder):
    assert supervisord.endpoint(f"{folder}/none") == ("/run/supervisor.sock", "", "") == supervisord.endpoint(configured(folder, "[unix_http_server]\n"))
