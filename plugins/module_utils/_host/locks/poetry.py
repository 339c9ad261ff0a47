# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""poetry.lock."""

from __future__ import annotations

import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import PYPI, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.exported import Exported, Run
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal

# The version of Poetry that a project asks for, and plugins of it: whoever locks needs them, and whoever reads the lock does not.
TIES = re.compile(r"(?ms)^[ \t]*(?:tool\.poetry\.)?requires-(?:poetry|plugins)[ \t]*=[^\n]*$|^\[tool\.poetry\.requires-plugins\].*?(?=^\[|\Z)")


class PoetryLock(Exported):
    kind = "poetry.lock"
    beside = ("pyproject.toml",)
    tool = ("poetry==2.5.1", "poetry-plugin-export==1.10.1")

    def counts(self) -> bool:
        return bool(self.project.pyproject)

    @property
    def knows_origins(self) -> bool:
        return True

    def origins(self) -> dict[str, str]:
        found = {normal(package["name"]): package.get("source", {}) for package in self.packages}
        return {name: source["url"] for name, source in found.items() if source.get("type") == "legacy" and not PYPI.match(source["url"])}

    def repositories(self) -> list[str]:
        sources = [package.get("source", {}) for package in self.packages]
        return [source["url"] for source in sources if source.get("type") == "git"]

    def untie(self, place: str) -> None:
        with open(f"{place}/pyproject.toml", "r+", encoding="utf-8", newline="") as file:
            text = TIES.sub("", file.read())
            file.seek(0)
            file.truncate()
            file.write(text)

    def groups(self) -> set[str]:
        return self.project.groups()

    def extras(self) -> set[str]:
        return self.project.extras()

    def export(self, run: Run, wanted: Wanted) -> str:
        groups = [f"--with={','.join(wanted.groups)}"] if wanted.groups else []
        return run("export", "--format=requirements.txt", "--without-urls", *groups, *(f"--extras={name}" for name in wanted.extras))
