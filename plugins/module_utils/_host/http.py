# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks over HTTP: on a release's own socket as nginx asks, and through nginx as a visitor comes."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection


def ask(connection: HTTPConnection, host: str, path: str) -> tuple[int, str]:
    """The status of the answer, and its text. What is no answer is an OSError, one that is no HTTP a ConnectionAbortedError."""
    try:
        connection.request("GET", path, headers={
            "Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1",
            "User-Agent": "pyweb-health", "Connection": "close",
        })
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode(errors="replace")
    except HTTPException as error:
        raise ConnectionAbortedError(f"no HTTP: {error!r}") from None
    finally:
        connection.close()


def ask_socket(path: str, host: str, url: str, timeout: float) -> tuple[int, str]:
    """Status and text of GET C(url) on the unix socket C(path). Raises OSError, TimeoutError among them."""
    connection = HTTPConnection("localhost", timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout)
    connection.sock.connect(path)
    return ask(connection, host, url)


def speaks_tls(path: str, timeout: float = 5.0) -> bool:
    """Whether what listens on the unix socket C(path) begins TLS. Raises nothing."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
            plain.settimeout(timeout)
            plain.connect(path)
            _trusting().wrap_socket(plain).close()
    except OSError:
        return False
    return True


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask_site(domain: str, port: int, url: str, timeout: float = 10.0) -> tuple[int, str]:
    """On this machine, whatever the domain's address is; the certificate may be self-signed."""
    context = _trusting()
    connection = HTTPSConnection(domain, port, timeout=timeout, context=context)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout), server_hostname=domain)
    return ask(connection, domain, url)
