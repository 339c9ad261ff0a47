# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A requirements file, pinned or not."""

from __future__ import annotations

import functools
import os
import re
import tempfile

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Index, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.lines import Requirements, read_requirements, without_logins
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import project_files
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import BINARY, places, split_local, without_places


class RequirementsFile(Lock):
    kind = "requirements.txt"

    @classmethod
    def named(cls, name: str) -> bool:
        return name.endswith((".txt", ".in")) or bool(re.fullmatch(r"requirements[\w.-]*\.lock", name))

    @functools.cached_property
    def whole(self) -> Requirements:
        """With the passwords that addresses in it may have."""
        return read_requirements(self.path, self.project.source)

    @functools.cached_property
    def read(self) -> Requirements:
        return Requirements(*([without_logins(line)[0] for line in lines] for lines in self.whole))

    def logins(self) -> list[str]:
        return [login for lines in self.whole for line in lines for login in without_logins(line)[1]]

    @property
    def local(self) -> list[str]:
        """The paths in it."""
        return split_local(self.read.text)[1]

    def material(self) -> list[list[str]]:
        folders = [f"{self.project.source}/{path.partition(' ;')[0]}" for path in self.local]
        names = [name for folder in folders for name in project_files(folder)]
        # Locks of an earlier version have lost them.
        kept = [["options", "kept"]] if self.binary else []
        return [["requirements", self.read.text], ["constraints", "\n".join(self.read.constraints)], *kept, *contents(self.project.source, names)]

    def own_indexes(self) -> list[Index]:
        return [Index("", value, "extra" not in option) for option, value in places(self.read.text) if "index" in option or option == "-i"]

    @property
    def binary(self) -> bool:
        """Does it say which packages are built here, or must not be?"""
        return any(map(BINARY.match, self.read.requirements))

    @property
    def no_index(self) -> bool:
        return "--no-index" in self.read.requirements

    def links(self) -> list[str]:
        found = [value for option, value in places(self.read.text) if option in ("--find-links", "-f")]
        return [*super().links(), *(value if "://" in value else os.path.normpath(os.path.join(self.project.source, value)) for value in found)]

    def text(self, tools: Tools, wanted: Wanted) -> str:
        text = self.read.text
        if "--hash=" in text:
            return text
        # Places are in uv's environment already.
        with tempfile.TemporaryDirectory(prefix=".lock-", dir=tools.home) as place:
            written = {"requirements.txt": without_places(text), "constraints.txt": "".join(f"{line}\n" for line in self.read.constraints)}
            for name, content in written.items():
                with open(f"{place}/{name}", "w", encoding="utf-8") as file:
                    file.write(content)
            more = [*(["--prerelease=allow"] if "--pre" in self.read.requirements else []), *(["--no-index"] if self.no_index else []),
                    *(["--emit-build-options"] if self.binary else [])]
            return tools.compiled([f"{place}/requirements.txt"], self.name or "", self.project.source, wanted.python, wanted.platforms,
                                  "--constraint", f"{place}/constraints.txt", *more)


class RyeLock(RequirementsFile):
    """What Rye locks. Elsewhere a file with this name may be anything, and counts where it is named."""

    kind = "requirements.lock"

    @classmethod
    def named(cls, name: str) -> bool:
        return False

    def counts(self) -> bool:
        return "rye" in self.project.tool
