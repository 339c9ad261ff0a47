# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of an application: one file that root writes, a keyed digest of it, and masks in what is printed."""

from __future__ import annotations

import hmac
import os

from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

MASK = "********"
# Shorter values, such as "on", would mask words of every text.
SHORTEST = 6


class Secrets:
    """Name=value pairs, each with a NUL behind it."""

    def __init__(self, paths: Layout, system: System):
        self.paths = paths
        self.system = system

    def digest(self, secrets: str) -> str | None:
        """Keyed by a secret of this host, so that the manifest tells nobody what the secrets are. None before there is a key."""
        try:
            with open(self.paths.key, "rb") as file:
                key = file.read()
        except FileNotFoundError:
            return None
        return hmac.new(key, secrets.encode(), "sha256").hexdigest()

    def digest_with(self, secrets: str, files: str) -> str | None:
        """Of the secrets and of the files that a release is given; without files that of the secrets."""
        return self.digest(f"{secrets}\0{files}" if files else secrets)

    def make_key(self) -> None:
        if self.digest("") is None:
            write_file(self.paths.key, os.urandom(32).hex(), 0o600)

    def written(self, secrets: str) -> bool:
        """Whether the file says this: what starts next reads it."""
        try:
            with open(self.paths.secrets, "rb") as file:
                return file.read() == secrets.encode()
        except FileNotFoundError:
            return False

    def write(self, secrets: str) -> str:
        """The digest of what is written."""
        self.make_key()
        write_file(self.paths.secrets, secrets, group=self.system.account(self.paths.user).pw_gid)
        return self.digest(secrets) or ""

    def mask(self, text: str) -> str:
        """An application may print its secrets when it fails."""
        try:
            with open(self.paths.secrets, encoding="utf-8") as file:
                values = [pair.split("=", 1)[1] for pair in file.read().split("\0") if pair]
        except FileNotFoundError:
            return text
        # Line by line too: a log, a shell or a traceback writes line breaks in its own way.
        parts = {part for value in values for part in (value, *map(str.strip, value.splitlines()))}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= SHORTEST:
                text = text.replace(part, MASK)
        return text
