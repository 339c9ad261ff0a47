# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The visitors themselves: when each of them asks for what, by which connection, and what counts as a failure."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import threading
import time
import typing
import urllib.parse

import wsproto
import wsproto.events
from load_connections import H1, H2, Site, describe
from load_records import KINDS, Closed, Failed, Failure, NotProcessed, Release, Request, Response, Result, Sample, Socket

POST_EVERY = 4
ASSET = re.compile(rb"""(?:href|src)=["'](/[^"'?#]+\.(?:css|js|svg|png|woff2))["']""")


class Load:
    """See load.py. `get` maps paths to a text expected there (or None), `post` paths to form fields.

    In their place C(requests) is what is asked one after the other. C(sockets) is a path and how many WebSockets are open there.
    C(reloads) says that nginx is reloaded meanwhile, and closes idle connections just when a request is on its way: a GET that finds a kept
    connection closed goes out again once, on a new one, as browsers and curl do (RFC 9112, 9.3.1), and is counted as C(retried).
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
        reloads: bool = False,
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
        self.sockets, self.arrivals, self.assets, self.reloads = sockets, arrivals, assets, reloads
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
                    event = await self._event(reader, writer, state)
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
                event = await self._event(reader, writer, state)
            if isinstance(event, wsproto.events.TextMessage):
                socket.release, _blank, back = event.data.rpartition(" ")
                if back != text:
                    raise Failed(f"{event.data!r} came back for the message {text!r}")
                socket.messages += 1
                self.result.messages += 1
                # Until the next message is due, or the server ends it.
                try:
                    async with asyncio.timeout(1):
                        event = await self._event(reader, writer, state)
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
    async def _event(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: wsproto.WSConnection) -> wsproto.events.Event | None:
        """The next thing that the server says; None when the connection has ended.

        Its pings are answered, as every client has to (RFC 6455, 5.5.2): a server ends a connection that leaves them out.
        """
        while True:
            for event in state.events():
                if isinstance(event, wsproto.events.Ping):
                    with contextlib.suppress(OSError):
                        writer.write(state.send(event.response()))
                elif not isinstance(event, wsproto.events.Pong):
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
        again = self.reloads and request.method == "GET" and kept is not None
        if kept is None:
            kept = await H1.open(self.site)
            self.result.connections += 1
        try:
            response = await kept.request(request, self._headers(request), keep)
        except BaseException as error:
            kept.close()
            if not again or not isinstance(error, Closed):
                raise
            self.result.retried += 1
            return await self._send_h1(request, None, keep)
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
