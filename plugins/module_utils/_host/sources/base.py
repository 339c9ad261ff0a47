# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all sources have in common."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class Source:
    """What all sources have. C(version) and C(shown) are for people; C(shown) has no credentials."""

    # The option of C(source) that names it.
    kind = ""

    @classmethod
    def takes(cls, source: dict[str, t.Any]) -> bool:
        """Is this the class for C(source)? The registry asks one after the other."""
        return bool(source.get(cls.kind))

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        self.home = home
        self.source = source
        self.env = env
        self.sent = sent or {}
        self.handle: int | None = None
        self.version = source.get("version") or "HEAD"
        self.shown = ""

    def resolve(self) -> str:
        """What the wanted version is now, as hexadecimal digits."""
        raise NotImplementedError

    def remote(self) -> str:
        """The same without writing anything (for check mode)."""
        return self.resolve()

    def between(self, old: str, new: str) -> list[str]:
        return []

    def missing(self, revision: str) -> bool:
        """Has the controller to send it first?"""
        return False

    def receive(self, file: str) -> None:
        """Take what the controller has sent, as root."""
        raise NotImplementedError

    def fetch(self, revision: str) -> None:
        """Bring here what C(export) needs."""

    def export(self, revision: str, target: str) -> None:
        raise NotImplementedError

    def facts(self) -> dict[str, t.Any]:
        """For the manifest."""
        return {"kind": self.kind, "source": self.shown, "version": self.version}

    def project_version(self, revision: str) -> str | None:
        """For a project that takes its version from git tags; None where nobody can tell."""
        return None

    def explain(self, message: str) -> str:
        """What went wrong with the environment, in words of this source."""
        return message


def write(path: str, text: str, mode: int = 0o600) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def copied(content: t.Any, file: t.IO[bytes]) -> str:
    """The sha256 of what was copied."""
    digest = hashlib.sha256()
    while True:
        block = content.read(1 << 20)
        if not block:
            return digest.hexdigest()
        digest.update(block)
        file.write(block)


def refuse_names(target: str) -> None:
    if os.path.lexists(f"{target}/.pyweb") or os.path.lexists(f"{target}/.venv"):
        raise BuildError("the source has an entry .pyweb or .venv at its top: these names belong to the release, remove it from the source.")
