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


def passed(target: str, path: str) -> list[str]:
    """The directories of the release C(target) that lie on the way to C(path), and what is there, with all links followed.

    C(path) itself where one leads out of the release, or to all of it: what nginx may read there is for its owner to decide.
    """
    way, place, left = [target], target, os.path.relpath(path, target).split("/")
    for dummy in range(1000):
        if not left:
            return [*(item for item in way if item != place), place]
        step = os.path.normpath(f"{place}/{left.pop(0)}")
        if not os.path.islink(step):
            place = step
        else:
            lead = os.path.normpath(os.path.join(place, os.readlink(step)))
            if not lead.startswith(f"{target}/"):
                break
            place, left = target, [*os.path.relpath(lead, target).split("/"), *left]
        way += [place] if place not in way else []
    return [*way, path]


def hidden_links(target: str, top: str) -> list[str]:
    """Links below C(top) to what else the release C(target) has and nginx may not read, each by its path from C(top): visitors get 403 for them."""
    found = []
    for root, dirs, files in os.walk(top):
        dirs[:] = [name for name in dirs if served(name)]
        for path in (f"{root}/{name}" for name in filter(served, [*dirs, *files])):
            if os.path.islink(path) and os.path.exists(path) and passed(target, path)[-1] != path:
                needed = 0o005 if os.path.isdir(path) else 0o004
                found += [] if os.stat(path).st_mode & needed == needed else [os.path.relpath(path, top)]
    return sorted(found)


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
