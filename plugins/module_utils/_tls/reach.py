# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a name lead to this host? Asked before an authority is, which counts failures."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import typing as t

CHALLENGES = ".well-known/acme-challenge"


def resolve(name: str) -> list[str]:
    """The addresses of a name; none where it does not resolve."""
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def is_local(address: str) -> bool:
    """Whether C(address) is one of this host's: only those can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as endpoint:
            endpoint.bind((address, 0))
    except OSError:
        return False
    return True


def answers(address: str, name: str, path: str) -> bytes:
    """What port 80 of C(address) says to a visitor of C(name); nothing where it does not answer with 200."""
    connection = http.client.HTTPConnection(address, 80, timeout=5)
    try:
        connection.request("GET", f"/{path}", headers={"Host": name})
        response = connection.getresponse()
        return response.read(200) if response.status == 200 else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


class Probe:
    """A file with a random name among the challenges: who answers with it leads to this host, also through a balancer or NAT."""

    def __init__(self, webroot: str) -> None:
        self.name = f"pyweb-{secrets.token_hex(16)}"
        self.webroot = webroot
        self.path = os.path.join(webroot, CHALLENGES, self.name)

    def __enter__(self) -> Probe:
        directory = self.webroot
        for part in CHALLENGES.split("/"):
            directory = os.path.join(directory, part)
            os.makedirs(directory, exist_ok=True)
            # nginx reads it, whatever the umask of who made it.
            os.chmod(directory, 0o755)
        with open(self.path, "w", encoding="ascii") as stream:
            stream.write(self.name)
        os.chmod(self.path, 0o644)
        return self

    def __exit__(self, *_error: object) -> None:
        os.unlink(self.path)

    def fault(self, name: str, named: t.Collection[str]) -> str | None:
        """Why an authority would not reach this host by C(name); addresses in C(named) are taken for this host's."""
        addresses = resolve(name)
        if not addresses:
            return f"{name} does not resolve: add an A or AAAA record for it"
        for address in addresses:
            if address in named:
                continue
            if answers(address, name, f"{CHALLENGES}/{self.name}") == self.name.encode():
                continue
            if is_local(address):
                return f"{name} leads to {address}, where port 80 does not answer with what nginx of this host has"
            return (
                f"{name} leads to {address}, which is not this host: correct its record, "
                "or name the address in nginx_acme.addresses if a balancer there leads here"
            )
        return None
