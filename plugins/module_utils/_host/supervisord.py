# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervisorctl asks too, with answers that need no reading and without starting a Python for each question."""

from __future__ import annotations

import base64
import configparser
import functools
import os
import socket
import typing as t
import xmlrpc.client
from http.client import HTTPConnection, HTTPException

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, Refused

# Debian's, where a configuration says nothing of it.
SOCKET = "/run/supervisor.sock"
# What supervisord puts before the digest of a password.
DIGEST = "{SHA}"


class Endpoint(t.NamedTuple):
    """Where supervisord listens, and what it wants of those who ask."""

    socket: str  # path
    username: str  # empty where it wants none
    password: str


@functools.lru_cache(maxsize=1)
def endpoint(path: str) -> Endpoint:
    """As the configuration C(path) says, which root reads as supervisorctl does. Raises HostError where that cannot be used."""
    config = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        config.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise HostError(f"{path} cannot be read ({str(error).splitlines()[0]}): supervisorctl status says why.") from None
    if config.sections() and not config.has_section("unix_http_server"):
        raise HostError(f"supervisord has no socket on this host: add [unix_http_server] with file={SOCKET} to {path}, then systemctl restart supervisor.")

    def value(section: str, name: str) -> str:
        return config.get(section, name, fallback="").strip().replace("%(here)s", os.path.dirname(path))

    socket_path, username, password = (value("unix_http_server", name) for name in ("file", "username", "password"))
    if username and value("supervisorctl", "username"):
        # In the one above there may be a digest of it.
        username, password = value("supervisorctl", "username"), value("supervisorctl", "password")
    if username and password.startswith(DIGEST):
        raise HostError(f"supervisord wants a password, and {path} has a digest of it only: add username and password to [supervisorctl] there, "
                        "as supervisorctl needs them, too.")
    return Endpoint(socket_path or SOCKET, username, password)


def ask(config: str, method: str, *arguments: t.Any) -> t.Any:
    """The answer to supervisor.C(method) of whose configuration is C(config). Raises Refused, or HostError when nobody answers."""
    at = endpoint(config)

    class Transport(xmlrpc.client.Transport):
        def make_connection(self, host: t.Any) -> HTTPConnection:
            connection = HTTPConnection("localhost", timeout=60)
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(60)
            connection.sock.connect(at.socket)
            return connection

    token = base64.b64encode(f"{at.username}:{at.password}".encode()).decode()
    transport = Transport(headers=[("Authorization", f"Basic {token}")] if at.username else [])
    try:
        return getattr(xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        raise Refused(fault.faultString) from None
    except xmlrpc.client.ProtocolError as error:
        if error.errcode == 401:
            raise HostError(f"supervisord refuses the username and password that {config} has: systemctl restart supervisor lets it read them anew, "
                            "which restarts what it runs.") from None
        raise HostError(f"supervisord does not answer on {at.socket} ({error.errcode} {error.errmsg}): systemctl status supervisor says why.") from None
    except (OSError, HTTPException) as error:
        raise HostError(f"supervisord does not answer on {at.socket} ({error}): systemctl status supervisor says why.") from None
