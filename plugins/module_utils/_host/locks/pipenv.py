# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipfile.lock."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Index, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.exported import Exported, Run
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import load_json
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class PipfileLock(Exported):
    kind = "Pipfile.lock"
    beside = ("Pipfile",)
    tool = ("pipenv==2026.10.3",)

    def where(self) -> str:
        return self.name or ""

    def groups(self) -> set[str]:
        return {"dev-packages" if name == "develop" else name for name in load_json(self.path) if name not in ("_meta", "default")}

    def own_indexes(self) -> list[Index]:
        sources = load_json(self.path).get("_meta", {}).get("sources", [])
        return [Index(item.get("name", ""), item["url"], number == 0) for number, item in enumerate(sources)]

    @property
    def knows_origins(self) -> bool:
        return True

    def origins(self) -> dict[str, str]:
        """Those of another source than the first one, which stands in place of PyPI."""
        others = {item.get("name", ""): item["url"] for item in load_json(self.path).get("_meta", {}).get("sources", [])[1:]}
        return {normal(name): others[package["index"]] for name, package in self.entries() if package.get("index") in others}

    def entries(self) -> list[tuple[str, dict[str, t.Any]]]:
        return [item for group, packages in load_json(self.path).items() if group != "_meta" for item in packages.items()]

    def repositories(self) -> list[str]:
        return [package["git"] for dummy, package in self.entries() if "git" in package]

    def export(self, run: Run, wanted: Wanted) -> str:
        try:
            run("verify")
        except BuildError as error:
            if "out-of-date" not in str(error):
                raise
            raise BuildError(f"{self.name} does not match Pipfile: run pipenv lock and commit {self.name}.") from None
        return run("requirements", "--hash", f"--categories={','.join(['packages', *wanted.groups])}")
