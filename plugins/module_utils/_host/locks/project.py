# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source as a Python project: what its pyproject.toml says. Reads files, runs nothing."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Index
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import load_toml


class Project:
    """C(source) is the top of the source, C(folder) the directory that its pyproject.toml lies in."""

    def __init__(self, source: str, folder: str):
        self.source = source
        self.folder = folder
        self.pyproject = load_toml(f"{folder}/pyproject.toml")
        self.project: dict[str, t.Any] = self.pyproject.get("project", {})
        self.tool: dict[str, t.Any] = self.pyproject.get("tool", {})

    @property
    def is_package(self) -> bool:
        """Whether the source itself is installed."""
        tool = self.tool
        if tool.get("uv", {}).get("package") is not None:
            return bool(tool["uv"]["package"])
        told = (tool.get("poetry", {}).get("package-mode"), tool.get("pdm", {}).get("distribution"), not tool.get("rye", {}).get("virtual"))
        if False in told:
            return False
        if os.path.exists(f"{self.folder}/setup.py"):
            return True
        if "build-system" not in self.pyproject:
            return False
        # [build-system] alone, beside the settings of tools: nothing says what would be built.
        if not (self.project or {"poetry", "flit"} & set(tool) or self.setup_cfg_names_it):
            return False
        return not self.lacks_modules

    @property
    def setup_cfg_names_it(self) -> bool:
        """Many a setup.cfg has the settings of tools and nothing else."""
        with contextlib.suppress(OSError), open(f"{self.folder}/setup.cfg", encoding="utf-8", errors="replace") as file:
            return bool(re.search(r"(?m)^\[metadata\]", file.read()))
        return False

    @property
    def lacks_modules(self) -> bool:
        """What C(poetry init) writes has no package where Poetry looks for it, and is no package either."""
        poetry = self.tool.get("poetry", {})
        if not str(self.pyproject["build-system"].get("build-backend", "")).startswith("poetry.") or poetry.get("packages") or poetry.get("include"):
            return False
        name = re.sub(r"[-. ]", "_", str(self.project.get("name") or poetry.get("name") or ""))
        return not any(os.path.exists(f"{self.folder}/{place}{name}{end}") for place in ("", "src/") for end in ("", ".py"))

    @property
    def has_scripts(self) -> bool:
        """Would something be missing that others call, if the project were not installed?"""
        kinds = ("scripts", "gui-scripts", "entry-points")
        return any(self.project.get(kind) for kind in kinds) or any(self.tool.get("poetry", {}).get(kind) for kind in ("scripts", "plugins"))

    def wanted_python(self) -> tuple[str, str] | None:
        """A file and the version that it asks for, as other platforms and tools read it."""
        for name, pattern in ((".python-version", r"(?m)^\s*(?:cpython-|python-?)?(3(?:\.\d+)+)\s*$"), ("runtime.txt", r"python-(3(?:\.\d+)+)")):
            with contextlib.suppress(OSError):
                with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as file:
                    found = re.search(pattern, file.read(4096))
                if found:
                    return name, found[1]
        return None

    @property
    def uv(self) -> dict[str, t.Any]:
        """What it tells uv; C(uv.toml) goes before C(tool.uv)."""
        return {**self.tool.get("uv", {}), **load_toml(f"{self.folder}/uv.toml")}

    def groups(self) -> set[str]:
        return {
            *self.pyproject.get("dependency-groups", {}), *self.tool.get("poetry", {}).get("group", {}), *self.tool.get("pdm", {}).get("dev-dependencies", {}),
            *(["dev"] if "dev-dependencies" in self.tool.get("uv", {}) or "dev-dependencies" in self.tool.get("poetry", {}) else []),
        }

    def extras(self) -> set[str]:
        if "optional-dependencies" in self.project.get("dynamic", []):
            return {"*"}
        return {*self.project.get("optional-dependencies", {}), *self.tool.get("poetry", {}).get("extras", {})}

    def indexes(self) -> list[Index]:
        found: list[Index] = []
        uv = self.uv
        for item in uv.get("index", []):
            found.append(Index(item.get("name", ""), item["url"], bool(item.get("default")), bool(item.get("explicit"))))
        if uv.get("index-url"):
            found.append(Index("", uv["index-url"], True))
        found += [Index("", url, False) for url in uv.get("extra-index-url", [])]
        for item in self.tool.get("poetry", {}).get("source", []):
            if item.get("url"):
                found.append(Index(item.get("name", ""), item["url"], False, item.get("priority") == "explicit"))
        for item in self.tool.get("pdm", {}).get("source", []):
            if item.get("url") and item.get("type", "index") == "index":
                found.append(Index(item.get("name", ""), item["url"], item.get("name") == "pypi"))
        return found

    def workspace(self) -> list[str]:
        """The directories of the members of uv's workspace that the project is in, if its top is in the source."""
        return self.workspace_above()[1]

    def workspace_above(self) -> tuple[str, list[str]]:
        """The top of that workspace, and its members; empty where there is none."""
        top = self.folder
        while True:
            workspace = load_toml(f"{top}/pyproject.toml").get("tool", {}).get("uv", {}).get("workspace", {})
            if "members" in workspace:
                found, without = (
                    {os.path.normpath(place) for pattern in workspace.get(key, []) for place in glob.glob(f"{glob.escape(top)}/{pattern}")}
                    for key in ("members", "exclude"))
                return top, sorted(place for place in found - without if os.path.isdir(place))
            if top == self.source:
                return "", []
            top = os.path.dirname(top)

    def links(self) -> list[str]:
        """Directories and pages with packages, also what uv calls a flat index; a directory in full."""
        uv = self.uv
        found = [*uv.get("find-links", []), *(item["url"] for item in uv.get("index", []) if "://" not in item["url"])]
        found += [item["url"] for item in self.tool.get("pdm", {}).get("source", []) if item.get("url") and item.get("type") == "find_links"]
        found = [place.replace("file:///${PROJECT_ROOT}", self.folder) for place in found]
        return [place if "://" in place else os.path.normpath(os.path.join(self.folder, place)) for place in found]


def project_files(folder: str) -> list[str]:
    """What the dependencies of a project come from. Where code says it, that may be any file whose name sounds like it."""
    project = load_toml(f"{folder}/pyproject.toml")
    dynamic = not project.get("project") or {"dependencies", "optional-dependencies"} & set(project["project"].get("dynamic", []))
    names = ["pyproject.toml", "uv.toml"]
    if dynamic:
        names += ["setup.py", "setup.cfg", "*requirements*", "*.in", "requirements/*"]
    return sorted(path for name in names for path in glob.glob(f"{glob.escape(folder)}/{name}") if os.path.isfile(path))
