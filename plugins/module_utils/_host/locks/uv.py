# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv.lock."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import PYPI, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import artefacts, contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import Project
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class UvLock(Lock):
    kind = "uv.lock"
    beside = ("pyproject.toml", "uv.toml")

    def __init__(self, project: Project, name: str | None = None, member: Project | None = None):
        """The whole of it, or of a workspace what one C(member) needs."""
        super().__init__(project, name)
        self.member = member or project

    def counts(self) -> bool:
        return bool(self.project.pyproject)

    def material(self) -> list[list[str]]:
        folder = self.project.folder
        names = [self.path, *(f"{folder}/{name}" for name in self.beside)]
        for package in self.packages:
            place = package.get("source", {})
            member = place.get("editable") or place.get("directory") or place.get("virtual")
            if member and member != ".":
                names.append(f"{folder}/{member}/pyproject.toml")
        carried = [path for paths in self.carried().values() for path in paths]
        chosen = [["member", os.path.relpath(self.member.folder, folder)]] if self.member is not self.project else []
        return [*contents(self.project.source, names), *chosen, *([os.path.relpath(path, folder), self.digest(path)] for path in carried)]

    def carried(self) -> dict[tuple[str, str], list[str]]:
        """The files of packages, by name and version, that the lock has from a directory (find-links, a flat index)."""
        found: dict[tuple[str, str], list[str]] = {}
        for package in self.packages:
            registry = package.get("source", {}).get("registry", "://")
            if "://" not in registry:
                files = [file["path"] for file in artefacts(package) if "path" in file]
                found[package["name"], package["version"]] = [os.path.join(self.project.folder, registry, file) for file in files]
        return found

    def digest(self, path: str) -> str:
        try:
            with open(path, "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        except OSError:
            raise BuildError(f"{self.name} names {os.path.relpath(path, self.project.folder)}, which is not there: add it to the source.") from None

    def links(self) -> list[str]:
        return list(dict.fromkeys([*super().links(), *(os.path.normpath(os.path.dirname(path)) for paths in self.carried().values() for path in paths)]))

    def with_hashes(self, exported: str) -> str:
        """uv notes none for what is carried, and what an index has by that name could be taken in its place."""
        for (name, version), paths in self.carried().items():
            hashes = "".join(f" \\\n    --hash=sha256:{self.digest(path)}" for path in paths).replace("\\", r"\\")
            exported = re.sub(rf"(?m)^{re.escape(f'{name}=={version}')}(?=\s|$)[^\n\\]*$", rf"\g<0>{hashes}", exported)
        return exported

    def groups(self) -> set[str]:
        return self.member.groups()

    def extras(self) -> set[str]:
        return self.member.extras()

    @property
    def knows_origins(self) -> bool:
        return True

    def origins(self) -> dict[str, str]:
        # What stands in place of PyPI may be replaced by dependencies.index.
        usual = [index.url.rstrip("/") for index in self.project.indexes() if index.default]
        found = {normal(package["name"]): package.get("source", {}).get("registry", "") for package in self.packages}
        return {name: url for name, url in found.items() if "://" in url and not PYPI.match(url) and url.rstrip("/") not in usual}

    def registries(self) -> list[str]:
        """The indexes that it was made with."""
        found = {package.get("source", {}).get("registry", "") for package in self.packages}
        return sorted(url for url in found if "://" in url)

    def text(self, tools: Tools, wanted: Wanted) -> str:
        return self.with_hashes(self.exported(tools, wanted))

    def exported(self, tools: Tools, wanted: Wanted) -> str:
        try:
            return self.export(tools, wanted, "--no-annotate")
        except BuildError as error:
            # A project may ask for an old uv, such as 0.5, which does not know that option, and annotates nothing.
            if "unexpected argument '--no-annotate'" not in str(error):
                raise
        return self.export(tools, wanted)

    def export(self, tools: Tools, wanted: Wanted, *options: str) -> str:
        arguments = ["export", "--locked", "--no-header", *options, "--format", "requirements-txt", "--python", wanted.python, "--quiet",
                     *([] if "dev" in wanted.groups else ["--no-dev"]), *(f"--group={name}" for name in wanted.groups),
                     *(f"--extra={name}" for name in wanted.extras)]
        what = f"uv export of {self.name}"
        # For uv a lock is out of date when it names an index that is not configured, and dependencies may come from another one here.
        locked = " ".join(self.registries())
        # Whether it is up to date shows without an index, unless code has to run that says what it needs.
        with contextlib.suppress(BuildError):
            return tools.uv(*arguments, "--offline", what=what, cwd=self.member.folder, UV_INDEX=locked, UV_DEFAULT_INDEX=None, UV_NO_INDEX=None,
                            UV_FIND_LINKS=None)
        here = [tools.places.get(name, "") for name in ("UV_INDEX", "UV_DEFAULT_INDEX")]
        return tools.uv(*arguments, what=what, cwd=self.member.folder, hint="run uv lock in the project and commit uv.lock.",
                        UV_INDEX=" ".join([*here, locked]).strip(), UV_NO_INDEX=None)
