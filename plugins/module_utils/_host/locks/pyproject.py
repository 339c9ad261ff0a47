# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pyproject.toml or setup.py, where there is no lock."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import LINKS, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.lines import without_logins
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import project_files
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal


class Pyproject(Lock):
    kind = "pyproject.toml"

    def counts(self) -> bool:
        project = self.project
        return project.is_package or "dependencies" in project.project or "dependencies" in project.project.get("dynamic", [])

    def groups(self) -> set[str] | None:
        return self.project.groups()

    def extras(self) -> set[str] | None:
        return self.project.extras()

    def material(self) -> list[list[str]]:
        names = project_files(self.project.folder)
        for place in self.project.tool.get("uv", {}).get("sources", {}).values():
            if isinstance(place, dict) and "path" in place:
                names += project_files(f"{self.project.folder}/{place['path']}")
            if isinstance(place, dict) and place.get("workspace"):
                names += [name for member in self.project.workspace() for name in project_files(member)]
        return contents(self.project.source, names)

    def origins(self) -> dict[str, str]:
        """What C(tool.uv.sources) assigns. Where a package has several sources, for several platforms, all but one would be wrong."""
        urls = {index.name: index.url for index in self.project.indexes() if index.name}
        found = {name: source.get("index") for name, source in self.project.tool.get("uv", {}).get("sources", {}).items() if isinstance(source, dict)}
        return {normal(name): urls[index] if "://" in urls[index] else LINKS for name, index in found.items() if index in urls}

    def logins(self) -> list[str]:
        lists = [self.project.project.get("dependencies", []), *self.project.project.get("optional-dependencies", {}).values(),
                 *self.project.pyproject.get("dependency-groups", {}).values()]
        return [login for items in lists for item in items if isinstance(item, str) for login in without_logins(item)[1]]

    def text(self, tools: Tools, wanted: Wanted) -> str:
        chosen = [*(f"--group={name}" for name in wanted.groups), *(f"--extra={name}" for name in wanted.extras)]
        return tools.compiled([self.kind or "", *chosen], self.name or "", self.project.folder, wanted.python, wanted.platforms)


class SetupPy(Pyproject):
    kind = "setup.py"

    def counts(self) -> bool:
        return True

    def groups(self) -> None:
        return None

    def extras(self) -> set[str]:
        return {"*"}
