# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected over SSH, and could that user log in again with a key.

Decides on what the caller has read; nothing here touches the host.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import fnmatch
import ipaddress
import re
import struct
import typing as t

# What sshd takes as a login key. Certificates are presented by the client, never listed in a file.
KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


@dataclasses.dataclass(frozen=True)
class Process:
    uid: int
    environment: bytes


@dataclasses.dataclass(frozen=True)
class Connection:
    uid: int
    client: str
    server: str
    port: int
    client_port: int = 0

    @property
    def has_addresses(self) -> bool:
        """Else a program has handed it to sshd by something other than TCP; sshd then says "UNKNOWN 65535" of both ends."""
        return self.client != "UNKNOWN"


@dataclasses.dataclass(frozen=True)
class Key:
    kind: str
    bits: int
    options: tuple[tuple[str, str], ...] = ()


def connection_of(ancestors: t.Iterable[Process]) -> Connection | None:
    """The SSH connection that the processes belong to; the nearest comes first.

    sudo drops the variable from what it starts but keeps it in its own environment, and
    the farthest process that has it is the one that sshd started: it runs as the user who logged in.
    """
    found = None
    for process in ancestors:
        for entry in process.environment.split(b"\0"):
            name, separator, value = entry.partition(b"=")
            fields = value.decode("utf-8", errors="replace").split()
            if name == b"SSH_CONNECTION" and separator and len(fields) == 4 and fields[1].isdecimal() and fields[3].isdecimal():
                found = Connection(process.uid, client=fields[0], server=fields[2], port=int(fields[3]), client_port=int(fields[1]))
    return found


def settings_from(effective: str) -> dict[str, list[str]]:
    """What C(sshd -T) prints: keywords in small letters, some of them more than once."""
    settings: dict[str, list[str]] = {}
    for line in effective.splitlines():
        keyword, separator, value = line.partition(" ")
        if separator:
            settings.setdefault(keyword.lower(), []).append(value.strip())
    return settings


def key_files(settings: t.Mapping[str, list[str]], user: str, home: str, uid: int) -> list[str]:
    """The files that AuthorizedKeysFile names for the user."""
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": str(uid)}
    paths = []
    for value in settings.get("authorizedkeysfile", []):
        for pattern in value.split():
            if pattern.lower() == "none":
                continue
            path = re.sub("%.", lambda match: tokens.get(match.group(), match.group()), pattern)
            paths.append(path if path.startswith("/") else f"{home}/{path}")
    return paths


def other_sources(settings: t.Mapping[str, list[str]]) -> list[str]:
    """Settings by which sshd learns of keys without a file that could be read here."""
    keywords = ("authorizedkeyscommand", "trustedusercakeys")
    return [keyword for keyword in keywords if settings.get(keyword, ["none"])[0].lower() != "none"]


def keys_from(text: str) -> list[Key]:
    keys = []
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            key = _key_from(line)
            if key:
                keys.append(key)
    return keys


def _key_from(line: str) -> Key | None:
    options = ""
    if line.split(None, 1)[0] not in KEY_TYPES:
        options, line = _split_options(line)
    fields = line.split(None, 2)
    if len(fields) < 2 or fields[0] not in KEY_TYPES:
        return None
    try:
        parts = _parts(base64.b64decode(fields[1], validate=True))
    except (binascii.Error, struct.error, ValueError):
        return None
    if len(parts) < 2 or parts[0] != fields[0].encode("ascii"):
        return None
    bits = int.from_bytes(parts[2], "big").bit_length() if fields[0] == "ssh-rsa" and len(parts) > 2 else 0
    return Key(fields[0], bits, tuple(_options_from(options)))


def _split_options(line: str) -> tuple[str, str]:
    quoted = False
    for position, character in enumerate(line):
        if character == '"' and line[position - 1 : position] != "\\":
            quoted = not quoted
        elif character in " \t" and not quoted:
            return line[:position], line[position:].strip()
    return line, ""


def _options_from(text: str) -> t.Iterator[tuple[str, str]]:
    for name, value in re.findall(r'([A-Za-z0-9-]+)(?:="((?:\\.|[^"\\])*)")?(?:,|$)', text):
        yield name.lower(), value.replace('\\"', '"')


def _parts(blob: bytes) -> list[bytes]:
    parts = []
    while blob:
        (length,) = struct.unpack(">I", blob[:4])
        if len(blob) < 4 + length:
            raise ValueError("truncated")
        parts.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return parts


def is_usable(key: Key, client: str, now: datetime.datetime, rsa_bits: int) -> bool:
    """Whether somebody at the address client gets a shell with the key."""
    options = dict(key.options)
    if key.kind == "ssh-rsa" and key.bits < rsa_bits:
        return False
    if "command" in options:
        return False
    if "from" in options and not _address_matches(options["from"], client):
        return False
    if "expiry-time" in options:
        digits = options["expiry-time"].rstrip("Zz")
        return now.strftime("%Y%m%d%H%M%S") < digits.ljust(14, "0")
    return True


def _address_matches(patterns: str, client: str) -> bool:
    matched = False
    for pattern in patterns.split(","):
        negated = pattern.startswith("!")
        pattern = pattern.lstrip("!").strip()
        try:
            matches = ipaddress.ip_address(client) in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            matches = fnmatch.fnmatchcase(client, pattern)
        if matches and negated:
            return False
        matched = matched or matches
    return matched


def is_safe(owner: int, mode: int, uid: int) -> bool:
    """Whether StrictModes lets a file, or a directory above it, count: nobody else may write to it."""
    return owner in (0, uid) and mode & 0o022 == 0
