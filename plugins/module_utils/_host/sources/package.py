# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package of an index, or a wheel of the controller."""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import Source, write
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.sent import Sent
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class Package(Source):
    """A package of an index. The release has no source of its own, only a file that says what its environment needs."""

    kind = "package"

    @classmethod
    def takes(cls, source: dict[str, t.Any]) -> bool:
        return bool(source.get("package")) and not Wheel.takes(source)

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        super().__init__(home, source, env, sent)
        name, dummy, version = source["package"].replace(" ", "").partition("==")
        self.version = version if self.version == "HEAD" else self.version
        self.shown = f"{name}=={self.version}"

    def resolve(self) -> str:
        if self.shown.endswith("=="):
            raise BuildError(f"source.package is {self.source['package']!r}: name==version is needed, such as shop==1.4.0.")
        return hashlib.sha256(self.requirement("").encode()).hexdigest()

    def requirement(self, revision: str) -> str:
        return self.shown

    def export(self, revision: str, target: str) -> None:
        # It is then what unpinned requirements are: resolved once, and kept.
        write(f"{target}/requirements.txt", self.requirement(revision) + "\n", 0o640)

    def explain(self, message: str) -> str:
        first, newline, rest = message.partition("\n")
        if "requirements.txt" not in first:
            return message
        return f"the package {self.shown} cannot be installed; check its name and version, and that this host reaches the package index.{newline}{rest}"


class Wheel(Sent, Package):
    """A package in a file of the controller."""

    @classmethod
    def takes(cls, source: dict[str, t.Any]) -> bool:
        return (source.get("package") or "").endswith(".whl")

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        Sent.__init__(self, home, source, env, sent)
        self.name = os.path.basename(source["package"])
        if not re.fullmatch(r"[A-Za-z0-9][\w.+!-]*\.whl", self.name):
            raise BuildError(f"source.package is {source['package']!r}: this is not the name of a wheel.")

    def requirement(self, revision: str) -> str:
        return f"{self.name.split('-')[0]} @ file://{self.place(revision)}#sha256={revision}"
