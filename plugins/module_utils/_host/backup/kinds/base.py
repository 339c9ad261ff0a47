# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of database has to do for backups, and how its tools are called."""

from __future__ import annotations

import os
import subprocess
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import FULL
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System


class Dump(t.TypedDict, total=False):
    """One database in a backup, as its manifest tells it."""

    kind: str
    name: str
    file: str  # below the directory of dumps
    bytes: int
    sha256: str
    more: dict[str, str]  # what the kind needs to make the database again


class Kind(t.Protocol):
    """Dumps databases of a kind and puts them back. Another kind is one more class of this kind, and a line in KINDS.

    A restore calls prepare(), then, with the application stopped, swap(); then finish(), or undo() if anything went wrong.
    Every method raises HostError in one sentence.
    """

    def __init__(self, paths: Layout, system: System, env: dict[str, str]): ...

    def names(self, wanted: t.Any, places: list[str]) -> list[str]:
        """The databases that the option of this kind asks for; C(places) are the paths that are backed up, absolute."""

    def dump(self, name: str, file: str) -> dict[str, str]:
        """Write the database as it is at one moment, while others write to it. Returns what prepare() needs to know."""

    def prepare(self, dump: Dump, file: str) -> None:
        """All that can be done beside the database that is there."""

    def swap(self, dump: Dump, file: str) -> None:
        """The restored one takes the place of the other, which is kept."""

    def undo(self, dump: Dump) -> None:
        """The other one takes its place again; also after a swap() that failed half-way, or never began."""

    def finish(self, dump: Dump) -> None:
        """What was kept goes."""


def tool(argv: list[str], what: str, env: dict[str, str], source: str | None = None, target: str | None = None) -> str:
    """Run a tool of a database with C(source) as its input, and return what it prints; C(target) takes that instead.

    Raises HostError with C(what) and the last line of its complaints.
    """
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as memory, open(source or os.devnull, "rb") as given:
        output = open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") if target else memory  # pylint: disable=consider-using-with
        try:
            done = subprocess.run(argv, env={**os.environ, "LC_ALL": "C.UTF-8", **env}, cwd="/", stdin=given, stdout=output, stderr=errors, check=False)
        except FileNotFoundError:
            raise HostError(f"{what}: {argv[-1] if argv[0] == 'runuser' else argv[0]} is not installed on this host.") from None
        finally:
            if target:
                output.close()
        errors.seek(0)
        complaints = errors.read().decode(errors="replace").strip()
        if done.returncode != 0:
            if FULL.search(complaints):
                raise HostError(f"{what}: the disk is full: free some space.")
            lines = [line for line in complaints.splitlines() if "error" in line.lower() or "fatal" in line.lower()] or complaints.splitlines()
            raise HostError(f"{what}: {(lines or [f'exit status {done.returncode}'])[0].strip()}")
        if target:
            return ""
        memory.seek(0)
        return memory.read().decode(errors="replace")
