# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""visits.py FILE NAME...: asks this host for the page of each site, until FILE is there. Prints how many answers there were of each kind."""

from __future__ import annotations

import collections
import json
import os
import socket
import ssl
import sys
import time


def visit(name: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", 443), 10) as plain, context.wrap_socket(plain, server_hostname=name) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(12).decode() or "nothing"
    except OSError as error:
        return str(error)


def main(file: str, *names: str) -> None:
    seen: collections.Counter[str] = collections.Counter()
    while not os.path.exists(file):
        seen.update(visit(name) for name in names)
        time.sleep(0.05)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
