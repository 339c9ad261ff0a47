# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervisorctl asks too, with answers that need no reading and without starting a Python for each question."""

from __future__ import annotations

import socket
import typing as t
import xmlrpc.client
from http.client import HTTPConnection, HTTPException

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, Refused


def ask(path: str, method: str, *arguments: t.Any) -> t.Any:
    """The answer to supervisor.C(method). Raises Refused, or HostError when nobody answers on the socket C(path)."""

    class Transport(xmlrpc.client.Transport):
        def make_connection(self, host: t.Any) -> HTTPConnection:
            connection = HTTPConnection("localhost", timeout=60)
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(60)
            connection.sock.connect(path)
            return connection

    try:
        return getattr(xmlrpc.client.ServerProxy("http://localhost", transport=Transport()).supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        raise Refused(fault.faultString) from None
    except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
        raise HostError(f"supervisord does not answer on {path} ({error}): systemctl status supervisor says why.") from None
