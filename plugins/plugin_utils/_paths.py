# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that a user writes in C(pyweb_apps). Pure: no I/O."""

from __future__ import annotations

import re

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError


def relative(where: str, path: str) -> str:
    """C(path) without ./ before it and a slash at its end, if it is one inside a release; C(where) names the option. Raises AppsError."""
    given, path = path, re.sub(r"^(\./)+(?=[^/])", "", path)
    parts = path.split("/")
    if not path or path.startswith(("/", ".pyweb", ".venv")) or {".", ".."} & set(parts) or "" in parts[:-1] or re.search(r"[\s\"'\\$;{}]", path):
        raise AppsError(f"{where} is {given!r}: a path inside the release is needed, relative, without .., spaces and quotes.")
    return path.rstrip("/")
