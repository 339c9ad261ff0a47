# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load tool has to notice what a visitor would, and nothing else. Judged against a server that counts for itself."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import datetime
import json
import math
import pathlib
import ssl
import subprocess
import sys
import threading
import time

import h2.config
import h2.connection
import h2.events
import pytest
import wsproto
import wsproto.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

import load as load_module  # noqa: E402
from load import Load  # noqa: E402

NAME = "guestbook.example.com"
PAGE = b'<title>Guestbook</title><link rel="stylesheet" href="/static/style.1a2b3c4d.css">'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


class Server:
    """HTTP/1.1 and HTTP/2 with the bad habits that a test asks for.

    `misbehave(number, method, path)` gets the request's number and returns None for a good answer, a status, or one of
    "drop", "truncate", "hang", "close afterwards", "goaway" (this stream is not processed), "reset".
    """

    def __init__(self, folder, misbehave=lambda number, method, path: None):
        self.folder, self.misbehave = folder, misbehave
        self.numbers = collections.Counter()
        self.served = collections.Counter()
        self.names = set()
        self.release = "r1"

    def __enter__(self):
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()

        async def main():
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
            context.set_alpn_protocols(["h2", "http/1.1"])
            context.sni_callback = lambda _socket, name, _context: self.names.add(name)
            server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=context)
            self.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            self.over = asyncio.Event()
            ready.set()
            await self.over.wait()
            server.close()

        def run():
            self.loop.run_until_complete(main())
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0.05))
            self.loop.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        assert ready.wait(5)
        return self

    def __exit__(self, *_error):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()

    def wait(self, number, what="all"):
        """Until so many requests (or what else is counted) have come since the call, however slow the machine is."""
        wanted, deadline = self.numbers[what] + number, time.monotonic() + 60
        while self.numbers[what] < wanted:
            assert time.monotonic() < deadline, self.numbers
            time.sleep(0.05)

    async def connected(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
                await self.serve_h2(reader, writer)
            else:
                await self.serve_h1(reader, writer)
        writer.close()

    def answer(self, method, path):
        number = self.numbers["all"]
        self.numbers["all"] += 1
        habit = self.misbehave(number, method, path)
        if habit is None or habit == "close afterwards":
            self.served[method, path] += 1
        status = habit if isinstance(habit, int) else 303 if method == "POST" else 200
        return habit, status, PAGE if method == "GET" and status == 200 else b"x" * 20

    async def serve_h1(self, reader, writer):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            method, path, _version = head.split("\r\n")[0].split(" ")
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            assert fields["host"] == NAME
            await reader.readexactly(int(fields.get("content-length", 0)))
            habit, status, body = self.answer(method.upper(), path)
            if habit in ("drop", "goaway", "reset"):
                return
            if habit == "hang":
                await asyncio.sleep(3600)
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\nx-release: {self.release}\r\n\r\n".encode())
            writer.write(body[: len(body) // 2] if habit == "truncate" else body)
            await writer.drain()
            if habit in ("truncate", "close afterwards") or fields["connection"] == "close":
                return

    async def serve_h2(self, reader, writer):
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        writer.write(state.data_to_send())
        requests, goaway = {}, None
        while data := await reader.read(65536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    requests[event.stream_id] = dict(event.headers)
                if not isinstance(event, h2.events.StreamEnded) or goaway is not None:
                    continue
                number, request = event.stream_id, requests[event.stream_id]
                assert request[":authority"] == NAME
                habit, status, body = self.answer(request[":method"], request[":path"])
                if habit == "drop":
                    writer.transport.abort()
                    return
                if habit == "goaway":
                    # As a server does that ends a busy connection: what was begun before is still answered.
                    goaway = number - 2
                    writer.write(b"\0\0\x08\7\0\0\0\0\0" + goaway.to_bytes(4) + (0).to_bytes(4))
                elif habit == "reset":
                    state.reset_stream(number)
                elif habit != "hang":
                    state.send_headers(number, [(":status", str(status)), ("x-release", self.release), ("content-length", str(len(body)))])
                    state.send_data(number, body[: len(body) // 2] if habit == "truncate" else body, end_stream=habit != "truncate")
                    if habit == "truncate":
                        writer.write(state.data_to_send())
                        await writer.drain()
                        return
            writer.write(state.data_to_send())
            await writer.drain()


def every(times, habit):
    return lambda number, method, path: habit if number % times == times - 1 else None


def drive(server, **options):
    options = {"get": {"/": "<title>Guestbook"}, "post": {"/applause": {"a": "ü&="}}, "count": 200, "rate": 0, "timeout": 5, **options}
    with Load(f"https://{NAME}", connect=server.address, **options) as load:
        pass
    return load.result


def test_counts_what_a_good_server_has_served(certificate):
    with Server(certificate) as server:
        result = drive(server, count=1000)
    assert result.failed == 0, result.summary()
    assert result.requests >= 1000
    assert result.count(method="GET") == server.served["GET", "/"]
    assert result.count(method="POST") == server.served["POST", "/applause"]
    for kind in load_module.KINDS:
        assert result.count(kind, "GET") > 50 and result.count(kind, "POST") > 15
    assert server.names == {NAME}
    assert result.statuses.keys() == {200, 303}
    assert 0 < result.percentile(50) <= result.percentile(99) <= result.percentile(100) < 5


def test_kept_connections_are_kept_and_replaced_in_time(certificate):
    with Server(certificate) as server:
        for kind in ("h1", "h2"):
            result = drive(server, count=load_module.ROTATE * 4, kinds=[kind], workers=1)
            assert result.failed == 0 and 4 <= result.connections <= 6
            result = drive(server, count=50, kinds=[f"{kind}-new"], workers=1)
            assert result.failed == 0 and result.connections == result.requests


def test_tells_releases_apart_and_when_they_answered(certificate):
    with Server(certificate) as server:
        with Load(f"https://{NAME}", connect=server.address, rate=400) as load:
            server.wait(40)
            switched = time.time()
            server.release = "r2"
            server.wait(40)
    old, new = load.result.releases["r1"], load.result.releases["r2"]
    assert old.requests + new.requests == load.result.requests
    assert old.first < old.last and switched <= new.first <= new.last
    assert "release r2 answered" in load.result.summary()


@pytest.mark.parametrize("kind", ["h1", "h1-new", "h2", "h2-new"])
@pytest.mark.parametrize(
    "habit, reason",
    [
        ("drop", "closed|reset|EOF|Connection"),
        ("truncate", "closed|peer|Body|EOF|Connection"),
        ("hang", "no complete answer in time"),
        (500, "status 500"),
        (502, "status 502"),
        (404, "status 404"),
    ],
)
def test_notices_every_failure(certificate, kind, habit, reason):
    with Server(certificate, every(10, habit)) as server:
        result = drive(server, kinds=[kind], count=30, workers=1, timeout=1.5 if habit == "hang" else 10)
    misbehaved = server.numbers["all"] - sum(server.served.values())
    assert misbehaved >= 3
    assert result.failed == misbehaved, result.summary()
    assert result.requests == server.numbers["all"]
    assert all(any(part in failure for part in reason.split("|")) for failure in result.reasons), result.reasons


def test_notices_a_stream_that_is_reset(certificate):
    with Server(certificate, every(10, "reset")) as server:
        result = drive(server, kinds=["h2"], count=100)
    assert result.failed >= 10 and "stream reset" in result.summary()


def test_a_drop_fails_all_requests_under_way_on_the_connection(certificate):
    with Server(certificate, every(50, "drop")) as server:
        result = drive(server, kinds=["h2"], count=200, workers=6)
    assert result.failed >= 4
    assert result.requests - result.failed <= sum(server.served.values())


def test_notices_a_wrong_page(certificate):
    with Server(certificate) as server:
        result = drive(server, get={"/": "another page"}, count=40)
    assert result.failed == result.count(method="GET") > 0
    assert "'another page' is not on the page" in result.summary()


def test_follows_the_assets_of_a_page(certificate):
    with Server(certificate, lambda number, method, path: 404 if path.startswith("/static/") else None) as server:
        result = drive(server, assets=True, count=40)
    assert result.failed > 10 and {failure.path for failure in result.failures} == {"/static/style.1a2b3c4d.css"}


def test_notices_that_nobody_is_there(certificate):
    with Server(certificate) as server:
        address = server.address
    with Load(f"https://{NAME}", connect=address, count=8) as load:
        pass
    assert load.result.failed == load.result.requests >= 8
    assert load.result.reasons.keys() == {"connection refused"}


def test_does_not_blame_a_server_that_closes_an_idle_connection(certificate):
    async def two_requests(load):
        kept, first = await load._send_h1(load.gets[0], None, keep=True)
        await asyncio.wait_for(kept.reader.read(), 5)  # until the server has closed it
        kept, second = await load._send_h1(load.gets[0], kept, keep=True)
        kept.close()
        return first.status, second.status

    with Server(certificate, lambda number, method, path: "close afterwards") as server:
        load = Load(f"https://{NAME}", connect=server.address)
        assert asyncio.run(two_requests(load)) == (200, 200)
    assert load.result.connections == 2


def test_does_not_blame_a_goaway_and_sends_nothing_twice(certificate):
    with Server(certificate, every(20, "goaway")) as server:
        result = drive(server, kinds=["h2"], count=300, workers=4)
    assert result.failed == 0, result.summary()
    assert result.retried >= 10
    assert result.count(method="POST") == server.served["POST", "/applause"]


def _drops_pages_on_kept_connections(number, method, path):
    return "drop" if method == "GET" and number % 10 == 9 else None


def test_where_nginx_is_reloaded_a_page_is_asked_for_again_once(certificate):
    with Server(certificate, _drops_pages_on_kept_connections) as server:
        result = drive(server, kinds=["h1"], count=100, workers=1, reloads=True)
    assert result.failed == 0, result.summary()
    assert result.retried == server.numbers["all"] - sum(server.served.values()) >= 3


@pytest.mark.parametrize("kind, methods", [("h1", ["POST"]), ("h1-new", ["GET", "POST"])])
def test_a_form_and_a_first_request_are_never_sent_again(certificate, kind, methods):
    with Server(certificate, lambda number, method, path: "drop" if number % 10 == 9 and method in methods else None) as server:
        result = drive(server, kinds=[kind], count=60, workers=1, reloads=True)
    assert result.retried == 0
    assert result.failed == server.numbers["all"] - sum(server.served.values()) >= 3, result.summary()


def test_verifies_the_certificate_only_when_asked(certificate, tmp_path):
    with Server(certificate) as server:
        assert drive(server, count=8, cafile=str(certificate / "cert.pem")).failed == 0
        with Load("https://other.example.com", connect=server.address, count=8, cafile=str(certificate / "cert.pem")) as load:
            pass
        assert load.result.failed == load.result.requests and "CERTIFICATE_VERIFY_FAILED" in load.result.summary()


def test_an_error_in_the_block_ends_the_load_at_once(certificate):
    with Server(certificate) as server:
        begin = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            with Load(f"https://{NAME}", connect=server.address, count=1_000_000):
                raise ZeroDivisionError
        assert time.monotonic() - begin < 60


def test_command_line_ends_by_file_and_tells_by_its_exit_status(certificate, tmp_path):
    command = [sys.executable, load_module.__file__, f"https://{NAME}", "--get", "/", "<title>Guestbook", "--post", "/applause", "a=b"]
    with Server(certificate, lambda number, method, path: 503 if server.release == "bad" else None) as server:
        command += ["--connect", server.address]
        stop = tmp_path / "stop"
        process = subprocess.Popen([*command, "--until", str(stop), "--json", str(tmp_path / "result")], stdout=subprocess.PIPE, text=True)
        server.wait(60)
        assert process.poll() is None
        stop.touch()
        summary = process.communicate(timeout=60)[0]
        assert process.returncode == 0 and " 0 failed" in summary
        figures = json.loads((tmp_path / "result").read_text())
        assert figures["failed"] == 0 and figures["requests"] >= 50 and figures["releases"]["r1"]["requests"] == figures["requests"]

        server.release = "bad"
        bad = subprocess.run([*command, "--count", "20", "--json", "-"], stdout=subprocess.PIPE, text=True, check=False)
        assert bad.returncode == 1 and json.loads(bad.stdout)["reasons"] == {"status 503": json.loads(bad.stdout)["requests"]}

        process = subprocess.Popen([*command, "--seconds", "60"], stdout=subprocess.PIPE, text=True)
        server.wait(10)
        process.terminate()
        assert "requests in" in process.communicate(timeout=60)[0]


def test_arrivals_begin_in_their_time_and_what_waits_is_noticed(certificate):
    slow = load_module.Request("GET", "/slow", wait=0.3)
    with Server(certificate, lambda number, method, path: time.sleep(0.3) if path == "/slow" else None) as server:
        with Load(f"https://{NAME}", connect=server.address, requests=[load_module.Request("GET", "/")] * 49 + [slow], arrivals=True, rate=100) as load:
            server.wait(200)
    result = load.result
    assert result.failed == 0, result.summary()
    assert result.requests >= 100 and all(result.count(kind) for kind in load_module.KINDS)
    # The server sleeps as a whole: what came meanwhile has waited for it.
    due = sorted(sample.due for sample in result.samples)
    assert len([sample for sample in result.samples if sample.latency > 0.1]) > 5
    assert math.isnan(result.percentile(100, [(0, due[0])]))
    assert result.percentile(100, [(due[0], due[-1] + 1)]) == result.percentile(100)


@pytest.mark.parametrize("code", [1012, None])
def test_sockets_tell_how_they_were_ended(certificate, code):
    """The server ends each WebSocket after two messages and an answer to its ping, with a close frame or without."""

    async def talk(self, reader, writer):
        state = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        messages, answered = 0, False
        while data := await reader.read(65536):
            state.receive_data(data)
            for event in state.events():
                if isinstance(event, wsproto.events.Request):
                    writer.write(state.send(wsproto.events.AcceptConnection()))
                elif isinstance(event, wsproto.events.TextMessage):
                    messages += 1
                    writer.write(state.send(wsproto.events.TextMessage(data=f"{self.release} {event.data}")))
                    writer.write(state.send(wsproto.events.Ping(payload=b"still there")) if messages == 2 else b"")
                elif isinstance(event, wsproto.events.Pong):
                    answered = bytes(event.payload) == b"still there"
            if answered:
                if code:
                    writer.write(state.send(wsproto.events.CloseConnection(code=code)))
                    await writer.drain()
                server.numbers["sockets"] += 1
                return

    with Server(certificate) as server:
        server.serve_h1 = talk.__get__(server)
        with Load(f"https://{NAME}", connect=server.address, kinds=["h2"], sockets=("/ws", 2), rate=50) as load:
            server.wait(3, "sockets")
    assert load.result.failed == 0 and load.result.messages >= 4, load.result.summary()
    assert len(load.result.sockets) >= 2
    assert {(socket.release, socket.code, socket.messages) for socket in load.result.sockets} == {("r1", code, 2)}
    assert f"x {code or 'no close frame'}" in load.result.summary()


def test_a_site_without_websockets_fails(certificate):
    with Server(certificate, every(1, 403)) as server:
        with Load(f"https://{NAME}", connect=server.address, kinds=[], sockets=("/ws", 1)) as load:
            server.wait(2)
    assert load.result.failed and "no WebSocket, status 403" in load.result.summary()


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ([f"https://{NAME}"], "say when to end"),
        (["guestbook", "--count", "1"], "url is 'guestbook'; it has to be https://NAME"),
        (["https://a.example/page", "--count", "1"], "without a path"),
    ],
)
def test_command_line_says_what_is_wrong(arguments, sentence, capsys):
    with pytest.raises(SystemExit, match="2"):
        load_module.main(arguments)
    assert sentence in capsys.readouterr().err
