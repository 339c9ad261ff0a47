# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""poetry.lock."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.exported import Exported, Run


class PoetryLock(Exported):
    kind = "poetry.lock"
    beside = ("pyproject.toml",)
    tool = ("poetry==2.5.1", "poetry-plugin-export==1.10.1")

    def counts(self) -> bool:
        return bool(self.project.pyproject)

    def groups(self) -> set[str]:
        return self.project.groups()

    def extras(self) -> set[str]:
        return self.project.extras()

    def export(self, run: Run, wanted: Wanted) -> str:
        groups = [f"--with={','.join(wanted.groups)}"] if wanted.groups else []
        return run("export", "--format=requirements.txt", "--without-urls", *groups, *(f"--extras={name}" for name in wanted.extras))
