# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units, sandboxes, and the commands of servers."""

from __future__ import annotations

import asyncio
import os
import sys
import types
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.module_utils._host import servers
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sandbox import sandbox as sandbox_lines
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import BACKING_SERVICES, unit_text

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 30, "health": None,
}


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
    ({}, ["LimitNOFILE=65536", "MemoryDenyWriteExecute=yes", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
     ["MemoryMax", "MemorySwapMax", "CPUQuota", "TasksMax", "PrivateNetwork", "IPAddress"]),
    ({"memory": "512M", "cpu": "150%", "tasks": 20, "files": 99}, ["MemoryMax=512M", "MemorySwapMax=0", "CPUQuota=150%", "TasksMax=20", "LimitNOFILE=99"], []),
    ({"jit": True}, [], ["MemoryDenyWriteExecute"]),
    ({"devices": ["/dev/ttyUSB0", "char-alsa"]}, ["DevicePolicy=closed", "DeviceAllow=/dev/ttyUSB0 rw", "DeviceAllow=char-alsa rw"], ["PrivateDevices"]),
    ({"server": None, "command": "gunicorn --bind unix:{socket} shop", "health": {"path": "/"}}, ["SystemCallFilter=@chown"], ["@setuid"]),
    ({"server": None, "command": "serve --port $PORT", "health": {"path": "/"}}, [], ["SystemCallFilter=@chown", "@setuid"]),
    ({"server": None, "command": "work {socket}"}, [], ["SystemCallFilter=@chown", "@setuid"]),
    ({"server": "gunicorn", "health": {"path": "/"}}, [], ["SystemCallFilter=@chown", "@setuid"]),
    ({"network": "local"}, ["IPAddressDeny=any", "IPAddressAllow=localhost", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
     ["PrivateNetwork"]),
    ({"network": "no"}, ["IPAddressDeny=any", "PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"], ["IPAddressAllow"]),
    ({"network": "no", "server": None, "command": "x $PORT", "health": {"path": "/"}},
     ["PrivateNetwork=yes", "IPAddressAllow=localhost", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"], []),
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
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "worker_class": "sync", "timeout": 300}, ["--worker-class", "sync", "--timeout", "300"]),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn"}, ["--worker-class", "gthread", "--timeout", "60"]),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "health": {"timeout": 20}}, ["--timeout", "60"]),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "health": {"timeout": 180}}, ["--timeout", "180"]),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "health": {"timeout": 180}, "timeout": 30}, ["--timeout", "30"]),
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


@pytest.mark.parametrize("version, process, line", [
    ("20.1.0", {"command": "gunicorn --bind unix:{socket} shop", "health": {"path": "/"}}, "SystemCallFilter=@chown @setuid"),
    ("20.1.0", {"command": "gunicorn shop --bind :$PORT", "health": {"path": "/"}}, "SystemCallFilter=@setuid"),
    ("20.1.0", {"command": "work"}, None), ("21.0.0", {"command": "gunicorn shop --bind :$PORT", "health": {"path": "/"}}, None),
])
def test_an_old_gunicorn_in_a_command_may_become_the_user_that_it_is(app, version, process, line):
    os.makedirs(f"{app.paths.release(A)}/.venv/lib/python3.11/site-packages/gunicorn-{version}.dist-info")
    filters = [found for found in sandbox_lines(app.paths, A, {"server": None, **process}).splitlines() if found.startswith("SystemCallFilter=@")]
    assert filters == ["SystemCallFilter=@system-service", *([line] if line else [])]


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
    process = {**PROCESS, **process, "address": "127.0.0.1:8000"}
    argv = servers.command(app.paths, A, process)
    rest = iter(argv)
    assert all(item in rest for item in expected)
    # Nor would it keep the release to itself.
    assert A not in " ".join(argv[1:]).replace(app.paths.meta(A), "")
    assert f"pyweb/{A}" not in (servers.gunicorn_settings(app.paths, A, process) or "")


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
    argv = servers.command(app.paths, A, web)
    assert "exec(" not in servers.gunicorn_settings(app.paths, A, web) and argv[argv.index("--worker-class") + 1] == "gthread"


def settled(app, kind):
    """What a worker of gunicorn is told, with an application that says who asks."""
    space = {}
    exec(servers.gunicorn_settings(app.paths, A, {**PROCESS, kind: "shop:app", "kind": kind, "server": "gunicorn"}), space)  # pylint: disable=exec-used
    return space["post_worker_init"]


@pytest.mark.parametrize("environ, address", [
    ({"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}, "192.0.2.7"),
    ({"HTTP_X_FORWARDED_FOR": "6.6.6.6, 2001:db8::7"}, "2001:db8::7"),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}, "127.0.0.1"),
    ({"REMOTE_ADDR": ""}, ""),
])
def test_a_wsgi_application_is_told_the_visitors_address(app, environ, address):
    worker = worker_of("gunicorn.workers.gthread")(wsgi=lambda environ, start_response: [environ["REMOTE_ADDR"].encode()])
    settled(app, "wsgi")(worker)
    assert worker.wsgi(environ, None) == [address.encode()]


def worker_of(module):
    return type("Worker", (types.SimpleNamespace,), {"__module__": module})


@pytest.mark.parametrize("module, served", [
    ("gunicorn.workers.sync", True), ("gunicorn.workers.base_async", True), ("uvicorn.workers", False), ("aiohttp.worker", False),
    ("gunicorn.workers.gtornado", False),
])
def test_workers_of_others_get_their_application_as_it_is(app, module, served):
    def application(environ, start_response):
        return []

    worker = type("Own", (worker_of(module),), {"__module__": "shop.workers"})(wsgi=application)
    settled(app, "wsgi")(worker)
    assert (worker.wsgi is not application) is served


@pytest.mark.parametrize("client, headers, told", [
    (None, [(b"x-forwarded-for", b"192.0.2.7")], ("192.0.2.7", 0)),
    (("", 0), [(b"X-Forwarded-For", b"6.6.6.6, 2001:db8::7")], ("2001:db8::7", 0)),
    (("127.0.0.1", 5), [(b"x-forwarded-for", b"192.0.2.7")], ("127.0.0.1", 5)),
    (None, [], None),
])
def test_an_asgi_application_is_told_the_visitors_address(app, client, headers, told):
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["client"])

    async def main():
        worker = types.SimpleNamespace(asgi=application, alive=False, loop=asyncio.get_running_loop())
        settled(app, "asgi")(worker)
        await worker.asgi({"type": "http", "client": client, "headers": headers}, None, None)
        await worker.pyweb_close

    asyncio.run(main())
    assert seen == [told]


@pytest.mark.parametrize("version, patched", [((20, 1, 0), True), ((21, 2, 0), False), ((27, 0, 1), False)])
def test_an_old_gunicorn_does_not_ask_to_become_the_user_that_it_is(app, monkeypatch, version, patched):
    def become(uid, gid, initgroups=False):
        raise PermissionError

    util, wsgi, called = types.SimpleNamespace(set_owner_process=become), types.SimpleNamespace(SERVER="gunicorn"), []
    monkeypatch.setitem(sys.modules, "gunicorn", types.SimpleNamespace(util=util, version_info=version))
    monkeypatch.setitem(sys.modules, "gunicorn.http", types.SimpleNamespace(wsgi=wsgi))
    space = {"post_fork": lambda server, worker: called.append((server, worker))}
    exec(servers.gunicorn_settings(app.paths, A, {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn"}), space)  # pylint: disable=exec-used
    space["post_fork"]("server", "worker")
    # The source's own hook runs as well.
    assert called == [("server", "worker")] and (util.set_owner_process is not become) is patched
    assert wsgi.SERVER == f"pyweb/{A}"
    if patched:
        util.set_owner_process(1, 1, initgroups=True)


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


def test_the_boot_unit_knows_the_same_backing_services(app):
    variables = (Path(__file__).resolve().parents[5] / "roles/appserver/vars/main.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(variables)["__appserver_backing_services"] == BACKING_SERVICES
    assert f"After=network.target {BACKING_SERVICES}" in unit_text(app.paths, A, "web", PROCESS).splitlines()
