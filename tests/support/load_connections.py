# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How visitors come: TLS, and connections of HTTP/1.1 and HTTP/2 that tell apart what a visitor would notice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
import time
import urllib.parse

import h11
import h2.config
import h2.connection
import h2.events
import h2.settings
from load_records import Closed, Failed, NotProcessed, Request, Response


# A busy connection is replaced before nginx ends it (keepalive_requests is 1000 by default, 100 in old versions).
ROTATE = 90


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
        # Of a connection that is reset, the read says so, too.
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
        response, body, began = None, [], 0.0
        while True:
            event = self.state.next_event()
            if event is h11.NEED_DATA:
                try:
                    data = await self.reader.read(65536)
                except ConnectionError:
                    data = b""
                if not data and response is None:
                    raise Closed("closed without an answer")
                self.state.receive_data(data)
            elif isinstance(event, h11.Response):
                response, began = event, time.time()
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise Closed("closed without an answer")
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
