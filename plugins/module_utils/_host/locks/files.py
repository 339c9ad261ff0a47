# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of a source; what is wrong with one becomes a sentence."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# As PEP 263 has it, in one of the first two lines.
CODING = re.compile(rb"(?:[^\n]*\n)?#[^\n]*?coding[:=]\s*([\w.-]+)")


def read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return decoded(file.read(), os.path.basename(path))
    except OSError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error.strerror}.") from None


def marked(content: bytes) -> str:
    """The encoding that a byte order mark tells, or UTF-8."""
    return "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def decoded(content: bytes, shown: str) -> str:
    """Text as people's editors write it, with any line ends: UTF-8, UTF-16 with a byte order mark (PowerShell's C(pip freeze > requirements.txt)), or what
    it says itself that it is, as pip takes it."""
    declared = CODING.match(content)
    for encoding in (marked(content), *([declared[1].decode()] if declared else [])):
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    raise BuildError(f"{shown} cannot be read: it is not UTF-8; save it as UTF-8.")


def load_toml(path: str) -> dict[str, t.Any]:
    try:
        import tomllib
    except ModuleNotFoundError:
        # Python 3.10, of Ubuntu 22.04: the role python installs the same library under the name that it had before.
        import tomli as tomllib  # type: ignore[import-not-found,no-redef]

    if not os.path.exists(path):
        return {}
    try:
        return tomllib.loads(read(path))
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error}.") from None


def load_json(path: str) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", json.loads(read(path)))
    except ValueError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error}.") from None


def artefacts(package: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The files that uv.lock and pylock.toml name for a package: wheels, and the source distribution where there is one."""
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]


def contents(source: str, paths: list[str]) -> list[list[str]]:
    return [[os.path.relpath(path, source), read(path)] for path in dict.fromkeys(paths) if os.path.isfile(path)]
