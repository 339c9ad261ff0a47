# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source of an application says that it needs. Reads files, runs nothing."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import contents, load_json, load_toml
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.requirements import normal, places, read_requirements, split_local
from ansible_collections.pyweb.stack.plugins.module_utils._step import BuildError

KINDS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt", "pyproject.toml", "setup.py")
PYPI = re.compile(r"https?://(www\.)?pypi\.(org|python\.org)(/|$)")


class Index(t.NamedTuple):
    name: str
    url: str
    default: bool


class Project:
    """The files of one source that say what is needed, and which of them counts."""

    def __init__(self, source: str, file: str | None):
        self.source = source
        self.kind = self.name = None
        if file:
            self.kind, self.name = kind_of(file), file
            if not os.path.isfile(f"{source}/{file}"):
                raise BuildError(f"dependencies.file is {file!r}, which the source does not have.")
        # Includes of a requirements file and the paths in it are seen from the top, as pip does.
        inner = os.path.dirname(file) if file and self.kind != "requirements.txt" else ""
        self.folder = f"{source}/{inner}".rstrip("/")
        self.pyproject = load_toml(f"{self.folder}/pyproject.toml")
        self.project = self.pyproject.get("project", {})
        self.tool = self.pyproject.get("tool", {})
        if not file:
            self.kind = self.name = next((kind for kind in KINDS if self.counts(kind)), None)

    def counts(self, kind: str) -> bool:
        if not os.path.isfile(f"{self.folder}/{kind}"):
            return False
        if kind in ("uv.lock", "poetry.lock", "pdm.lock"):
            return bool(self.pyproject)
        if kind == "pyproject.toml":
            return self.is_package or "dependencies" in self.project or "dependencies" in self.project.get("dynamic", [])
        return True

    @property
    def path(self) -> str:
        return f"{self.source}/{self.name}"

    @property
    def is_package(self) -> bool:
        """Whether the source itself is installed."""
        tool = self.tool
        if tool.get("uv", {}).get("package") is not None:
            return bool(tool["uv"]["package"])
        if tool.get("poetry", {}).get("package-mode") is False or tool.get("pdm", {}).get("distribution") is False:
            return False
        return os.path.exists(f"{self.folder}/setup.py") or "build-system" in self.pyproject

    def material(self) -> list[list[str]]:
        """The names and contents of all files that the answer depends on."""
        if not self.kind:
            return []
        if self.kind == "requirements.txt":
            text = read_requirements(self.path)
            folders = [f"{self.source}/{path}" for path in split_local(text)[1]]
            names = [name for folder in folders for name in project_files(folder)]
            return [["requirements", text], *contents(self.source, names)]
        beside = {
            "uv.lock": ["pyproject.toml", "uv.toml"], "poetry.lock": ["pyproject.toml"], "pdm.lock": ["pyproject.toml"], "Pipfile.lock": ["Pipfile"],
        }.get(self.kind, [])
        names = [self.path, *(f"{self.folder}/{name}" for name in beside)]
        if self.kind == "uv.lock":
            for package in load_toml(self.path).get("package", []):
                place = package.get("source", {})
                member = place.get("editable") or place.get("directory") or place.get("virtual")
                if member and member != ".":
                    names.append(f"{self.folder}/{member}/pyproject.toml")
        if self.kind in ("pyproject.toml", "setup.py"):
            names = project_files(self.folder)
            for place in self.tool.get("uv", {}).get("sources", {}).values():
                if isinstance(place, dict) and "path" in place:
                    names += project_files(f"{self.folder}/{place['path']}")
        return contents(self.source, names)

    def check(self, groups: list[str], extras: list[str]) -> None:
        """A group or an extra that is not there would be left out by some tools without a word."""
        for option, wanted, known in (("groups", groups, self.groups()), ("extras", extras, self.extras())):
            if not wanted:
                continue
            if known is None:
                raise BuildError(f"dependencies.{option} has {wanted[0]!r}, but {self.name or 'the source'} knows no {option}: leave it out.")
            for name in wanted:
                if normal(name) not in {normal(item) for item in known} and "*" not in known:
                    raise BuildError(
                        f"dependencies.{option} has {name!r}, which {self.where()} does not define: it defines {', '.join(sorted(known)) or 'none'}.")

    def where(self) -> str:
        return self.name if self.kind in ("pylock.toml", "Pipfile.lock") else "pyproject.toml"

    def groups(self) -> set[str] | None:
        if self.kind == "pylock.toml":
            return set(load_toml(self.path).get("dependency-groups", []))
        if self.kind == "Pipfile.lock":
            return {"dev-packages" if name == "develop" else name for name in load_json(self.path) if name not in ("_meta", "default")}
        if self.kind in ("requirements.txt", "setup.py", None):
            return None
        return {
            *self.pyproject.get("dependency-groups", {}), *self.tool.get("poetry", {}).get("group", {}), *self.tool.get("pdm", {}).get("dev-dependencies", {}),
            *(["dev"] if "dev-dependencies" in self.tool.get("uv", {}) or "dev-dependencies" in self.tool.get("poetry", {}) else []),
        }

    def extras(self) -> set[str] | None:
        if self.kind == "pylock.toml":
            return set(load_toml(self.path).get("extras", []))
        if self.kind in ("requirements.txt", "Pipfile.lock", None):
            return None
        if self.kind == "setup.py" or "optional-dependencies" in self.project.get("dynamic", []):
            return {"*"}
        return {*self.project.get("optional-dependencies", {}), *self.tool.get("poetry", {}).get("extras", {})}

    def indexes(self) -> list[Index]:
        """Where the project itself says that packages come from."""
        found: list[Index] = []
        uv = {**self.tool.get("uv", {}), **load_toml(f"{self.folder}/uv.toml")}
        for item in uv.get("index", []):
            found.append(Index(item.get("name", ""), item["url"], bool(item.get("default"))))
        if uv.get("index-url"):
            found.append(Index("", uv["index-url"], True))
        found += [Index("", url, False) for url in uv.get("extra-index-url", [])]
        for item in self.tool.get("poetry", {}).get("source", []):
            if item.get("url"):
                found.append(Index(item.get("name", ""), item["url"], False))
        for item in self.tool.get("pdm", {}).get("source", []):
            if item.get("url") and item.get("type", "index") == "index":
                found.append(Index(item.get("name", ""), item["url"], item.get("name") == "pypi"))
        if self.kind == "Pipfile.lock":
            for number, item in enumerate(load_json(self.path).get("_meta", {}).get("sources", [])):
                found.append(Index(item.get("name", ""), item["url"], number == 0))
        if self.kind == "pylock.toml":
            urls = {package["index"] for package in load_toml(self.path).get("packages", []) if "index" in package}
            found += [Index("", url, False) for url in sorted(urls)]
        if self.kind == "requirements.txt":
            for option, value in places(read_requirements(self.path)):
                if "index" in option or option == "-i":
                    found.append(Index("", value, "extra" not in option))
        # A project that says PyPI means the default, which dependencies.index may replace.
        return [index for index in found if not PYPI.match(index.url)]

    def registries(self) -> list[str]:
        """The indexes that uv.lock was made with."""
        found = {package.get("source", {}).get("registry", "") for package in load_toml(self.path).get("package", [])}
        return sorted(url for url in found if "://" in url)

    def links(self) -> list[str]:
        """Directories and pages with packages that a requirements file names."""
        if self.kind != "requirements.txt":
            return []
        found = [value for option, value in places(read_requirements(self.path)) if option in ("--find-links", "-f")]
        return [value if "://" in value else os.path.normpath(os.path.join(self.source, value)) for value in found]


def kind_of(file: str) -> str:
    name = os.path.basename(file)
    if name in KINDS:
        return name
    if re.fullmatch(r"pylock\.[^.]+\.toml", name):
        return "pylock.toml"
    if name.endswith((".txt", ".in")):
        return "requirements.txt"
    raise BuildError(f"dependencies.file is {file!r}: accepted are {', '.join(KINDS)}, and other names that end with .txt, for requirements.")


def project_files(folder: str) -> list[str]:
    """What the dependencies of a project come from. Where code says it, that may be any file whose name sounds like it."""
    project = load_toml(f"{folder}/pyproject.toml")
    dynamic = not project.get("project") or {"dependencies", "optional-dependencies"} & set(project["project"].get("dynamic", []))
    names = ["pyproject.toml", "uv.toml"]
    if dynamic:
        names += ["setup.py", "setup.cfg", "*requirements*", "*.in", "requirements/*"]
    return sorted(path for name in names for path in glob.glob(f"{glob.escape(folder)}/{name}") if os.path.isfile(path))
