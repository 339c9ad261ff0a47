# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project tells uv of how its dependencies are built. Third-party packages are installed where its pyproject.toml is not."""

from __future__ import annotations

import json
import typing as t

BUILDING = (
    "config-settings", "config-settings-package", "dependency-metadata", "extra-build-dependencies", "extra-build-variables", "no-binary",
    "no-binary-package", "no-build", "no-build-isolation", "no-build-isolation-package", "no-build-package",
)


class Settings(t.NamedTuple):
    """C(config) is for a C(uv.toml), C(constraints) are requirements that limit what packages are built with."""

    config: dict[str, t.Any]
    constraints: list[str]

    def __bool__(self) -> bool:
        return bool(self.config or self.constraints)

    @property
    def toml(self) -> str:
        return "".join(f"{name} = {as_toml(value)}\n" for name, value in self.config.items())


def settings_of(uv: dict[str, t.Any]) -> Settings:
    """Of C(tool.uv)."""
    return Settings({name: uv[name] for name in BUILDING if name in uv}, list(uv.get("build-constraint-dependencies", [])))


def as_toml(value: t.Any) -> str:
    """Strings, truth values, numbers, lists and tables: more is not in these settings."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)
