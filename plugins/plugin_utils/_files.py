# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(files) of an application: what a release has besides its source. Pure: no I/O."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils._paths import relative

# Bytes of one file. They go to the host with each step of a deploy.
LARGEST = 1 << 20


def checked_files(where: str, files: dict[str, Any], shared: list[str]) -> dict[str, dict[str, Any]]:
    """By path in the release C(content) and C(build), whether build steps may read it. Raises AppsError, which shows no content."""
    result: dict[str, dict[str, Any]] = {}
    for name, given in files.items():
        path = relative(where, str(name))
        at = f"{where}.{path}"
        file = {"content": given} if isinstance(given, str) else given
        if not isinstance(file, dict) or "content" not in file or set(file) - {"content", "build"}:
            raise AppsError(f"{at} is a {type(given).__name__}: the text of the file is needed, or a mapping with content (and build).")
        if not isinstance(file["content"], str) or not isinstance(file.get("build", False), bool):
            raise AppsError(f"{at} has to have a text as content, and true or false as build: write what looks like a number or a list in quotes.")
        size = len(file["content"].encode("utf-8", "surrogateescape"))
        if size > LARGEST:
            raise AppsError(f"{at} has {size} bytes: up to {LARGEST} are accepted, put a larger file into the source or into shared/.")
        if str(name).endswith("/") or path in result:
            raise AppsError(f"{at} is no name for one file: write each path once, without a slash at its end.")
        result[path] = {"content": str(file["content"]), "build": file.get("build", False)}
    for path in result:
        for other in (*result, *shared):
            if path.startswith(f"{other}/") or (path == other and other in shared) or other.startswith(f"{path}/"):
                raise AppsError(f"{where}.{path} cannot be there: {other} is {'shared' if other in shared else 'another of these files'}.")
    return result


def as_text(files: dict[str, Any] | None) -> str:
    """All of them, as a user or checked_files() writes them, in one text for the option C(files) of the modules; empty without any."""
    full = {str(path): {"content": file} if isinstance(file, str) else file for path, file in (files or {}).items()}
    return json.dumps({path: {"content": file["content"], "build": bool(file.get("build"))} for path, file in full.items()}, sort_keys=True) if full else ""
