# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drive a site while something happens to it, and tell whether any visitor would have noticed.

    load.py https://guestbook.example.com --connect 172.17.0.2 --get / Guestbook --post /applause --count 1000

Four kinds of visitors come at once: HTTP/1.1 and HTTP/2, each on connections that they keep and on a new one for every
request. Each asks for pages (GET) and sends forms (POST). A request has failed if there was no complete answer in time,
or its status is not what a visitor expects (200 for GET, 2xx or 3xx for POST), or the expected text is not on the page.
Nothing is ever sent twice, with the one exception that every HTTP/2 client makes: a request that the server's GOAWAY
names as not processed goes out again on another connection, and is counted as `retried`.

As a rule a visitor asks again when it has its answer. With --arrivals requests begin at a constant rate whether or not
others are answered, and take as long as from the moment at which they should have begun: what has to wait is noticed.
--sockets keeps some WebSockets open besides, on each of which a message has to come back every second.

The end comes when everything asked for is reached: --count requests, --seconds, the file named by --until; or at SIGTERM
and SIGINT. The exit status is 0 if there were requests and none failed.

As a Python API:

    with Load("https://guestbook.example.com", connect="172.17.0.2", get={"/": "Guestbook"}, count=1000) as load:
        deploy()
    assert load.result.failed == 0, load.result.summary()
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import itertools
import json
import math
import os
import pathlib
import re
import signal
import ssl
import sys
import threading
import time
import typing
import urllib.parse

import h11
import h2.config
import h2.connection
import h2.events
import h2.settings
import wsproto
import wsproto.events

KINDS = {
    "h1": "HTTP/1.1, kept connections",
    "h1-new": "HTTP/1.1, new connections",
    "h2": "HTTP/2, kept connections",
    "h2-new": "HTTP/2, new connections",
}
# A busy connection is replaced before nginx ends it (keepalive_requests is 1000 by default, 100 in old versions).
ROTATE = 90
POST_EVERY = 4
ASSET = re.compile(rb"""(?:href|src)=["'](/[^"'?#]+\.(?:css|js|svg|png|woff2))["']""")


class Failed(Exception):
    """A visitor would have noticed."""


class NotProcessed(Exception):
    """The server has said that it did not begin with this request: sending it again is safe."""


@dataclasses.dataclass
class Request:
    method: str
    path: str
    body: bytes = b""
    expect: bytes = b""
    # Seconds that the application takes by itself: they are no latency.
    wait: float = 0


@dataclasses.dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    # When its first line was there.
    began: float = 0


class Sample(typing.NamedTuple):
    """One answered request, in seconds since the epoch."""

    due: float
    latency: float
    release: str
    answered: float


@dataclasses.dataclass
class Socket:
    """One WebSocket that the server has ended; code is that of its close frame, None where there was none."""

    release: str
    opened: float
    ended: float
    code: int | None
    messages: int


@dataclasses.dataclass
class Release:
    """When a release answered, in seconds since the epoch."""

    requests: int = 0
    first: float = math.inf
    last: float = -math.inf


@dataclasses.dataclass
class Failure:
    time: float
    kind: str
    method: str
    path: str
    reason: str
    release: str


class Result:
    """What has happened so far."""

    def __init__(self) -> None:
        self.started = time.time()
        self.ended: float | None = None
        self.failed = 0
        self.retried = 0
        self.connections = 0
        self.samples: list[Sample] = []
        self.sockets: list[Socket] = []
        self.messages = 0
        self.failures: list[Failure] = []
        self.reasons: collections.Counter[str] = collections.Counter()
        self.kinds: collections.Counter[tuple[str, str]] = collections.Counter()
        self.statuses: collections.Counter[int] = collections.Counter()
        self.releases: dict[str, Release] = {}

    @property
    def requests(self) -> int:
        return sum(self.kinds.values())

    @property
    def seconds(self) -> float:
        return (self.ended or time.time()) - self.started

    def count(self, kind: str = "", method: str = "") -> int:
        """Requests of one kind (`h1`, `h1-new`, `h2`, `h2-new`; default all) and one method (default all)."""
        return sum(n for (k, m), n in self.kinds.items() if kind in ("", k) and method in ("", m))

    def percentile(self, percent: float, windows: typing.Iterable[tuple[float, float]] | None = None) -> float:
        """Seconds within which that many percent of the answered requests were complete, of those that were due in one of the windows."""
        within = None if windows is None else list(windows)
        ordered = sorted(
            sample.latency for sample in self.samples if within is None or any(since <= sample.due < until for since, until in within)
        )
        if not ordered:
            return math.nan
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    def as_dict(self) -> dict[str, typing.Any]:
        milliseconds = {f"p{p}": round(self.percentile(p) * 1000, 1) for p in (50, 90, 99, 100)} if self.samples else {}
        return {
            "requests": self.requests,
            "failed": self.failed,
            "retried": self.retried,
            "connections": self.connections,
            "seconds": round(self.seconds, 2),
            "per_second": round(self.requests / self.seconds, 1) if self.seconds else 0,
            "started": self.started,
            "milliseconds": milliseconds,
            "kinds": {f"{kind} {method}": n for (kind, method), n in sorted(self.kinds.items())},
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "releases": {name: dataclasses.asdict(release) for name, release in self.releases.items()},
            "messages": self.messages,
            "sockets": [dataclasses.asdict(socket) for socket in self.sockets],
            "reasons": dict(self.reasons.most_common()),
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
        }

    def summary(self) -> str:
        lines = [
            f"{self.requests:,} requests in {self.seconds:.1f} s, {self.failed:,} failed",
            f"  {self.count(method='GET'):,} GET, {self.count(method='POST'):,} POST; "
            + "; ".join(f"{text}: {self.count(kind):,}" for kind, text in KINDS.items() if self.count(kind)),
        ]
        if self.samples:
            p50, p99, longest = (self.percentile(p) * 1000 for p in (50, 99, 100))
            lines.append(f"  half were answered within {p50:.0f} ms, 99% within {p99:.0f} ms, the slowest took {longest:.0f} ms")
        for name, release in sorted(self.releases.items(), key=lambda item: item[1].first):
            since, until = release.first - self.started, release.last - self.started
            lines.append(f"  release {name} answered {release.requests:,} of them, from second {since:.1f} to {until:.1f}")
        if self.messages:
            codes = collections.Counter(str(socket.code or "no close frame") for socket in self.sockets)
            ended = ", ".join(f"{times} x {code}" for code, times in codes.items())
            lines.append(f"  {self.messages:,} messages came back on WebSockets; ended by the server: {ended or 'none'}")
        if self.retried:
            lines.append(f"  {self.retried:,} sent again after a GOAWAY that named them as not processed")
        for reason, times in self.reasons.most_common(10):
            lines.append(f"  FAILED {times:,} x {reason}")
        for failure in self.failures[:5]:
            at = failure.time - self.started
            lines.append(f"    second {at:.2f}: {failure.method} {failure.path} ({KINDS.get(failure.kind, failure.kind)}) {failure.reason}")
        return "\n".join(lines)


class Site:
    """Where to connect, and what to call it."""

    def __init__(self, url: str, connect: str | None, cafile: str | None, timeout: float) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"url is {url!r}; it has to be https://NAME or http://NAME, without a path")
        self.scheme = parts.scheme
        self.name = parts.hostname
        self.authority = parts.netloc
        self.timeout = timeout
        host, port = self.name, parts.port or (443 if parts.scheme == "https" else 80)
        if connect:
            host, colon, given = connect.rpartition(":") if connect.count(":") == 1 else (connect, "", "")
            port = int(given) if colon else port
        self.address = (host, port)
        self.cafile = cafile
        self._contexts = {protocol: self._context(protocol) for protocol in ("http/1.1", "h2")}

    def _context(self, protocol: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.cafile)
        if self.cafile is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        return context

    async def open(self, protocol: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.scheme == "http":
            return await asyncio.open_connection(*self.address)
        reader, writer = await asyncio.open_connection(
            *self.address, ssl=self._contexts[protocol], server_hostname=self.name, ssl_handshake_timeout=self.timeout
        )
        if protocol == "h2" and writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            writer.close()
            raise Failed("the server does not speak HTTP/2")
        return reader, writer


class H1:
    """One HTTP/1.1 connection."""

    def __init__(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.site, self.reader, self.writer = site, reader, writer
        self.state = h11.Connection(h11.CLIENT)
        self.left = ROTATE

    @classmethod
    async def open(cls, site: Site) -> H1:
        return cls(site, *await site.open("http/1.1"))

    @property
    def usable(self) -> bool:
        return self.left > 0 and not self.reader.at_eof() and self.state.our_state is h11.IDLE

    async def request(self, request: Request, headers: list[tuple[str, str]], keep: bool) -> Response:
        self.left -= 1
        headers = [("host", self.site.authority), *headers, ("connection", "keep-alive" if keep else "close")]
        head = h11.Request(method=request.method, target=request.path, headers=headers)
        self.writer.write(
            self.state.send(head)
            + (self.state.send(h11.Data(data=request.body)) if request.body else b"")
            + self.state.send(h11.EndOfMessage())
        )
        await self.writer.drain()
        response, body, began = None, [], 0.0
        while True:
            event = self.state.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(65536)
                if not data and response is None:
                    raise Failed("closed without an answer")
                self.state.receive_data(data)
            elif isinstance(event, h11.Response):
                response, began = event, time.time()
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise Failed("closed without an answer")
        if self.state.our_state is h11.DONE and self.state.their_state is h11.DONE:
            self.state.start_next_cycle()
        found = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        return Response(response.status_code, found, b"".join(body), began)

    def close(self) -> None:
        self.writer.close()


@dataclasses.dataclass
class Stream:
    done: asyncio.Future[None]
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: list[bytes] = dataclasses.field(default_factory=list)
    began: float = 0


class H2:
    """One HTTP/2 connection; several requests may be under way on it."""

    GOAWAY = 7

    def __init__(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.site, self.reader, self.writer = site, reader, writer
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.state.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: 0, h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**24}
        )
        self.state.initiate_connection()
        self.state.increment_flow_control_window(2**24)
        self.streams: dict[int, Stream] = {}
        self.left = ROTATE
        self.gone = False
        self.window = asyncio.Event()
        self._flush()
        self.task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, site: Site) -> H2:
        return cls(site, *await site.open("h2"))

    @property
    def usable(self) -> bool:
        return self.left > 0 and not self.gone

    def _flush(self) -> None:
        if data := self.state.data_to_send():
            self.writer.write(data)

    async def _read(self) -> None:
        buffer, reason = b"", "closed without an answer"
        try:
            while data := await self.reader.read(65536):
                buffer += data
                while len(buffer) >= 9 and len(buffer) >= (end := 9 + int.from_bytes(buffer[:3])):
                    frame, buffer = buffer[:end], buffer[end:]
                    if frame[3] == self.GOAWAY:
                        # Not for h2: it would refuse the answers that still follow.
                        self._leave(int.from_bytes(frame[9:13]) & 0x7FFFFFFF)
                        continue
                    for event in self.state.receive_data(frame):
                        self._handle(event)
                self._flush()
        except Exception as error:
            reason = describe(error)
        self.gone = True
        for number in list(self.streams):
            self._finish(number, Failed(reason))

    def _leave(self, last: int) -> None:
        self.gone = True
        for number in [number for number in self.streams if number > last]:
            self._finish(number, NotProcessed())

    def _finish(self, number: int, error: Exception | None = None) -> None:
        stream = self.streams.pop(number, None)
        if stream is None or stream.done.done():
            return
        if error is None:
            stream.done.set_result(None)
        else:
            stream.done.set_exception(error)

    def _handle(self, event: h2.events.Event) -> None:
        number = getattr(event, "stream_id", None)
        stream = self.streams.get(number)
        if isinstance(event, h2.events.ResponseReceived) and stream:
            stream.headers, stream.began = dict(event.headers), time.time()
        elif isinstance(event, h2.events.DataReceived):
            self.state.acknowledge_received_data(event.flow_controlled_length, number)
            if stream:
                stream.body.append(event.data)
        elif isinstance(event, h2.events.StreamEnded):
            self._finish(number)
        elif isinstance(event, h2.events.StreamReset):
            self._finish(number, Failed(f"stream reset by the server, code {int(event.error_code)}"))
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.window.set()

    async def request(self, request: Request, headers: list[tuple[str, str]], keep: bool) -> Response:
        self.left -= 1 if keep else self.left
        number = self.state.get_next_available_stream_id()
        stream = self.streams[number] = Stream(asyncio.get_running_loop().create_future())
        pseudo = {":method": request.method, ":scheme": self.site.scheme, ":authority": self.site.authority, ":path": request.path}
        try:
            self.state.send_headers(number, [*pseudo.items(), *headers], end_stream=not request.body)
            rest = request.body
            while rest:
                size = min(len(rest), self.state.local_flow_control_window(number), self.state.max_outbound_frame_size)
                if size:
                    self.state.send_data(number, rest[:size], end_stream=size == len(rest))
                    rest = rest[size:]
                self._flush()
                if rest:
                    self.window.clear()
                    await self.window.wait()
            self._flush()
            await stream.done
        finally:
            self.streams.pop(number, None)
            if not self.usable and not self.streams:
                self.close()
        return Response(int(stream.headers[":status"]), stream.headers, b"".join(stream.body), stream.began)

    def close(self) -> None:
        self.gone = True
        self.task.cancel()
        self.writer.close()


def describe(error: BaseException) -> str:
    if isinstance(error, Failed):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no complete answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return f"{type(error).__name__}: {error}".rstrip(": ")


class Load:
    """See the module's description. `get` maps paths to a text expected there (or None), `post` paths to form fields.

    In their place C(requests) is what is asked one after the other. C(sockets) is a path and how many WebSockets are open there.
    """

    def __init__(
        self,
        url: str,
        *,
        connect: str | None = None,
        get: typing.Mapping[str, str | None] | None = None,
        post: typing.Mapping[str, typing.Mapping[str, str]] | None = None,
        requests: typing.Iterable[Request] | None = None,
        sockets: tuple[str, int] | None = None,
        arrivals: bool = False,
        assets: bool = False,
        kinds: typing.Iterable[str] | None = None,
        workers: int = 2,
        rate: float = 200,
        count: int = 0,
        seconds: float = 0,
        until: str | None = None,
        timeout: float = 30,
        release_header: str = "x-release",
        cafile: str | None = None,
    ) -> None:
        self.site = Site(url, connect, cafile, timeout)
        self.gets = [Request("GET", path, expect=(text or "").encode()) for path, text in (get or {"/": None}).items()]
        self.posts = [Request("POST", path, urllib.parse.urlencode(fields).encode()) for path, fields in (post or {}).items()]
        self.mix = list(requests or [])
        self.sockets, self.arrivals, self.assets = sockets, arrivals, assets
        if arrivals and not rate:
            raise ValueError("rate is 0; arrivals need one")
        if kinds is None:
            kinds = [kind for kind in KINDS if self.site.scheme == "https" or kind.startswith("h1")]
        self.kinds = list(kinds)
        if unknown := [kind for kind in self.kinds if kind not in KINDS]:
            raise ValueError(f"kinds has {unknown[0]!r}; it may have {', '.join(KINDS)}")
        self.workers, self.rate, self.count, self.seconds, self.until = workers, rate, count, seconds, until
        self.release_header = release_header
        self.result = Result()
        self._stop, self._now, self._answered = threading.Event(), False, threading.Event()
        self._open_end = False
        self._begun = 0
        self._slot = 0.0
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._shared: H2 | None = None
        self._opening: asyncio.Lock | None = None
        self._idle: list[H1] = []

    # The life of a load

    def __enter__(self) -> Load:
        self._open_end = True
        self._thread = threading.Thread(target=self._in_thread, name="load", daemon=True)
        self._thread.start()
        self._answered.wait(self.site.timeout + 5)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._now = kind is not None
        self.stop()

    def stop(self) -> Result:
        """End as soon as `count` and `seconds` are reached."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if self._error is not None:
                raise self._error
        return self.result

    def _in_thread(self) -> None:
        # Visitors have machines of their own: whatever else this one does, they come in time. It is the thread's priority alone.
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self._error = error
            self._answered.set()

    def run(self) -> Result:
        """Without a context: until what was asked for is reached, or a signal comes."""

        async def main() -> None:
            def interrupt() -> None:
                self._now = True

            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, interrupt)
            await self._run()

        asyncio.run(main())
        return self.result

    def _over(self) -> bool:
        if self._now:
            return True
        if self._open_end and not self._stop.is_set():
            return False
        return (
            self._begun >= self.count
            and self.result.seconds >= self.seconds
            and (self.until is None or pathlib.Path(self.until).exists())
        )

    # The visitors

    async def _run(self) -> None:
        self._opening = asyncio.Lock()
        self.result.started = time.time()
        if self.arrivals:
            visitors = [self._arrive()]
        else:
            visitors = [self._visit(kind, number) for kind in self.kinds for number in range(self.workers)]
        if self.sockets:
            visitors += [self._talk(self.sockets[0]) for _number in range(self.sockets[1])]
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(visitor)
        if self._shared is not None:
            self._shared.close()
        for kept in self._idle:
            kept.close()
        self.result.ended = time.time()

    def _requests(self, number: int) -> typing.Iterator[Request]:
        if self.mix:
            yield from itertools.islice(itertools.cycle(self.mix), number % len(self.mix), None)
        gets, posts = itertools.cycle(self.gets), itertools.cycle(self.posts)
        for turn in itertools.count(number):
            yield next(posts) if self.posts and turn % POST_EVERY == POST_EVERY - 1 else next(gets)

    async def _visit(self, kind: str, number: int) -> None:
        kept: H1 | None = None
        followed = 0
        for request in self._requests(number):
            await self._pace()
            if self._over():
                break
            kept, response = await self._send(kind, request, kept)
            if self.assets and response is not None and request.method == "GET" and (found := ASSET.findall(response.body)):
                followed += 1
                kept, response = await self._send(kind, Request("GET", found[followed % len(found)].decode()), kept)
        if kept is not None:
            kept.close()

    async def _arrive(self) -> None:
        """Each request begins in its time, on a kept connection that is free where it is one of that kind."""
        begun, requests = time.monotonic(), self._requests(0)
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                due = begun + number / self.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if self._over():
                    break
                # All requests in all kinds, whatever their numbers are.
                kind = self.kinds[(number + number // len(self.kinds)) % len(self.kinds)]
                group.create_task(self._come(kind, next(requests), due))

    async def _come(self, kind: str, request: Request, due: float) -> None:
        kept = None
        while kind == "h1" and self._idle and kept is None:
            kept = self._idle.pop()
            if not kept.usable:
                kept.close()
                kept = None
        kept, _response = await self._send(kind, request, kept, due)
        if kept is not None:
            self._idle.append(kept)

    async def _talk(self, path: str) -> None:
        """Keep one WebSocket open, and come back when the server has ended it."""
        while not self._over():
            writer = None
            try:
                async with asyncio.timeout(self.site.timeout):
                    reader, writer = await self.site.open("http/1.1")
                    state = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
                    writer.write(state.send(wsproto.events.Request(host=self.site.authority, target=path)))
                    event = await self._event(reader, state)
                if not isinstance(event, wsproto.events.AcceptConnection):
                    raise Failed(f"no WebSocket, status {getattr(event, 'status_code', 'none')}")
                self._answered.set()
                await self._converse(reader, writer, state)
            except Exception as error:
                self._record_failure("WebSocket", Request("GET", path), describe(error), "")
                await asyncio.sleep(0.2)
            finally:
                if writer is not None:
                    writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: wsproto.WSConnection) -> None:
        socket = Socket("", time.time(), 0, None, 0)
        while not self._over():
            text = str(socket.messages)
            with contextlib.suppress(OSError):
                writer.write(state.send(wsproto.events.TextMessage(data=text)))
            async with asyncio.timeout(self.site.timeout):
                event = await self._event(reader, state)
            if isinstance(event, wsproto.events.TextMessage):
                socket.release, _blank, back = event.data.rpartition(" ")
                if back != text:
                    raise Failed(f"{event.data!r} came back for the message {text!r}")
                socket.messages += 1
                self.result.messages += 1
                # Until the next message is due, or the server ends it.
                try:
                    async with asyncio.timeout(1):
                        event = await self._event(reader, state)
                except TimeoutError:
                    continue
            if isinstance(event, wsproto.events.CloseConnection):
                socket.code = event.code
                with contextlib.suppress(OSError):
                    writer.write(state.send(event.response()))
            elif event is not None:
                raise Failed(f"{event} came on a WebSocket")
            socket.ended = time.time()
            self.result.sockets.append(socket)
            return
        writer.write(state.send(wsproto.events.CloseConnection(code=1000)))

    @staticmethod
    async def _event(reader: asyncio.StreamReader, state: wsproto.WSConnection) -> wsproto.events.Event | None:
        """The next thing that the server says; None when the connection has ended."""
        while True:
            for event in state.events():
                if not isinstance(event, (wsproto.events.Ping, wsproto.events.Pong)):
                    return event
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            if not data:
                return None
            state.receive_data(data)

    async def _pace(self) -> None:
        if self.rate:
            now = time.monotonic()
            self._slot = max(self._slot + 1 / self.rate, now - 0.1)
            await asyncio.sleep(max(0.0, self._slot - now))
        else:
            await asyncio.sleep(0)

    async def _send(self, kind: str, request: Request, kept: H1 | None, due: float | None = None) -> tuple[H1 | None, Response | None]:
        self._begun += 1
        response, release, begin = None, "", time.monotonic() if due is None else due
        try:
            async with asyncio.timeout(self.site.timeout):
                if kind.startswith("h2"):
                    response = await self._send_h2(request, keep=kind == "h2")
                else:
                    kept, response = await self._send_h1(request, kept, keep=kind == "h1")
            release = self._release(response)
            self._check(request, response)
        except Exception as error:
            self._record_failure(kind, request, describe(error), release)
            if response is None and kept is not None:
                kept.close()
                kept = None
        if response is not None:
            now, passed = time.time(), time.monotonic() - begin
            self.result.samples.append(Sample(now - passed, max(0.0, passed - request.wait), release, response.began))
            self.result.statuses[response.status] += 1
            if release:
                seen = self.result.releases.setdefault(release, Release())
                seen.requests += 1
                seen.first, seen.last = min(seen.first, now), max(seen.last, now)
        else:
            await asyncio.sleep(0.05)
        self.result.kinds[kind, request.method] += 1
        self._answered.set()
        return kept, response

    async def _send_h1(self, request: Request, kept: H1 | None, keep: bool) -> tuple[H1 | None, Response]:
        if kept is not None and not kept.usable:
            kept.close()
            kept = None
        if kept is None:
            kept = await H1.open(self.site)
            self.result.connections += 1
        try:
            response = await kept.request(request, self._headers(request), keep)
        except BaseException:
            kept.close()
            raise
        if not keep:
            kept.close()
            kept = None
        return kept, response

    async def _send_h2(self, request: Request, keep: bool) -> Response:
        while True:
            connection = await self._shared_h2() if keep else await self._new_h2()
            try:
                return await connection.request(request, self._headers(request), keep)
            except NotProcessed:
                self.result.retried += 1
            finally:
                if not keep:
                    connection.close()

    async def _new_h2(self) -> H2:
        connection = await H2.open(self.site)
        self.result.connections += 1
        return connection

    async def _shared_h2(self) -> H2:
        async with self._opening:
            if self._shared is None or not self._shared.usable:
                if self._shared is not None and not self._shared.streams:
                    self._shared.close()
                self._shared = await self._new_h2()
            return self._shared

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        headers = [("user-agent", "pyweb-load"), ("accept", "*/*")]
        if request.method == "POST":
            headers += [("content-type", "application/x-www-form-urlencoded"), ("content-length", str(len(request.body)))]
        return headers

    # What an answer is worth

    def _release(self, response: Response) -> str:
        if name := response.headers.get(self.release_header.lower()):
            return name
        if response.headers.get("content-type", "").startswith("application/json"):
            try:
                content = json.loads(response.body)
            except ValueError:
                return ""
            return str(content.get("release", "")) if isinstance(content, dict) else ""
        return ""

    @staticmethod
    def _check(request: Request, response: Response) -> None:
        if request.method == "GET" and response.status != 200 or not 200 <= response.status < 400:
            raise Failed(f"status {response.status}")
        if request.expect not in response.body:
            raise Failed(f"{request.expect.decode()!r} is not on the page")

    def _record_failure(self, kind: str, request: Request, reason: str, release: str) -> None:
        self._answered.set()
        self.result.failed += 1
        self.result.reasons[reason] += 1
        if len(self.result.failures) < 100:
            self.result.failures.append(Failure(time.time(), kind, request.method, request.path, reason, release))


def main(arguments: list[str] | None = None) -> int:
    first, _blank, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="https://NAME of the site; NAME goes into SNI and Host")
    parser.add_argument("--connect", metavar="ADDRESS[:PORT]", help="connect there instead of looking NAME up")
    parser.add_argument("--get", nargs="+", action="append", metavar=("PATH", "TEXT"), help="a page, and a text expected on it (default: /)")
    parser.add_argument("--post", nargs="+", action="append", metavar=("PATH", "FIELD=VALUE"), help="a form to send")
    parser.add_argument("--arrivals", action="store_true", help="requests begin at a constant rate, whether or not others are answered")
    parser.add_argument("--sockets", nargs=2, metavar=("PATH", "NUMBER"), help="keep so many WebSockets open there")
    parser.add_argument("--assets", action="store_true", help="also get the style sheets, scripts and images that the pages name")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="kinds of visitors (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="visitors of each kind (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="requests per second, 0 for as fast as possible (default: %(default)s)")
    parser.add_argument("--count", type=int, default=0, help="at least this many requests")
    parser.add_argument("--seconds", type=float, default=0, help="at least this long")
    parser.add_argument("--until", metavar="FILE", help="until this file exists")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for one request (default: %(default)s)")
    parser.add_argument("--release-header", default="X-Release", help="names the release in answers (default: %(default)s)")
    parser.add_argument("--cafile", help="verify the certificate with this; without it, any is taken")
    parser.add_argument("--json", metavar="FILE", help="write the result there ('-' for standard output, instead of the summary)")
    options = parser.parse_args(arguments)
    if not (options.count or options.seconds or options.until):
        parser.error("say when to end: --count, --seconds or --until")
    try:
        load = Load(
            options.url,
            connect=options.connect,
            get={path: " ".join(text) or None for path, *text in options.get or []},
            post={path: dict(field.split("=", 1) for field in fields) for path, *fields in options.post or []},
            assets=options.assets,
            arrivals=options.arrivals,
            sockets=(options.sockets[0], int(options.sockets[1])) if options.sockets else None,
            kinds=options.kind,
            workers=options.workers,
            rate=options.rate,
            count=options.count,
            seconds=options.seconds,
            until=options.until,
            timeout=options.timeout,
            release_header=options.release_header,
            cafile=options.cafile,
        )
    except ValueError as error:
        parser.error(str(error))
    result = load.run()
    if options.json == "-":
        print(json.dumps(result.as_dict(), indent=2))
    else:
        print(result.summary())
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result.as_dict(), indent=2) + "\n")
    return 0 if result.requests and not result.failed else 1


if __name__ == "__main__":
    sys.exit(main())
