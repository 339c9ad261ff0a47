# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that only the tool can read which made them: it says what is in them, as requirements."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.lines import named, without_logins
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import relative

# The tools do not ask, keep to themselves, and look for nothing.
TOOL_ENV = {
    "POETRY_VIRTUALENVS_CREATE": "false", "POETRY_NO_INTERACTION": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    "PDM_CHECK_UPDATE": "0", "PDM_IGNORE_ACTIVE_VENV": "1", "PDM_USE_VENV": "0", "PDM_NON_INTERACTIVE": "1",
    "PIPENV_NOSPIN": "1", "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_VENV_IN_PROJECT": "1", "PIPENV_YES": "1", "NO_COLOR": "1",
}
# With a marker behind it.
EDITABLE_REPOSITORY = re.compile(r"(?m)^(?:-e|--editable)[ =]+(git\+[^\s;]+)([ ]*;.*)?$")
EGG = re.compile(r"(?m)^((?:-e|--editable)[ =]+\.[^\s;#]*)#egg=[^\s;]*")


class Run(t.Protocol):
    """Runs the tool with these arguments, and returns what it prints."""

    def __call__(self, *arguments: str) -> str: ...


class Exported(Lock):
    # What is installed to read the lock, in versions that were tried; the first one is the tool.
    tool: tuple[str, ...] = ()

    def export(self, run: Run, wanted: Wanted) -> str:
        raise NotImplementedError

    def env(self, wanted: Wanted, place: str) -> dict[str, str]:
        """What this tool alone has to know; C(place) is a directory that goes away again."""
        return {}

    def repositories(self) -> list[str]:
        """The addresses of the git repositories in it."""
        return []

    def material(self) -> list[list[str]]:
        # An earlier version has noted some as editable, which cannot be installed.
        return [*super().material(), *([["repositories", "installable"]] if self.repositories() else [])]

    def logins(self) -> list[str]:
        return [login for url in self.repositories() for login in without_logins(f"git+{url}")[1]]

    def untie(self, place: str) -> None:
        """Removes from the copy in the directory C(place) what only the tool's user needs."""

    def text(self, tools: Tools, wanted: Wanted) -> str:
        """The tool runs where whatever it makes goes away again, with all directories where they are in the source."""
        folder, kind = self.project.folder, self.kind or ""
        found = re.match(r"\w+", self.tool[0])
        program = found.group() if found else ""
        with tempfile.TemporaryDirectory(prefix=".export-", dir=tools.home) as top:
            place = lead(self.project.source, top, os.path.relpath(folder, self.project.source))
            for entry in (kind, "pyproject.toml", "Pipfile", "poetry.toml", "pdm.toml", "README.md"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{folder}/{entry}", f"{place}/{entry}")
            self.untie(place)
            start = [*tools.uvx(list(self.tool)), program]

            def run(*arguments: str) -> str:
                # The tools need no old interpreter; that of the application has to be found where it counts.
                return tools.run([*start, *arguments], f"{' '.join([program, *arguments[:2]])} for {self.name}", cwd=place,
                                 env={**TOOL_ENV, **self.env(wanted, place), "PATH": f"{os.path.dirname(wanted.python)}:{tools.uv_env['PATH']}"})

            return installable(relative(self.export(run, wanted), place, top))


def lead(source: str, top: str, way: str) -> str:
    """Links in the empty directory C(top) to the directories of C(source), except those on the C(way), which are made. Returns where it ends."""
    for step in [*(way.split("/") if way != "." else []), None]:
        for entry in os.listdir(source):
            if os.path.isdir(f"{source}/{entry}") and entry not in (".venv", ".pyweb", ".git", step):
                os.symlink(f"{source}/{entry}", f"{top}/{entry}")
        if step:
            source, top = f"{source}/{step}", f"{top}/{step}"
            os.mkdir(top)
    return top


def installable(text: str) -> str:
    """Repositories are never editable here: a release is not edited, and uv takes no such line. What a path is called, its own files tell."""
    return EGG.sub(r"\1", EDITABLE_REPOSITORY.sub(lambda match: named(match[1]) + (match[2] or ""), text))
