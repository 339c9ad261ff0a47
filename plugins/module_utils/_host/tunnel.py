# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS through a proxy that is reached by TLS itself. urllib asks such a one for the tunnel without TLS, which no proxy takes."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import typing as t
from http.client import HTTPSConnection
from urllib.request import HTTPSHandler, Request

BLOCK = 1 << 16


class Tunnel(HTTPSConnection):
    """A connection whose way to the proxy is another TLS connection."""

    def __init__(self, *arguments: t.Any, context: ssl.SSLContext, **options: t.Any):
        super().__init__(*arguments, context=context, **options)
        self.trust = context

    def connect(self) -> None:
        outer = self.trust.wrap_socket(socket.create_connection((self.host, self.port), self.timeout), server_hostname=self.host)
        self.sock = relayed(outer, self.timeout)
        self._tunnel()  # type: ignore[attr-defined]
        self.sock = self.trust.wrap_socket(self.sock, server_hostname=self._tunnel_host)  # type: ignore[attr-defined]


class Secure(HTTPSHandler):
    """Opens https addresses; those that Proxies (fetch.py) has marked, by such a tunnel."""

    def __init__(self, context: ssl.SSLContext):
        super().__init__(context=context)
        self.trust = context

    def https_open(self, req: Request) -> t.Any:
        kind: t.Any = Tunnel if getattr(req, "by_tls", False) else HTTPSConnection
        return self.do_open(kind, req, context=self.trust)


def relayed(outer: ssl.SSLSocket, timeout: float | None) -> socket.socket:
    """A plain socket for what goes through C(outer): Python lays no TLS on a TLS socket."""
    near, far = socket.socketpair()
    near.settimeout(timeout)
    threading.Thread(target=_relay, args=(outer, far), daemon=True).start()
    return near


def _relay(outer: ssl.SSLSocket, far: socket.socket) -> None:
    """Carries what comes on either side to the other one, until one of them ends."""
    with outer, far:
        while True:
            ready = [outer] if outer.pending() else select.select([outer, far], [], [])[0]
            try:
                if outer in ready:
                    # What is readable may be TLS's own, and nothing for us.
                    outer.setblocking(False)
                    content = outer.recv(BLOCK)
                    if not content:
                        return
                    far.sendall(content)
                if far in ready:
                    content = far.recv(BLOCK)
                    if not content:
                        return
                    outer.setblocking(True)
                    outer.sendall(content)
            except ssl.SSLWantReadError:
                continue
            except OSError:
                return
