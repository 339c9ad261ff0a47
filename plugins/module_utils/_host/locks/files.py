# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of a source; what is wrong with one becomes a sentence."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._step import BuildError


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BuildError(f"{os.path.basename(path)} cannot be read: it is not UTF-8.") from None


def load_toml(path: str) -> dict[str, t.Any]:
    import tomllib

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


def contents(source: str, paths: list[str]) -> list[list[str]]:
    return [[os.path.relpath(path, source), read(path)] for path in dict.fromkeys(paths) if os.path.isfile(path)]
