# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pdm.lock."""

from __future__ import annotations

import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.exported import Exported, Run
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class PdmLock(Exported):
    kind = "pdm.lock"
    beside = ("pyproject.toml",)
    tool = ("pdm[locked]==2.29.3",)

    def counts(self) -> bool:
        return bool(self.project.pyproject)

    def groups(self) -> set[str]:
        return self.project.groups()

    def extras(self) -> set[str]:
        return self.project.extras()

    def repositories(self) -> list[str]:
        return [package["git"] for package in self.packages if "git" in package]

    def env(self, wanted: Wanted, place: str) -> dict[str, str]:
        """The application's interpreter. Where that does not fit, PDM would download another one, which then decides what is installed."""
        return {"PDM_PYTHON": wanted.python, "XDG_DATA_HOME": "/dev/null", "UV_TOOL_DIR": f"{place}/.tools"}

    def export(self, run: Run, wanted: Wanted) -> str:
        try:
            run("lock", "--check")
        except BuildError as error:
            if not re.search(r"(?i)lock ?file (doesn't|does not|hash|is)", str(error)):
                raise
            raise BuildError(f"{self.name} does not match pyproject.toml: run pdm lock and commit {self.name}.") from None
        # PDM takes all groups for development unless told otherwise.
        unwanted = {item for item in self.groups() if normal(item) not in {normal(name) for name in wanted.groups}}
        chosen = [*(f"--without={item}" for item in sorted(unwanted)), *(f"--group={name}" for name in wanted.extras)]
        try:
            return run("export", "--format=requirements", *chosen)
        except BuildError as error:
            # A path has none, and then PDM exports those of the others neither.
            if "--no-hashes" not in str(error):
                raise
        return self.with_hashes(run("export", "--format=requirements", "--no-hashes", *chosen))

    def with_hashes(self, exported: str) -> str:
        hashes = {normal(package["name"]): [file["hash"] for file in package.get("files", [])] for package in self.packages}

        def line(match: re.Match[str]) -> str:
            return match[0] + "".join(f" \\\n    --hash={item}" for item in hashes.get(normal(match[1]), []))

        return re.sub(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==[^\n]+$", line, exported)
