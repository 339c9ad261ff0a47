# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that lie on the controller: a file that it has sent once, kept under its digest."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import Source, copied
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class Sent(Source):
    """A file that the controller has sent once, in a directory of its own that is named like its revision."""

    name = "source"

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        super().__init__(home, source, env, sent)
        self.version = self.sent.get("version", "")
        self.shown = self.sent.get("source", "")

    def resolve(self) -> str:
        if not self.sent.get("revision"):
            raise BuildError(f"source.{self.kind} lies on the controller, which has said nothing of it: pyweb.stack.release_info is to be run as a task.")
        return str(self.sent["revision"])

    def place(self, revision: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", revision):
            raise BuildError(f"revision is {revision!r}: what release_info returned is needed.")
        return f"{self.home}/sources/{revision}/{self.name}"

    def missing(self, revision: str) -> bool:
        return not os.path.exists(self.place(revision))

    def receive(self, file: str) -> None:
        """As root: where the connection's user has put it, the build user cannot read."""
        self.handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)

    def fetch(self, revision: str) -> None:
        if not self.missing(revision):
            return
        if self.handle is None:
            raise BuildError(f"{self.shown} has not been sent: deploy again.")
        try:
            with os.fdopen(os.dup(self.handle), "rb") as content, self.arriving(revision) as file:
                digest = copied(content, file)
                if digest != self.sent["sha256"]:
                    raise BuildError(f"{self.shown} has changed while it was sent (its sha256 is {digest} instead of {self.sent['sha256']}): deploy again.")
        except OSError as error:
            raise BuildError(f"{self.shown} cannot be kept on this host: {error.strerror or error}.") from None

    @contextlib.contextmanager
    def arriving(self, revision: str) -> t.Iterator[t.IO[bytes]]:
        """A file that is there as a whole, or not at all."""
        final = os.path.dirname(self.place(revision))
        os.makedirs(f"{self.home}/sources", exist_ok=True)
        for leftover in os.listdir(f"{self.home}/sources"):
            if leftover.startswith("."):
                shutil.rmtree(f"{self.home}/sources/{leftover}", ignore_errors=True)
        temporary = tempfile.mkdtemp(prefix=".new-", dir=f"{self.home}/sources")
        try:
            with open(f"{temporary}/{self.name}", "wb") as file:
                yield file
            shutil.rmtree(final, ignore_errors=True)
            os.rename(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def facts(self) -> dict[str, t.Any]:
        return {**super().facts(), **self.sent.get("facts", {})}


def prune_sources(home: str, used: set[str], newest: int = 2) -> None:
    """What the controller has sent and no kept release was made from, but for the newest."""
    with contextlib.suppress(FileNotFoundError):
        names = sorted(os.listdir(f"{home}/sources"), key=lambda name: os.lstat(f"{home}/sources/{name}").st_mtime, reverse=True)
        for name in [name for name in names if name not in used][newest:]:
            shutil.rmtree(f"{home}/sources/{name}", ignore_errors=True)
