# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks over real sockets and real TLS."""

from __future__ import annotations

import datetime
import errno
import http.server
import ipaddress
import os
import pathlib
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.pyweb.stack.plugins.module_utils._host import http as health_http
from ansible_collections.pyweb.stack.plugins.module_utils._host import identity
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 30, "health": None,
}


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


@pytest.fixture
def certificate(tmp_path):
    """A file with one that nobody trusts, of another name and out of date, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]), False).sign(key, hashes.SHA256())
    )
    (tmp_path / "pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return tmp_path / "pem"


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


@pytest.mark.parametrize("status, remedy", [
    (503, "answers 503. Where its workers become ready one by one, raise processes.web.health.successes.\n"), (500, "answers 500.\n"),
])
def test_another_worker_than_the_one_that_was_asked_may_not_be_ready(host, app, monkeypatch, status, remedy):
    release_with_health(host, app)
    monkeypatch.setattr(host.system, "ask_site", lambda *ignored: (status, ""))
    host.system.clock = 0.0
    with pytest.raises(HostError) as caught:
        host.through_nginx(app.checks, A)
    assert f"https://shop.example.com/healthz through nginx {remedy}" in str(caught.value)


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


@pytest.mark.parametrize("status", [503, 500])
def test_the_gate_says_how_long_it_waited(host, web, status):
    release_with_health(host, web, timeout=0.5)
    Handler.status[0] = status
    with pytest.raises(HostError) as caught:
        web.checks.ready(A)
    assert f": GET /healthz answers {status}. Where it needs longer than 0.5 s, raise processes.web.health.timeout." in str(caught.value)


def test_a_server_that_answers_is_not_asked_by_tls(host, web, monkeypatch):
    """It would log a request that it does not understand, and that line would be shown as the last one."""
    release_with_health(host, web, timeout=0.5)
    Handler.status[0] = 503
    monkeypatch.setattr(host.system, "speaks_tls", lambda path: pytest.fail("it was asked by TLS"))
    with pytest.raises(HostError, match="answers 503"):
        web.checks.ready(A)


class Hangs(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(1)


class Encrypts(socketserver.BaseRequestHandler):
    """As a server that was given a certificate."""

    context = None

    def handle(self):
        try:
            self.context.wrap_socket(self.request, server_side=True).recv(1)
        except OSError:
            self.request.close()


@pytest.mark.parametrize("handler, fault", [
    (Hangs, "GET /healthz gets no answer, its connection is closed. Where it needs longer than 0.5 s"),
    (Encrypts, "its server expects TLS, which ends at nginx: take the certificate and the key out of its command or settings.\n"),
])
def test_the_gate_tells_a_server_that_closes_from_one_that_is_not_there(host, app, monkeypatch, certificate, handler, fault):
    host.real_health = True
    release_with_health(host, app, timeout=0.5)
    Encrypts.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Encrypts.context.load_cert_chain(certificate)
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        app.paths.run = directory
        os.mkdir(f"{directory}/{A}")
        with socketserver.ThreadingUnixStreamServer(f"{directory}/{A}/web.sock", handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            with pytest.raises(HostError) as caught:
                app.checks.ready(A)
            server.shutdown()
    assert f"release {A} is not healthy: {fault}" in str(caught.value)


class Counts(Hangs):
    """Closes at once, and counts."""

    times = []

    def handle(self):
        self.times.append(None)


@pytest.mark.parametrize("handler", [Counts, None])
def test_a_server_that_closes_or_is_not_there_is_not_asked_all_the_time(host, app, monkeypatch, handler):
    """With real sockets, and a clock that only runs while the gate waits: within a minute, once in 0.02 s would be 3,000 times."""
    host.real_health, host.system.clock = True, 0.0
    monkeypatch.setattr(Counts, "times", [])
    looked, ended = [], type(app.processes.manager(A)).ended
    monkeypatch.setattr(type(app.processes.manager(A)), "ended", lambda *arguments: looked.append(None) or ended(*arguments))
    release_with_health(host, app, timeout=60)
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        app.paths.run = directory
        os.mkdir(f"{directory}/{A}")
        with socketserver.UnixStreamServer(f"{directory}/{A}/web.sock", handler or Hangs) as server:
            if handler:
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            else:
                # Its socket stays, and nobody accepts.
                server.server_close()
            with pytest.raises(HostError):
                app.checks.ready(A)
            if handler:
                server.shutdown()
    # In the end, one who closes is asked by TLS as well.
    assert 200 < len(looked) < 320 and len(Counts.times) == (len(looked) + 1 if handler else 0)


@pytest.mark.parametrize("seconds, delay", [(0.05, 0.02), (0.3, 0.02), (1.0, 0.06), (4.0, 0.21), (30.0, 0.25)])
def test_a_start_is_noticed_with_hardly_a_delay(host, app, monkeypatch, seconds, delay):
    host.real_health, host.system.clock = True, 0.0
    monkeypatch.setattr(Handler, "status", [200])
    release_with_health(host, app, timeout=60)
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        app.paths.run = directory
        os.mkdir(f"{directory}/{A}")
        servers = []

        def sleep(pause):
            host.system.clock += pause
            if host.system.clock >= seconds and not servers:
                servers.append(socketserver.ThreadingUnixStreamServer(f"{directory}/{A}/web.sock", Handler))
                threading.Thread(target=servers[0].serve_forever, args=(0.01,), daemon=True).start()

        monkeypatch.setattr(host.system, "sleep", sleep)
        app.checks.ready(A)
        servers[0].shutdown()
        servers[0].server_close()
    assert seconds <= host.system.clock <= seconds + delay + 1e-6


@pytest.mark.parametrize("command, place", [("serve --port 8000", r"\$PORT, which is another port at each start"), ("serve --unix {socket}x", "{socket}")])
def test_where_a_command_has_to_listen(host, app, command, place):
    host.real_health = True
    web = {**PROCESS, "command": command, "kind": "command", "health": {"path": "/", "status": None, "timeout": 0.2}}
    host.release(app, A, processes={"web": web}, site={"domain": "shop.example.com", "port": 443})
    (host.systemd.state / "up" / f"pyweb.shop.web.{A}.service").touch()
    with pytest.raises(HostError, match=f"nothing listens on its socket after 0.2 s; its command has to listen on {place}\\."):
        app.checks.ready(A)


@pytest.mark.parametrize("ends, wait", [(True, 20.0), (False, 60.0)])
def test_workers_that_end_again_and_again_while_they_start(host, web, monkeypatch, ends, wait):
    """sys.exit() at import under gunicorn: the master starts the next worker, for ever. What has ended before this start counts for nothing."""
    clock = [0.0]

    def ask(*ignored):
        clock[0] += 10
        ended = range(100, 110 + int(clock[0]) if ends else 110)
        (host.systemd.state / "journal").write_text("".join(f"[INFO] Worker exiting (pid: {pid})\nDATABASE_URL is not set\n" for pid in ended))
        raise TimeoutError

    release_with_health(host, web, timeout=60)
    monkeypatch.setattr(host.system, "monotonic", lambda: clock[0])
    monkeypatch.setattr(host.system, "ask_socket", ask)
    with pytest.raises(HostError, match="GET /healthz gets no answer" + (", and its workers end as soon as they have begun" if ends else "[.]")) as failed:
        web.checks.ready(A)
    assert clock[0] == wait and "DATABASE_URL is not set" in str(failed.value)


def test_the_way_through_tls(certificate, monkeypatch):
    monkeypatch.setattr(Handler, "status", [418])
    monkeypatch.setattr(Handler, "seen", [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
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


@pytest.mark.parametrize("today, asked", [(None, ["shop.example.com"]), ("new.example.com", ["new.example.com"]), ("", [])])
def test_a_release_is_asked_for_under_the_domain_of_today(host, web, monkeypatch, today, asked):
    """A rollback, a restart and the status look through the nginx that there is, whatever the domain was when the release went live."""
    release_with_health(host, web)
    if today is not None:
        pathlib.Path(web.paths.identity).write_text(identity.note("path shop", [today] if today else [], today))
    names = []
    monkeypatch.setattr(host.system, "ask_site", lambda domain, port, path: names.append(domain) or (200, ""))
    web.checks.ready(A)
    host.through_nginx(web.checks, A)
    assert names == asked and [name for _path, name, _scheme in Handler.seen] == (asked or ["localhost"])
    assert web.checks.visitor(A) == ("" if asked else None) and names == 2 * asked
