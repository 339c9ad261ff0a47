# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of an application on a host: what is live, manifests, history, secrets, lock and lease; and what a process starts through."""

from __future__ import annotations

import asyncio
import datetime
import errno
import http.server
import ipaddress
import json
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import types
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.pyweb.stack.plugins.module_utils._host import cli, files, http as health_http, servers
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.oneoff import OneOff
from ansible_collections.pyweb.stack.plugins.module_utils._host.sandbox import sandbox as sandbox_lines
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import BACKING_SERVICES, unit_text

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 30, "health": None,
}


@pytest.fixture
def app(host):
    return host.app()


# --- names and files --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["../etc", "a/b", "", "A", "a.b", "a_b", "-a", "a" * 27, "a\n"])
def test_a_name_that_is_none_never_becomes_a_path(name):
    with pytest.raises(HostError, match="^name is "):
        App(name)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "f"
    write_file(str(path), "one")
    before = path.stat().st_ino
    write_file(str(path), "ü\r\n", 0o600)
    assert path.read_bytes() == "ü\r\n".encode() and path.stat().st_ino != before and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError):
        write_file(str(path), "\ud800")
    assert os.listdir(tmp_path) == ["f"] and path.read_bytes() == "ü\r\n".encode()


def test_what_a_killed_write_left_is_used_up(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.pyweb-f").symlink_to(outside)
    write_file(str(tmp_path / "d/f"), "x")
    assert os.listdir(tmp_path / "d") == ["f"] and outside.read_text() == "mine"


def test_run_returns_what_was_printed_on_both_ways():
    done = System().run(["/bin/sh", "-c", "echo a; echo b >&2; cat; exit 3"])
    assert (done.returncode, done.stdout) == (3, "a\nb\n")


# --- what is live -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("target, live", [(None, None), (f"/srv/shop/releases/{A}", A), (f"releases/{A}/", A), (f"./{A}", A)])
def test_live(app, target, live):
    if target:
        os.symlink(target, app.paths.current)
    assert app.live == live


@pytest.mark.parametrize("make", [os.mkdir, lambda path: open(path, "w", encoding="utf-8").close()])
def test_current_that_is_no_link_is_one_sentence(app, make):
    make(app.paths.current)
    with pytest.raises(HostError, match=f"^{app.paths.current} is not a symbolic link: move it away, .*release.$"):
        app.live  # pylint: disable=pointless-statement


def test_the_switch_is_atomic(app):
    """A reader never finds it missing, and what a kill left behind does not matter."""
    app.traffic.main.lead_to(A)
    os.symlink("nowhere", f"{app.paths.current}.pyweb-return")
    ready, go_on = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(go_on)
        os.set_blocking(ready, False)
        status = 0
        while True:
            try:
                status = status or (os.path.basename(os.readlink(app.paths.current)) not in (A, B))
            except OSError:
                status = 2
            try:
                if os.read(ready, 1) == b"":
                    os._exit(status)
            except BlockingIOError:
                continue
    os.close(ready)
    for dummy in range(300):
        app.traffic.main.lead_to(B)
        app.traffic.main.lead_to(A)
    os.close(go_on)
    assert os.waitpid(reader, 0)[1] == 0
    assert app.live == A and not os.path.lexists(f"{app.paths.current}.pyweb-return")
    app.traffic.main.lead_to(None)
    app.traffic.main.lead_to(None)
    assert app.live is None


# --- manifests and history --------------------------------------------------------------------------------------------

def test_manifests(host, app):
    assert app.store.manifests() == {}
    host.release(app, A, state="active", revision="r")
    assert app.store.update(A, error="e", revision="s")["revision"] == "s"
    app.store.update(B, state="building")
    os.mkdir(f"{app.paths.state}/releases/.hidden")
    os.mkdir(f"{app.paths.state}/releases/{B}x")
    found = app.store.manifests()
    assert list(found) == [A, B, f"{B}x"]
    assert (found[A]["state"], found[A]["error"], found[A]["revision"], found[B]["state"], found[f"{B}x"]) == ("active", "e", "s", "building", {})
    assert os.stat(f"{app.paths.meta(A)}/manifest.json").st_mode & 0o777 == 0o640


@pytest.mark.parametrize("state, told", [
    ("built", "gone"), ("active", "gone"), ("superseded", "gone"), ("failed", "failed"), ("bad", "bad"), ("building", "building"),
])
def test_a_release_whose_files_are_gone(host, app, state, told):
    host.release(app, A, state=state)
    os.rmdir(app.paths.release(A))
    assert app.store.manifests()[A]["state"] == told


def test_nothing_is_known_of_an_application_that_is_not_set_up(host):
    app = host.App("blog")
    assert (app.exists, app.live, app.store.manifests(), app.store.history(), app.store.manifest(A)) == (False, None, {}, [], {})


SWITCH = {"release": B, "from": A, "action": "activate", "by": "me@here", "since": "20261102T000000Z"}


def test_a_switch_that_is_settled_twice_is_recorded_once(app):
    for dummy in range(2):
        app.store.record("activate", SWITCH)
    app.store.record("activate", {**SWITCH, "since": "20261103T000000Z"})
    app.store.record("return", {**SWITCH, "since": "20261103T000000Z"}, "it was ill")
    assert [(entry["action"], entry["release"], entry["from"], entry.get("why")) for entry in app.store.history()] == [
        ("activate", B, A, None), ("activate", B, A, None), ("return", A, B, "it was ill"),
    ]


def test_a_line_that_was_cut_short_spoils_nothing(app):
    app.store.record("activate", SWITCH)
    with open(app.paths.history, "a", encoding="utf-8") as file:
        file.write('{"release": "2026')
    assert len(app.store.history()) == 1
    app.store.record("rollback", {**SWITCH, "action": "rollback"})
    assert [entry["action"] for entry in app.store.history()] == ["activate", "rollback"]


# --- secrets ----------------------------------------------------------------------------------------------------------

def test_the_digest_of_the_secrets_tells_nobody_what_they_are(host, app):
    assert app.secrets.digest("A=1\0") is None
    first = app.secrets.write("A=1\0")
    assert first == app.secrets.digest("A=1\0") != app.secrets.digest("A=2\0")
    assert os.stat(app.paths.key).st_mode & 0o777 == 0o600 and os.stat(f"{app.paths.config}/secrets").st_mode & 0o777 == 0o640
    # The same secrets on another host, with another key, have another digest.
    os.unlink(app.paths.key)
    assert app.secrets.write("A=1\0") != first
    # Two applications of one host share the key.
    assert host.app("blog").secrets.write("A=1\0") == app.secrets.digest("A=1\0")


@pytest.mark.parametrize("secrets, text, masked", [
    (None, "PASSWORD=hunter22", "PASSWORD=hunter22"),
    ("", "x", "x"),
    ("A=hunter22\0", "it is hunter22, really hunter22", "it is ********, really ********"),
    ("A=hunter22\0B=hunter22longer\0", "hunter22longer hunter22", "******** ********"),
    ("A=two\nlines\0", "two\nlines", "********"),
    ("A=-----BEGIN-----\n abcdefgh\n\0", "it printed '-----BEGIN-----\\nabcdefgh'", "it printed '********\\n********'"),
    ("A=postgres://u:p=w@h/d\0", "dsn postgres://u:p=w@h/d!", "dsn ********!"),
    ("A=on\0B=12345\0", "on 12345", "on 12345"),
])
def test_mask(app, secrets, text, masked):
    if secrets is not None:
        app.secrets.write(secrets)
    assert app.secrets.mask(text) == masked


# --- one deploy at a time ---------------------------------------------------------------------------------------------

MINE = {"token": "mine", "by": "me@here", "place": "p", "pid": 1, "start": "1"}
THEIRS = {"token": "theirs", "by": "she@there", "place": "q", "pid": 2, "start": "2"}


def test_the_lease_between_the_steps(app):
    with app.lock.hold(THEIRS):
        pass
    held = read_json(app.paths.lease)
    assert (held["by"], held["until"] > time.time() + 60) == ("she@there", True)
    with pytest.raises(HostError, match=r"^shop: she@there has been deploying since \d{8}T\d{6}Z; wait .*30 minutes"):
        with app.lock.hold(MINE):
            raise AssertionError
    app.lock.drop("mine")
    assert os.path.exists(app.paths.lease)
    app.lock.drop("theirs")
    with app.lock.hold(MINE):
        pass


@pytest.mark.parametrize("held, lease, taken", [
    ({**MINE, "since": "then", "until": 9e9}, MINE, True),  # the next step of the same deploy
    ({**THEIRS, "since": "then", "until": 9e9}, MINE, False),
    ({**THEIRS, "since": "then", "until": 1.0}, MINE, True),  # its time is over
    ({**THEIRS, "since": "then", "until": 9e9}, {**MINE, "takes_over": "theirs"}, True),  # its run is dead
    ({**THEIRS, "since": "then", "until": 9e9}, {**MINE, "takes_over": "another"}, False),
])
def test_who_gets_the_lease(app, held, lease, taken):
    write_file(app.paths.lease, json.dumps(held))
    if taken:
        app.lock.take(lease)
        now = read_json(app.paths.lease)
        assert now["token"] == "mine" and (now["since"] == "then") is (held["token"] == "mine")
    else:
        with pytest.raises(HostError):
            app.lock.take(lease)
        assert read_json(app.paths.lease) == held


def test_the_lock_of_a_process_that_still_runs(host, app):
    """Whatever the lease says: a step whose controller died is waited for, and ends with its process."""
    write_file(app.paths.lease, json.dumps({**MINE, "since": "then", "until": 1.0}))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with app.lock.hold(None):
            os.write(writer, b"x")
            time.sleep(60)
        os._exit(0)
    try:
        os.read(reader, 1)
        with pytest.raises(HostError, match="^shop: another step still runs on this host, started by me@here at then; wait until it is done.$"):
            with app.lock.hold(MINE, wait=0.0):
                raise AssertionError
        # Another application does not wait.
        pass_by = host.App("blog")
        os.makedirs(pass_by.paths.state)
        with pass_by.lock.hold(MINE, wait=0.0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with app.lock.hold(MINE, wait=0.0):
        pass


def test_a_lock_that_is_free_soon_is_waited_for(app):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with app.lock.hold(None):
            os.write(writer, b"x")
            time.sleep(0.15)
        os._exit(0)
    os.read(reader, 1)
    with app.lock.hold(MINE, wait=5.0):
        pass
    os.waitpid(child, 0)


# --- units and commands -----------------------------------------------------------------------------------------------

def test_units_are_written_once_and_never_changed(host, app):
    worker = {**PROCESS, "command": "work {socket}", "kind": "command", "count": 2}
    host.release(app, A, processes={"web": {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn"}, "worker": worker})
    app.processes.start(A, list(app.store.instances(A)))
    units = sorted(os.listdir(host.units))
    assert units == [f"pyweb.shop.{instance}.{A}.service" for instance in ("web", "worker-2", "worker")]
    assert host.up() == {A: 3} and app.processes.running() == {A} and app.processes.active(A)
    texts = {unit: (host.units / unit).read_text() for unit in units}
    app.store.update(A, runtime={**app.store.manifest(A)["runtime"], "processes": {"web": {**worker, "count": 1, "stop_timeout": 99}}})
    app.processes.start(A, ["web"])
    assert {unit: (host.units / unit).read_text() for unit in units} == texts
    assert not any("daemon-reload" in item for item in host.systemd.calls), "systemd finds new units by itself"
    assert os.stat(f"{app.paths.run}/{A}").st_mode & 0o777 == 0o710


def test_a_unit_that_systemd_does_not_see_is_started_after_a_reload(host, app):
    host.release(app, A, processes={"web": PROCESS | {"wsgi": "a:b", "kind": "wsgi", "server": "gunicorn"}})
    host.systemd.overlook(app.processes.systemd.unit(A, "web"))
    app.processes.start(A, ["web"])
    assert host.up() == {A: 1}
    assert [item.split()[1] for item in host.systemd.calls if item.startswith("systemctl")] == ["reset-failed", "start", "daemon-reload", "start"]


def test_a_release_with_one_process_down_is_not_active(host, app):
    host.release(app, A, processes={"web": PROCESS | {"wsgi": "a:b", "kind": "wsgi", "server": "gunicorn"}})
    assert not app.processes.active(A) and not app.processes.active(B)
    app.processes.start(A, ["web"])
    assert app.processes.active(A)
    app.processes.stop(A)
    assert not app.processes.active(A) and not os.path.exists(f"{app.paths.run}/{A}")


def test_processes_of_other_applications_are_theirs(host, app):
    for unit in ("pyweb.shop-api.web.x.service", "pyweb.shop.service", f"pyweb.shop.web.{A}.service", "pyweb.blog.web.y.service"):
        (host.systemd.state / "up" / unit).touch()
    assert app.processes.running() == {A}


@pytest.mark.parametrize("lines, said", [("", "\nIt logged nothing (journalctl -u pyweb.shop.web."), ("bang\n", "shows more):\nbang")])
def test_a_release_that_does_not_start_says_its_last_lines(host, app, lines, said):
    host.release(app, A)
    (host.systemd.state / "journal").write_text(lines)
    host.systemd.refuse(f"pyweb.shop.web.{A}.service")
    with pytest.raises(HostError) as caught:
        app.processes.start(A, ["web"])
    assert str(caught.value).startswith(f"release {A} does not start: Job for ") and said in str(caught.value)


def test_unit_text(app):
    text = unit_text(app.paths, A, "worker-2", {**PROCESS, "stop_timeout": 300})
    lines = text.splitlines()
    for line in (f"Description=shop worker-2 ({A})", "User=shop", "Group=shop", "TimeoutStopSec=305", "KillMode=mixed", "Restart=always",
                 f"WorkingDirectory={app.paths.release(A)}", f"ExecStart=/usr/bin/python3 -IS {app.paths.meta(A)}/launch worker",
                 f"ReadWritePaths={app.paths.shared} {app.paths.run}/{A}", "SyslogIdentifier=shop-worker-2", "UMask=0027"):
        assert line in lines
    assert app.paths.current not in text and "[Install]" not in text and "{" not in text
    for sandbox in ("ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateUsers=yes", "CapabilityBoundingSet=", "ProtectProc=invisible"):
        assert sandbox in lines


@pytest.mark.parametrize("process, there, missing", [
    ({}, ["LimitNOFILE=65536", "MemoryDenyWriteExecute=yes", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"],
     ["MemoryMax", "MemorySwapMax", "CPUQuota", "TasksMax", "PrivateNetwork", "IPAddress"]),
    ({"memory": "512M", "cpu": "150%", "tasks": 20, "files": 99}, ["MemoryMax=512M", "MemorySwapMax=0", "CPUQuota=150%", "TasksMax=20", "LimitNOFILE=99"], []),
    ({"jit": True}, [], ["MemoryDenyWriteExecute"]),
    ({"server": None, "command": "gunicorn --bind unix:{socket} shop", "health": {"path": "/"}}, ["SystemCallFilter=@chown"], []),
    ({"server": None, "command": "serve --port $PORT", "health": {"path": "/"}}, [], ["SystemCallFilter=@chown"]),
    ({"server": None, "command": "work {socket}"}, [], ["SystemCallFilter=@chown"]),
    ({"network": "local"}, ["IPAddressDeny=any", "IPAddressAllow=localhost", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"], ["PrivateNetwork"]),
    ({"network": "no"}, ["IPAddressDeny=any", "PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"], ["IPAddressAllow"]),
    ({"network": "no", "server": None, "command": "x $PORT", "health": {"path": "/"}},
     ["PrivateNetwork=yes", "IPAddressAllow=localhost", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"], []),
])
def test_limits_and_the_way_out(app, process, there, missing):
    lines = sandbox_lines(app.paths, A, process, "/run/x").splitlines()
    assert f"ReadWritePaths={app.paths.shared} /run/x" in lines and all(line in lines for line in there)
    assert not any(line.startswith(name) for line in lines for name in missing)


def test_what_a_process_may_write_to(app):
    for writable, paths in {(): "", (".", "/mnt/x"): f"-{app.paths.shared} -/mnt/x ", ("media/a",): f"-{app.paths.shared}/media/a "}.items():
        assert f"ReadWritePaths={paths}/run/x" in sandbox_lines(app.paths, A, {"writable": list(writable)}, "/run/x").splitlines()


@pytest.mark.parametrize("process, expected", [
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "workers": 3},
     ["-m", "gunicorn", "--bind", "fd://3", "--workers", "3", "--worker-class", "gthread", "--threads", "4", "--graceful-timeout", "30"]),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "worker_class": "gevent", "max_requests": 1000},
     ["--worker-class", "gevent", "--max-requests", "1000", "--max-requests-jitter", "100", "--keep-alive", "5"]),
    ({"asgi": "shop:app", "kind": "asgi", "server": "gunicorn", "workers": 3}, ["--worker-class", "asgi", "--no-control-socket"]),
    ({"asgi": "shop:app", "kind": "asgi", "server": "uvicorn", "workers": 3, "options": ["--ws", "none"]},
     ["-m", "uvicorn", "--fd", "3", "--workers", "3", "--timeout-graceful-shutdown", "30", "--ws", "none"]),
])
def test_servers(app, process, expected):
    argv = servers.command(app.paths, A, {**PROCESS, **process})
    assert argv[0] == f"{app.paths.release(A)}/.venv/bin/python" and argv[-1] == "shop:app"
    rest = iter(argv)
    assert all(item in rest for item in expected)


KINDS = {"gunicorn": {"wsgi": "shop:app", "kind": "wsgi"}, "uvicorn": {"asgi": "shop:app", "kind": "asgi"}}


@pytest.mark.parametrize("server, version, option, known", [
    ("gunicorn", "20.1.0", "--no-control-socket", False), ("gunicorn", "25.0.3", "--no-control-socket", False),
    ("gunicorn", "25.1.0", "--no-control-socket", True), ("gunicorn", "27.0.1", "--no-control-socket", True),
    ("uvicorn", "0.20.0", "--timeout-graceful-shutdown", False), ("uvicorn", "0.22.0", "--timeout-graceful-shutdown", True),
    ("uvicorn", "0.54.0.dev1", "--timeout-graceful-shutdown", True),
])
def test_a_server_is_told_what_its_version_understands(app, server, version, option, known):
    os.makedirs(f"{app.paths.release(A)}/.venv/lib/python3.11/site-packages/{server}-{version}.dist-info")
    argv = servers.command(app.paths, A, {**PROCESS, **KINDS[server], "server": server})
    assert (option in argv) is known and argv[-1] == "shop:app"


@pytest.mark.parametrize("server, kind, version, said", [
    ("gunicorn", "wsgi", "19.9.0", "gunicorn 19.9.0: 20.0 or newer is needed"),
    ("uvicorn", "asgi", "0.14.0", "uvicorn 0.14.0: 0.15 or newer is needed"),
    ("gunicorn", "asgi", "23.0.0",
     "gunicorn 23.0.0, which does not serve ASGI: raise it to 24 or newer in the application's requirements, or set server: uvicorn."),
    ("gunicorn", "asgi", "24.0.0", None),
])
def test_a_server_that_is_too_old_is_refused(app, server, kind, version, said):
    os.makedirs(f"{app.paths.release(A)}/.venv/lib/python3.11/site-packages/{server}-{version}.dist-info")
    process = {**PROCESS, kind: "shop:app", "kind": kind, "server": server}
    if not said:
        assert "--no-control-socket" not in servers.command(app.paths, A, process)
        return
    with pytest.raises(HostError) as caught:
        servers.command(app.paths, A, process)
    assert said in str(caught.value)


def test_gunicorn_takes_request_lines_as_long_as_nginx_does(app):
    argv = servers.command(app.paths, A, {**PROCESS, **KINDS["gunicorn"], "server": "gunicorn", "options": ["--limit-request-line", "100"]})
    assert argv[argv.index("--limit-request-line") + 1] == "8190"
    assert argv.index("100") > argv.index("8190"), "what is written for the application comes last and wins"


@pytest.mark.parametrize("process, expected", [
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn"}, ["--keep-alive", "0"]),
    ({"asgi": "shop:app", "kind": "asgi", "server": "uvicorn"}, ["--header", "Connection:close"]),
])
def test_connections_by_an_address_end_with_their_request(app, process, expected):
    """A proxy that is not ours would keep them, and with them the old release."""
    rest = iter(servers.command(app.paths, A, {**PROCESS, **process, "address": "127.0.0.1:8000"}))
    assert all(item in rest for item in expected)


def test_uvicorn_ends_its_workers_one_after_the_other(app):
    argv = servers.command(app.paths, A, {**PROCESS, "asgi": "shop:app", "kind": "asgi", "server": "uvicorn", "max_requests": 500})
    assert argv[:2] == ["/usr/bin/env", "UVICORN_LIMIT_MAX_REQUESTS_JITTER=50"] and argv[argv.index("--limit-max-requests") + 1] == "500"


@pytest.mark.parametrize("worker_class, threads", [(None, True), ("gthread", True), ("sync", False), ("gevent", False)])
def test_only_one_kind_of_worker_has_threads(app, worker_class, threads):
    argv = servers.command(app.paths, A, {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "worker_class": worker_class})
    assert ("--threads" in argv) is threads


def test_a_command_is_given_the_socket(app):
    argv = servers.command(app.paths, A, {**PROCESS, "kind": "command", "command": "serve --to unix:{socket} 'a b'"})
    assert argv == ["/bin/bash", "-c", f"serve --to unix:{app.paths.run}/{A}/web.sock 'a b'"]


@pytest.mark.parametrize("applications, limit, memory, cores, workers", [
    (1, None, 512, 1, 2), (1, None, 4096, 1, 3), (1, None, 4096, 2, 5), (1, None, 8192, 8, 17), (1, None, 1024, 8, 4), (1, None, 128, 8, 2),
    (2, None, 8192, 8, 8), (3, None, 8192, 8, 5), (40, None, 8192, 8, 2), (1, 1024, 8192, 8, 4), (1, 64, 8192, 8, 2),
])
def test_default_workers(applications, limit, memory, cores, workers):
    assert servers.default_workers(applications, limit, memory, cores) == workers


@pytest.mark.parametrize("options, file, rest", [
    ([], "gunicorn.conf.py", []),
    (["--reuse-port", "-c", "conf/g.py", "-v"], "conf/g.py", ["--reuse-port", "-v"]),
    (["--config", "conf/g.py"], "conf/g.py", []),
    (["--config=file:conf/g.py"], "conf/g.py", []),
    (["-cconf/g.py"], "conf/g.py", []),
    (["--config=gone.py"], None, ["--config=gone.py"]),
    (["-c", "python:conf.g"], None, ["-c", "python:conf.g"]),
])
def test_the_file_that_the_source_brings(tmp_path, options, file, rest):
    (tmp_path / "conf").mkdir()
    (tmp_path / "gunicorn.conf.py").touch()
    (tmp_path / "conf/g.py").touch()
    assert servers.gunicorn_file(str(tmp_path), options) == (file and f"{tmp_path}/{file}", rest)


def test_what_the_file_may_say(host, app):
    """What is told here goes before it; what a switch relies on is not its to say."""
    os.makedirs(app.paths.release(A))
    path = f"{app.paths.release(A)}/gunicorn.conf.py"
    web = {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn"}
    with open(path, "w", encoding="utf-8") as file:
        file.write("import os\nworkers = workers + 1\nworker_class = 'sync'\ndaemon, reload = True, True\nuser = 'root'\nchdir = '/'\n"
                   "here = os.path.dirname(__file__)\ndef post_fork(server, worker): pass\n")
    space = {}
    exec(servers.gunicorn_settings(app.paths, A, web), space)  # pylint: disable=exec-used
    assert space["workers"] == servers.default_workers() + 1 and space["worker_class"] == "sync" and "threads" not in space
    assert space["daemon"] is space["reload"] is False and space["user"] is None and space["chdir"] == space["here"] == app.paths.release(A)
    assert callable(space["post_fork"])
    argv = servers.command(app.paths, A, web)
    assert argv[argv.index("--config") + 1] == f"{app.paths.meta(A)}/gunicorn.conf.py" and "--workers" not in argv and "--worker-class" not in argv
    argv = servers.command(app.paths, A, {**web, "workers": 7, "threads": 3})
    assert argv[argv.index("--workers") + 1] == "7" and argv[argv.index("--threads") + 1] == "3"
    os.unlink(path)
    assert servers.gunicorn_settings(app.paths, A, web) is None and "--config" not in servers.command(app.paths, A, web)


@pytest.mark.parametrize("own", ["", "def post_worker_init(worker): worker.own = True\n"])
def test_workers_of_gunicorn_close_their_websockets_when_they_stop(host, app, own):
    sent, web = [], {**PROCESS, "asgi": "shop:app", "kind": "asgi", "server": "gunicorn"}
    if own:
        os.makedirs(app.paths.release(A))
        with open(f"{app.paths.release(A)}/gunicorn.conf.py", "w", encoding="utf-8") as file:
            file.write(own)

    async def application(scope, receive, send):
        await receive()

    async def main():
        async def connection(number, ended):
            async def send(message):
                sent.append((number, message))
            await worker.asgi({"type": "http" if number == 3 else "websocket"}, ended.wait, send)

        worker = types.SimpleNamespace(asgi=application, alive=True, loop=asyncio.get_running_loop())
        space["post_worker_init"](worker)
        assert getattr(worker, "own", False) is bool(own)
        events = [asyncio.Event() for dummy in range(4)]
        tasks = [asyncio.create_task(connection(number, event)) for number, event in enumerate(events)]
        await asyncio.sleep(0)
        events[0].set()
        await tasks[0]
        worker.alive = False
        await worker.pyweb_close
        for event in events:
            event.set()
        await asyncio.gather(*tasks)

    space = {}
    exec(servers.gunicorn_settings(app.paths, A, web), space)  # pylint: disable=exec-used
    asyncio.run(main())
    assert sorted(sent, key=str) == [(number, {"type": "websocket.close", "code": 1012}) for number in (1, 2)]
    # Another class of workers, by options, has its own ways.
    space["post_worker_init"](types.SimpleNamespace())
    argv = servers.command(app.paths, A, web)
    assert argv[argv.index("--config") + 1] == f"{app.paths.meta(A)}/gunicorn.conf.py"


@pytest.mark.parametrize("process, expected", [
    ({"server": "gunicorn"}, ("S", None, False)),
    ({"server": None, "command": "x {socket}"}, (None, "S", False)),
    ({"server": None, "command": "x $PORT"}, ("S", None, True)),
])
def test_ways_to_the_socket(process, expected):
    assert tuple(servers.listening("web", process, "S").values()) == expected
    assert tuple(servers.listening("worker", {"server": None, "command": "x"}, "S").values()) == (None, None, False)


# --- the launcher, really executed ------------------------------------------------------------------------------------

NASTY = {
    "SPACES": "  a  b  ", "QUOTES": "'single' \"double\" `back`", "DOLLAR": "$HOME ${HOME} $(id) $$", "PERCENT": "%s %% %(x)s %h", "HASH": "#no comment # x",
    "LINES": "one\ntwo\r\n\tthree\n", "UNICODE": "ü – 漢字 🐍", "BACKSLASH": "\\n \\ \\\\",
    "EQUALS": "a=b=c==", "EMPTY": "", "BANG": "!! ;&|<>()[]{}*?~",
    "LONG": "x" * 100_000, "PATH_LIKE": "/a:/b", "CONTROL": "\x01\x1b[0m\x7f",
}
SHOW = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(name + b'=' + value for name, value in os.environb.items()))"


def launched(app, *arguments, **env):
    argv = ["/usr/bin/python3", "-IS", f"{app.paths.meta(A)}/launch", *arguments]
    return subprocess.run(argv, env={"LANG": "C", **env}, stdout=subprocess.PIPE, check=True, timeout=20).stdout


@pytest.fixture
def launcher(host, app):
    host.release(app, A)
    app.launcher.write(A, "r" * 40, "".join(f"{name}={value}\0" for name, value in NASTY.items()))
    return app


def test_values_arrive_byte_for_byte(launcher):
    launcher.secrets.write("TOKEN=s3cret\nline\0HASH=from the secrets\0")
    env = dict(pair.split(b"=", 1) for pair in launched(launcher, "-", sys.executable, "-c", SHOW, HOME="/root", KEPT="1").split(b"\0"))
    expected = {**NASTY, "TOKEN": "s3cret\nline", "HASH": "from the secrets", "KEPT": "1", "HOME": launcher.paths.shared, "PYWEB_APP": "shop",
                "PYWEB_RELEASE": A, "PYWEB_REVISION": "r" * 40, "PYWEB_SHARED": launcher.paths.shared, "VIRTUAL_ENV": f"{launcher.paths.release(A)}/.venv"}
    assert {name: env[name.encode()] for name in expected} == {name: value.encode() for name, value in expected.items()}
    assert env[b"PATH"].startswith(f"{launcher.paths.release(A)}/.venv/bin:".encode())


def test_secrets_are_those_of_today_and_may_be_missing(launcher):
    assert b"TOKEN" not in launched(launcher, "-", sys.executable, "-c", SHOW)
    for value in ("old", "new"):
        launcher.secrets.write(f"TOKEN={value}\0")
        assert f"TOKEN={value}\0".encode() in launched(launcher, "-", sys.executable, "-c", SHOW) + b"\0"


def test_secrets_are_in_no_command_line(launcher):
    launcher.secrets.write("TOKEN=s3cret\0")
    assert b"s3cret" not in launched(launcher, "-", "/bin/cat", "/proc/self/cmdline")


def test_commands_run_in_the_release(launcher):
    assert launched(launcher, "-", "/bin/pwd").decode().strip() == launcher.paths.release(A)


SERVE = """
import os, socket
listener = socket.socket(fileno=3)
assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
connection = listener.accept()[0]
connection.sendall(os.environb[b"LINES"] + repr(sorted(map(int, os.listdir("/proc/self/fd")))[:4]).encode())
"""


def test_the_server_is_handed_its_socket(launcher):
    # A socket's path is short (108 bytes); a left-over of an instance that was killed is in the way.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        with open(path, "w", encoding="utf-8"):
            pass
        commands = {"web": {"argv": [sys.executable, "-c", SERVE], "socket": path}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"]) as server:
            for dummy in range(500):
                try:
                    client = socket.socket(socket.AF_UNIX)
                    client.connect(path)
                    break
                except OSError:
                    time.sleep(0.02)
            assert os.stat(path).st_mode & 0o777 == 0o777, "its directory says who may connect"
            with client.makefile("rb") as answer:
                assert answer.read().startswith(NASTY["LINES"].encode() + b"[0, 1, 2, 3")
            client.close()
            assert server.wait(10) == 0


LISTEN = """
import os, socket, sys
os.umask(0o077)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)
listener.listen()
while listener.accept()[0].recv(9) != b"end":
    pass
"""


def test_a_socket_that_the_server_makes_for_itself_is_opened(launcher):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        commands = {"web": {"argv": [sys.executable, "-c", LISTEN, path], "socket": None, "opens": path}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"]) as server:
            for dummy in range(500):
                if os.path.exists(path) and os.stat(path).st_mode & 0o777 == 0o777:
                    break
                time.sleep(0.02)
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            client.sendall(b"end")
            client.close()
            assert server.wait(10) == 0
            assert os.stat(path).st_mode & 0o777 == 0o777


HTTP = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environb[b"LINES"])
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
def end(*ignored):
    print("ended well", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
server.serve_forever()
"""


@pytest.mark.skipif(not os.path.exists("/usr/lib/systemd/systemd-socket-proxyd"), reason="needs systemd's proxy")
def test_what_knows_only_a_port_is_led_to(launcher):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        commands = {"web": {"argv": [sys.executable, "-c", HTTP], "socket": path, "leads": True}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"], stdout=subprocess.PIPE) as server:
            status = None
            for dummy in range(500):
                try:
                    status, dummy = health_http.ask_socket(path, "localhost", "/", 5.0)
                    break
                except OSError:
                    time.sleep(0.02)
            assert status == 200
            server.terminate()
            assert server.stdout.read() == b"ended well\n" and server.wait(10) == 7


# --- does it import? ---------------------------------------------------------------------------------------------------

THREAD = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"


@pytest.mark.parametrize("module, fault", [
    ("good", None),
    ("bad", "bad:app cannot be imported (exit status 1).\nTraceback"),
    ("gone", "gone:app cannot be imported"),
    ("slow", "importing slow:app takes longer than 0.5 s."),
    ("consumer", None),
    ("broken_consumer", "broken_consumer:app cannot be imported (exit status 1).\nTraceback"),
])
def test_preflight(host, launcher, monkeypatch, module, fault):
    """As the application's user, which here is whoever runs the test."""
    if os.getuid() != 0:
        real = subprocess.run
        monkeypatch.setattr(subprocess, "run", lambda argv, user, group, extra_groups, check=False, **options: real(argv, check=check, **options))
    asgi = {**PROCESS, "asgi": f"{module}:app", "kind": "asgi", "server": "uvicorn"}
    asgi["health"] = {"path": "/", "status": None, "timeout": 0.5 if module == "slow" else 20}
    host.release(launcher, A, processes={"web": asgi})
    os.makedirs(f"{launcher.paths.release(A)}/.venv/bin")
    os.symlink("/usr/bin/python3", f"{launcher.paths.release(A)}/.venv/bin/python")
    for name, text in {"good": "import os; assert os.environ['HASH']", "bad": "1 / 0", "slow": "import time; time.sleep(9)",
                       "consumer": THREAD, "broken_consumer": f"{THREAD}; 1 / 0"}.items():
        with open(f"{launcher.paths.release(A)}/{name}.py", "w", encoding="utf-8") as file:
            file.write(text)
    if not fault:
        return launcher.checks.imports(A)
    with pytest.raises(HostError) as caught:
        launcher.checks.imports(A)
    assert str(caught.value).startswith(f"release {A} is not healthy: {fault}")


# --- health over real sockets -----------------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    status = [200]
    text = ["all is well"]
    seen = []

    def do_GET(self):
        self.seen.append((self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        self.send_response(self.status[0])
        self.end_headers()
        # The last one goes on.
        self.wfile.write((self.text.pop(0) if len(self.text) > 1 else self.text[0]).encode())

    def log_message(self, *arguments):
        pass

    def address_string(self):
        return ""


@pytest.fixture
def web(host, app, monkeypatch):
    """A web process that answers on the socket of its release."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        monkeypatch.setattr(Handler, "status", [200])
        monkeypatch.setattr(Handler, "seen", [])
        app.paths.run = directory
        os.mkdir(f"{directory}/{A}")
        host.real_health = True
        with socketserver.ThreadingUnixStreamServer(f"{directory}/{A}/web.sock", Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield app
            server.shutdown()


def release_with_health(fake, app, **health):
    web = {**PROCESS, "wsgi": "a:b", "kind": "wsgi", "server": "gunicorn", "health": {"path": "/healthz", "status": None, "timeout": 1, **health}}
    fake.release(app, A, processes={"web": web}, site={"domain": "shop.example.com", "port": 443})
    (fake.systemd.state / "up" / f"pyweb.shop.web.{A}.service").touch()


@pytest.mark.parametrize("status, wanted, well", [
    (200, None, True), (404, None, True), (302, None, True), (500, None, False), (503, None, False), (200, [204], False), (503, [503], True),
])
def test_the_gate_asks_as_nginx_would(host, web, status, wanted, well):
    release_with_health(host, web, status=wanted)
    Handler.status[0] = status
    if well:
        web.checks.ready(A)
    else:
        with pytest.raises(HostError, match=f"^release {A} is not healthy: GET /healthz answers {status}."):
            web.checks.ready(A)
    assert Handler.seen[0] == ("/healthz", "shop.example.com", "https")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_whoever_answers_is_not_silent(host, web, status):
    release_with_health(host, web)
    Handler.status[0] = status
    assert web.checks.answers(A)


def test_a_live_release_that_nobody_answers_for_is_silent(host, app):
    host.real_health = True
    release_with_health(host, app)
    assert not app.checks.answers(A)
    os.makedirs(f"{app.paths.run}/{A}", exist_ok=True)
    host.release(app, B, processes={})
    assert app.checks.answers(B), "files alone need no process"


def test_file_systems_are_synced_once_each(tmp_path, monkeypatch):
    class Library:
        asked = []

        def syncfs(self, handle):
            self.asked.append(os.readlink(f"/proc/self/fd/{handle}"))
            return 0

    monkeypatch.setattr("ctypes.CDLL", lambda *ignored, **options: Library())
    (tmp_path / "a").mkdir()
    files.sync_file_systems([str(tmp_path / "a"), str(tmp_path), str(tmp_path / "gone"), "/proc"])
    assert Library.asked == [str(tmp_path / "a"), "/proc"]


def test_a_disk_that_has_failed_is_no_success(tmp_path, monkeypatch):
    class Library:
        def syncfs(self, handle):
            import ctypes
            ctypes.set_errno(errno.EIO)
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *ignored, **options: Library())
    with pytest.raises(OSError, match="Input/output error"):
        files.sync_file_systems([str(tmp_path)])


def test_the_gate_waits_as_long_as_it_is_told(host, web, monkeypatch):
    """Not ready is no fault before the timeout, however early it is said."""
    release_with_health(host, web, timeout=40)
    clock = [0.0]
    real = time.sleep

    def sleep(seconds):
        clock[0] += 100 * seconds if clock[0] < 25 else 0
        real(0.001)

    monkeypatch.setattr(host.system, "monotonic", lambda: clock[0])
    monkeypatch.setattr(host.system, "sleep", sleep)
    monkeypatch.setattr(host.system, "ask_socket", lambda *ignored: (503 if clock[0] < 25 else 200, ""))
    web.checks.ready(A)
    assert clock[0] >= 25


@pytest.mark.parametrize("answers, health, fault", [
    (["all is well"], {"body": "is well"}, ""),
    (["starting", "all is well"], {"body": "is well", "timeout": 5}, ""),
    (["no database"], {"body": "is well"}, "GET /healthz answers 200 without 'is well'."),
    (["is well"] * 3, {"body": "is well", "successes": 3, "timeout": 5}, ""),
    # What falls back begins anew.
    (["is well", "is well", "no"] + ["is well"] * 3, {"body": "is well", "successes": 3, "timeout": 9}, ""),
    (["is well"], {"successes": 30}, "GET /healthz is answered well "),
])
def test_the_gate_asks_for_a_text_and_several_times(host, web, monkeypatch, answers, health, fault):
    monkeypatch.setattr(Handler, "text", [*answers])
    release_with_health(host, web, host="www.example.com", **health)
    if fault:
        with pytest.raises(HostError) as caught:
            web.checks.ready(A)
        assert str(caught.value).startswith(f"release {A} is not healthy: {fault}")
        assert "successes" not in health or " times in a row and not 30." in str(caught.value)
    else:
        web.checks.ready(A)
        assert len(Handler.seen) == len(answers)
    assert {name for dummy, name, dummy in Handler.seen} == {"www.example.com"}


@pytest.mark.parametrize("text, fault", [("all is well", ""), ("no database", "https://shop.example.com/healthz through nginx answers 200 without 'is well'.")])
def test_the_text_comes_through_nginx_too(host, app, monkeypatch, text, fault):
    release_with_health(host, app, body="is well", host="www.example.com")
    monkeypatch.setattr(host.system, "ask_site", lambda domain, port, path: (200, text))
    host.system.clock = 0.0
    if not fault:
        return host.through_nginx(app.checks, A)
    with pytest.raises(HostError, match=f"but {fault}"):
        host.through_nginx(app.checks, A)


@pytest.mark.parametrize("state, after, well", [("starting", 20.0, True), ("starting", 90.0, False), ("running", 20.0, False)])
def test_nginx_may_come_later_than_the_application_at_boot(host, app, monkeypatch, state, after, well):
    release_with_health(host, app)
    clock = [0.0]

    def ask(*ignored):
        if clock[0] < after:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody listens")
        return 200, ""

    def sleep(seconds):
        clock[0] += seconds

    host.systemd.host(state)
    monkeypatch.setattr(host.system, "ask_site", ask)
    monkeypatch.setattr(host.system, "monotonic", lambda: clock[0])
    monkeypatch.setattr(host.system, "sleep", sleep)
    if well:
        return host.through_nginx(app.checks, A)
    with pytest.raises(HostError, match="nobody listens"):
        host.through_nginx(app.checks, A)
    assert clock[0] < 62.0


def test_the_gate_tells_at_once_of_a_process_that_ended(host, web):
    release_with_health(host, web, timeout=60)
    host.systemd.show(f"pyweb.shop.web.{A}.service", ActiveState="activating", SubState="auto-restart", NRestarts=1, Result="exit-code", ExecMainStatus=3)
    with pytest.raises(HostError, match="its web process ended by itself .exit-code, exit status 3"):
        web.checks.ready(A)


def test_the_gate_tells_of_a_process_that_does_not_listen(host, app):
    host.real_health = True
    release_with_health(host, app, timeout=0.2)
    with pytest.raises(HostError, match="nothing listens on its socket after 0.2 s"):
        app.checks.ready(A)


def test_the_way_through_tls(tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "status", [418])
    monkeypatch.setattr(Handler, "seen", [])
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]), False).sign(key, hashes.SHA256())
    )
    (tmp_path / "pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    names = []
    context.sni_callback = lambda connection, server, dummy: names.append(server)
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert health_http.ask_site("shop.example.com", server.server_port, "/x") == (418, "all is well")
        server.shutdown()
    assert (names, Handler.seen) == (["shop.example.com"], [("/x", "shop.example.com", "https")])


@pytest.mark.parametrize("state, over", [
    ({"NRestarts": "0", "ActiveState": "active", "SubState": "running"}, False),
    ({"NRestarts": "0", "ActiveState": "activating", "SubState": "start"}, False),
    ({"NRestarts": "1", "ActiveState": "active", "SubState": "running"}, True),
    ({"NRestarts": "0", "ActiveState": "failed", "SubState": "failed"}, True),
    ({"NRestarts": "0", "ActiveState": "inactive", "SubState": "dead"}, True),
    ({"NRestarts": "0", "ActiveState": "activating", "SubState": "auto-restart"}, True),
])
def test_ended(host, app, state, over):
    host.systemd.show(f"pyweb.shop.web.{A}.service", **state)
    assert bool(app.processes.systemd.ended(A, "web")) is over


@pytest.mark.parametrize("logged, how", [
    ("x.service: Main process exited, code=killed, status=9/KILL", "terminated by SIGKILL"),
    ("x.service: Main process exited, code=exited, status=7/NOTRUNNING", "exit status 7"),
    ("", "exit status 0"),
])
def test_how_a_process_ended_that_runs_again(host, app, monkeypatch, logged, how):
    shown = "ActiveState=active\nSubState=running\nNRestarts=1\nResult=success\nExecMainStatus=0\n"
    monkeypatch.setattr(host.system, "run", lambda argv: subprocess.CompletedProcess(argv, 0, shown if argv[0] == "systemctl" else logged))
    assert app.processes.systemd.ended(A, "web") == how


# --- one-off commands ---------------------------------------------------------------------------------------------------

def test_a_command_has_the_sandbox_of_the_processes(app):
    argv = app.one_off.argv(A, ["true"], "x.service")
    given = [item.split("=", 1)[1] for item in argv if item.startswith("--property=")]
    unit = unit_text(app.paths, A, "web", PROCESS).splitlines()
    own = {"IgnoreSIGPIPE=no", f"ReadWritePaths={app.paths.shared}"}
    assert set(given) - set(unit) == own, "the processes may write to the directory of their socket, too"
    ours = ("[", "#", "Description", "After", "StartLimit", "Type", "Exec", "Restart", "KillMode", "OOMPolicy", "Timeout", "Syslog", "ReadWritePaths")
    assert [line for line in unit if line and not line.startswith(ours)] == [line for line in given if line not in own]
    assert "--wait" in argv and "--pipe" in argv and "--pty" in app.one_off.argv(A, ["true"], "x.service", terminal=True)


def as_systemd_does(argv):
    """What systemd makes of the arguments of a unit."""
    return [item.replace("$$", "$") for item in argv[argv.index("--") + 1:]]


@pytest.mark.parametrize("arguments", [["a b", "", "it's", '"', "$HOME", "$$", "${X}", "%h", "\\", "l1\nl2", "*", "-x", "--", "ü"], []])
def test_arguments_of_a_command_arrive_byte_for_byte(launcher, arguments):
    show = [sys.executable, "-c", "import sys; sys.stdout.buffer.write('\\0'.join(sys.argv[1:]).encode())"]
    argv = as_systemd_does(launcher.one_off.argv(A, [*show, *arguments], "x.service"))
    assert subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=20).stdout.decode() == "\0".join(arguments)


@pytest.mark.parametrize("command, status", [
    (["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -TERM $$"], 143), (["sh", "-c", "kill -KILL $$"], 137), (["true"], 0),
    (["no-such-command"], 127), (["/etc/passwd"], 126),
])
def test_the_status_of_a_command(launcher, command, status):
    done = subprocess.run(as_systemd_does(launcher.one_off.argv(A, command, "x.service")), stderr=subprocess.PIPE, text=True, check=False, timeout=20)
    assert done.returncode == status and "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_us_is_one_to_the_command(host, launcher, monkeypatch, tmp_path, number):
    """Popen starts what stands in for systemd-run; systemctl kill reaches it by the name of the unit."""
    real = subprocess.Popen
    monkeypatch.setattr(launcher.one_off, "argv", lambda release, argv, unit, terminal: as_systemd_does(["--", *argv]))
    children = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **options: children.append(real(*arguments, **options)) or children[-1])
    told = []

    def kill(argv, timeout=None):
        told.append(argv)
        children[0].send_signal(number)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(host.system, "run", kill)
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
    before = signal.getsignal(number)
    done = launcher.one_off.run(A, ["sleep", "20"])
    assert done.returncode == -number and signal.getsignal(number) == before
    assert told[0][:3] == ["systemctl", "kill", "--kill-whom=all"] and f"--signal={int(number)}" in told[0] and f".{A}.service" in told[0][-1]


@pytest.mark.parametrize("argv, user, said", [
    ([], 0, "shop-run: say what is to run, such as sudo shop-run python manage.py shell."),
    (["true"], 1000, "shop-run: only root may run commands as shop: use sudo shop-run."),
    (["true"], 0, "shop-run: shop has no live release on this host: deploy it first."),
])
def test_what_keeps_a_command_from_being_run_is_one_sentence(app, monkeypatch, capsys, argv, user, said):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert cli.main(["run", "shop", "--", *argv]) == 125
    assert capsys.readouterr().err == said + "\n"


def test_a_command_runs_in_the_live_release(host, launcher, monkeypatch):
    host.release(launcher, A, live=True)
    seen = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(OneOff, "run", lambda one_off, release, argv, terminal: (
        seen.append((one_off.paths.name, release, argv)) or subprocess.CompletedProcess(argv, 42)))
    assert cli.main(["run", "shop", "--", "manage", "--", "-x", ""]) == 42
    assert seen == [("shop", A, ["manage", "--", "-x", ""])]


# --- files alone --------------------------------------------------------------------------------------------------------

def test_a_release_without_processes_is_never_down(host, app):
    host.release(app, A, processes={}, site={"domain": "shop.example.com", "files": True})
    assert app.processes.active(A) and not app.processes.active(B)
    app.processes.start(A, [])
    app.checks.ready(A)
    assert app.processes.running() == set() and os.listdir(host.units) == []


@pytest.mark.parametrize("status, well", [(200, True), (304, True), (404, False), (403, False), (503, False)])
def test_files_are_asked_for_through_nginx(host, app, monkeypatch, status, well):
    host.release(app, A, processes={}, site={"domain": "shop.example.com", "files": True})
    asked = []
    monkeypatch.setattr(host.system, "ask_site", lambda domain, port, path: asked.append((domain, port, path)) or (status, ""))
    host.system.clock = 0.0
    if well:
        host.through_nginx(app.checks, A)
    else:
        with pytest.raises(HostError, match=f"^release {A} is not healthy: https://shop.example.com/ through nginx answers {status}.$"):
            host.through_nginx(app.checks, A)
    assert asked[0] == ("shop.example.com", 443, "/")


@pytest.mark.parametrize("arguments, status", [([], 2), (["restart", "shop"], 2), (["boot"], 2), (["boot", "blog"], 0), (["settle", "shop"], 0)])
def test_the_command_line_of_the_boot_unit(app, arguments, status):
    assert cli.main(arguments) == status


@pytest.mark.parametrize("arguments", [["stop", "shop"], ["stop", "--supervisor"]])
@pytest.mark.parametrize("state, stops", [("running", False), ("stopping", True)])
def test_a_shutdown_does_not_wait_for_a_build(host, app, monkeypatch, arguments, state, stops):
    host.manager = "supervisor" if "--supervisor" in arguments else "systemd"
    host.release(app, A, state="active", live=True)
    app.processes.start(A, ["web"])
    assert host.up() == {A: 1}
    host.systemd.host(state)
    real, clock = time.sleep, iter(range(0, 10**6, 10))
    builds = host.app()
    with builds.lock.hold({"token": "t", "by": "me", "since": "now"}):
        monkeypatch.setattr(host.system, "monotonic", lambda: float(next(clock)))
        monkeypatch.setattr(host.system, "sleep", lambda seconds: real(0))
        assert cli.main(arguments) == (0 if stops else 1)
    assert host.up() == ({} if stops else {A: 1})


def test_the_boot_unit_knows_the_same_backing_services(app):
    variables = (Path(__file__).resolve().parents[4] / "roles/appserver/vars/main.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(variables)["__appserver_backing_services"] == BACKING_SERVICES
    assert f"After=network.target {BACKING_SERVICES}" in unit_text(app.paths, A, "web", PROCESS).splitlines()
