# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A requirements file, pinned or not."""

from __future__ import annotations

import os

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Index, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import project_files
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import places, read_requirements, split_local


class RequirementsFile(Lock):
    kind = "requirements.txt"

    @classmethod
    def named(cls, name: str) -> bool:
        return name.endswith((".txt", ".in"))

    def material(self) -> list[list[str]]:
        text = read_requirements(self.path)
        folders = [f"{self.project.source}/{path}" for path in split_local(text)[1]]
        names = [name for folder in folders for name in project_files(folder)]
        return [["requirements", text], *contents(self.project.source, names)]

    def own_indexes(self) -> list[Index]:
        return [Index("", value, "extra" not in option) for option, value in places(read_requirements(self.path)) if "index" in option or option == "-i"]

    def links(self) -> list[str]:
        found = [value for option, value in places(read_requirements(self.path)) if option in ("--find-links", "-f")]
        return [value if "://" in value else os.path.normpath(os.path.join(self.project.source, value)) for value in found]

    def text(self, tools: Tools, wanted: Wanted) -> str:
        text = read_requirements(self.path)
        if "--hash=" in text:
            return text
        name = self.name or ""
        return tools.compiled([name], name, self.project.source, wanted.python, wanted.platforms)
