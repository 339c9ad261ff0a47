# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that nginx serves, and those of older releases that it still does."""

from __future__ import annotations

import calendar
import contextlib
import filecmp
import os
import time


def served(name: str) -> bool:
    return not name.startswith(".") or name == ".well-known"


def released(release: str) -> float:
    """When a release was begun, the same on all hosts."""
    return float(calendar.timegm(time.strptime(release[:16], "%Y%m%dT%H%M%SZ")))


def forget_other(path: str, kept: str) -> None:
    """Removes the file C(kept) when its content is not that of C(path): the name is a word, and no hash."""
    with contextlib.suppress(FileNotFoundError):
        if not filecmp.cmp(path, kept, shallow=False):
            os.unlink(kept)


def prune_assets(assets: str, kept: list[dict[str, str]]) -> None:
    """Assets that no kept release has; C(kept) gives, for each release, the directory of each address."""
    for root, dummy, files in os.walk(assets):
        place = os.path.normpath("/" + os.path.relpath(root, assets)).rstrip("/") + "/"
        for name in files:
            path = place + name
            if not any(path.startswith(url) and os.path.exists(f"{directory}/{path[len(url):]}")
                       for static in kept for url, directory in static.items()):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{root}/{name}")
