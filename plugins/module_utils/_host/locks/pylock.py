# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pylock.toml (PEP 751)."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import PYPI, Index, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import artefacts
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class Pylock(Lock):
    kind = "pylock.toml"

    @classmethod
    def named(cls, name: str) -> bool:
        return name == cls.kind or bool(re.fullmatch(r"pylock\.[^.]+\.toml", name))

    def where(self) -> str:
        return self.name or ""

    def groups(self) -> set[str]:
        return set(self.data.get("dependency-groups", []))

    def extras(self) -> set[str]:
        return set(self.data.get("extras", []))

    @property
    def packages(self) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", self.data.get("packages", []))

    def own_indexes(self) -> list[Index]:
        urls = {package["index"] for package in self.packages if "index" in package}
        return [Index("", url, False) for url in sorted(urls)]

    def links(self) -> list[str]:
        """Also the directories of files that it has beside it."""
        files = [file for package in self.packages for file in artefacts(package)]
        places = [os.path.normpath(os.path.join(self.project.folder, os.path.dirname(file["path"]))) for file in files if "path" in file]
        return list(dict.fromkeys([*super().links(), *places]))

    @property
    def knows_origins(self) -> bool:
        return True

    def origins(self) -> dict[str, str]:
        return {normal(package["name"]): package["index"] for package in self.packages if package.get("index") and not PYPI.match(package["index"])}

    def text(self, tools: Tools, wanted: Wanted) -> str:
        return from_pylock(self.data, os.path.basename(self.path), wanted.groups, wanted.extras)


def from_pylock(data: dict[str, t.Any], shown: str, groups: list[str], extras: list[str]) -> str:
    """What pylock.toml says as requirements, so that it goes through any index; uv would take the addresses of files that are in it.

    C(shown) is the name of the file for people. Raises BuildError where it has another format, or a package without a version.
    """
    if not str(data.get("lock-version", "")).startswith("1."):
        raise BuildError(f"{shown} has the lock-version {data.get('lock-version')!r}: 1.0 is known here.")
    active = {"dependency_groups": {normal(name) for name in (*data.get("default-groups", []), *groups)}, "extras": {normal(name) for name in extras}}

    def decided(match: re.Match[str]) -> str:
        inside = normal(match.group(1)) in active[match.group(3)]
        # A marker that always holds, or never does.
        return f"python_version {'>=' if inside != bool(match.group(2)) else '<'} '3'"

    lines = []
    for package in data.get("packages", []):
        marker = re.sub(r"""['"]([^'"]+)['"]\s+(not\s+)?in\s+(extras|dependency_groups)""", decided, package.get("marker", ""))
        behind = f" ; {marker}" if marker else ""
        if "directory" in package:
            lines.append(f"./{package['directory']['path']}".replace("/./", "/") + behind)
            continue
        if "vcs" in package:
            vcs = package["vcs"]
            inner = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
            lines.append(f"{package['name']} @ {vcs['type']}+{vcs.get('url') or vcs.get('path')}@{vcs['commit-id']}{inner}{behind}")
            continue
        files = [*artefacts(package), *([package["archive"]] if "archive" in package else [])]
        hashes = "".join(f" \\\n    --hash=sha256:{file['hashes']['sha256']}" for file in files if "sha256" in file.get("hashes", {}))
        if "archive" in package:
            archive = package["archive"]
            where = archive.get("url") or f"./{archive['path']}"
            lines.append((f"{package['name']} @ {where}" if "url" in archive else where) + behind + hashes)
        elif not package.get("version"):
            raise BuildError(f"{shown} has {package['name']} without a version: lock again.")
        else:
            lines.append(f"{package['name']}=={package['version']}{behind}{hashes}")
    return "\n".join(lines) + "\n" if lines else ""
