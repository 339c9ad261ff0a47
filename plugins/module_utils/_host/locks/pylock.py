# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pylock.toml (PEP 751)."""

from __future__ import annotations

import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import PYPI, Index, Lock, Tools, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import artefacts, load_toml
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
        return set(load_toml(self.path).get("dependency-groups", []))

    def extras(self) -> set[str]:
        return set(load_toml(self.path).get("extras", []))

    def own_indexes(self) -> list[Index]:
        urls = {package["index"] for package in load_toml(self.path).get("packages", []) if "index" in package}
        return [Index("", url, False) for url in sorted(urls)]

    def links(self) -> list[str]:
        """Also the directories of files that it has beside it."""
        packages = load_toml(self.path).get("packages", [])
        files = [file for package in packages for file in artefacts(package)]
        places = [os.path.normpath(os.path.join(self.project.folder, os.path.dirname(file["path"]))) for file in files if "path" in file]
        return list(dict.fromkeys([*super().links(), *places]))

    @property
    def knows_origins(self) -> bool:
        return True

    def origins(self) -> dict[str, str]:
        packages = load_toml(self.path).get("packages", [])
        return {normal(package["name"]): package["index"] for package in packages if package.get("index") and not PYPI.match(package["index"])}

    def text(self, tools: Tools, wanted: Wanted) -> str:
        return from_pylock(self.path, wanted.groups, wanted.extras)


def from_pylock(path: str, groups: list[str], extras: list[str]) -> str:
    """pylock.toml as requirements, so that it goes through any index; uv would take the addresses of files that are in it."""
    data = load_toml(path)
    if not str(data.get("lock-version", "")).startswith("1."):
        raise BuildError(f"{os.path.basename(path)} has the lock-version {data.get('lock-version')!r}: 1.0 is known here.")
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
            raise BuildError(f"{os.path.basename(path)} has {package['name']} without a version: lock again.")
        else:
            lines.append(f"{package['name']}=={package['version']}{behind}{hashes}")
    return "\n".join(lines) + "\n" if lines else ""
