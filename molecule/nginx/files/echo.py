# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application on a unix socket or a port that answers with what reached it."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import socketserver
import sys
import time

WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "nginx"

    def version_string(self) -> str:
        """The Server header: of a release, as the servers of this collection have it, where the path says /of/<release>."""
        return f"pyweb/{self.path[4:]}" if self.path.startswith("/of/") else super().version_string()

    def answer(self) -> None:
        if self.headers.get("Upgrade"):
            self.upgrade()
            return
        if self.path.startswith("/stream/"):
            self.stream()
            return
        if self.path == "/pause":
            time.sleep(0.3)
        if self.path == "/silent":
            time.sleep(2)
        if self.path == "/fatal":
            self.server.fatal += 1
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = {"/own-503": 503, "/broken": 500}.get(self.path, 200)
        content = json.dumps(
            {
                "release": os.environ.get("RELEASE", ""),
                "method": self.command,
                "path": self.path,
                "length": len(body),
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "fatal": self.server.fatal,
                "padding": "x" * 2000,
            }
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Powered-By", "echo")
        if self.path == "/own-headers":
            self.send_header("X-Frame-Options", "DENY")
            self.send_header("Referrer-Policy", "no-referrer")
        if self.path == "/strict":
            self.send_header("Strict-Transport-Security", "max-age=7")
        if self.path == "/embeddable":
            self.send_header("Content-Security-Policy", "frame-ancestors *")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        # As uvicorn does after an exception, when it has logged it: the answer did not say so.
        if self.path == "/broken":
            time.sleep(0.02)
            self.close_connection = True

    def stream(self) -> None:
        """A text in two pieces, a second apart."""
        self.send_response(200)
        self.send_header("Content-Type", "text/" + {"text": "plain"}.get(self.path[8:], "html"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(2):
            self.wfile.write(b"7\r\npiece %d\r\n" % number)
            time.sleep(1)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def upgrade(self) -> None:
        """Accepts a WebSocket and sends one frame with the protocol that was asked for."""
        digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + WEBSOCKET_KEY).encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        text = f"hello over {self.headers['Upgrade']}".encode()
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.close_connection = True


# How many requests have ended their worker, if this had any.
socketserver.BaseServer.fatal = 0


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    address = sys.argv[1]
    if address.startswith("/"):
        os.umask(0)
        server: socketserver.BaseServer = UnixServer(address, Handler)
    else:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(address)), Handler)
    server.serve_forever()


main()
