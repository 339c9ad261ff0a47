# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that Git LFS keeps elsewhere: a repository and the archives of a git server have only pointers to them."""

from __future__ import annotations

import os

BEGIN = b"version https://git-lfs.github.com/spec/"
# A pointer has three lines.
MOST = 1024


def pointers(top: str, part: bool = False) -> list[str]:
    """The paths of pointers below C(top), in the directories for which a C(.gitattributes) speaks of LFS.

    That of a C(part) of a repository may lie above it.
    """
    found: list[str] = []
    speaks: list[str] = [top] if part else []
    for root, dirs, files in os.walk(top):
        dirs[:] = sorted(name for name in dirs if name not in (".venv", ".pyweb", "node_modules"))
        if ".gitattributes" in files and b"filter=lfs" in beginning(f"{root}/.gitattributes", 1 << 20):
            speaks.append(root)
        if not any(root == place or root.startswith(f"{place}/") for place in speaks):
            continue
        for name in sorted(files):
            path = f"{root}/{name}"
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) <= MOST and beginning(path, MOST).startswith(BEGIN):
                found.append(os.path.relpath(path, top))
    return found


def beginning(path: str, size: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return b""


def note(top: str, part: bool = False) -> list[str]:
    """What the user should know of them."""
    found = pointers(top, part)
    if not found:
        return []
    more = f" and {len(found) - 1} more are" if len(found) > 1 else " is"
    return [f"{found[0]}{more} only a pointer of Git LFS in this source: deploy a checkout that has run git lfs pull by source.path, "
            "or fetch what the application needs in a build step."]
