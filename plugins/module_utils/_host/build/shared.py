# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that releases share: data that outlives them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


def is_shared(directory: str, shared: list[str]) -> bool:
    """Media: what nginx serves there is the application's data."""
    return any(directory == item or directory.startswith(f"{item}/") for item in shared)


def is_file(name: str) -> bool:
    """A path that neither a release nor the host has yet: what has an extension is a file, anything else a directory."""
    name = os.path.basename(name)
    return bool(os.path.splitext(name)[1]) or name == ".env" or name.startswith(".env.")


# What SQLite has written beside a file and not yet into it.
JOURNALS = ("-wal", "-journal")
# What an application reads and does not make.
CONFIGURATION = (".py", ".toml", ".yml", ".yaml", ".ini", ".cfg", ".conf", ".env")


def missing(base: str, shared: list[str]) -> list[str]:
    """What the user should know of shared files that nobody has yet, though an application would hardly make them itself."""
    return [
        f"shared has {path}, which neither the source nor this host has: put it at {base}/{path}, or give it by files, unless the application makes it."
        for path in shared
        if is_file(path) and (path.endswith(CONFIGURATION) or os.path.basename(path).startswith(".env")) and not os.path.lexists(f"{base}/{path}")
    ]


def refuse_ways(release: str, shared: list[str]) -> None:
    """Raises BuildError where the source has something on the way to a shared path by which its link would come to lie elsewhere, or could not be made."""
    for path in shared:
        parts = path.split("/")
        for above in ("/".join(parts[:length]) for length in range(1, len(parts))):
            place = f"{release}/{above}"
            # What is shared itself becomes a link into shared/ as a whole.
            if is_shared(above, shared) or not os.path.lexists(place):
                break
            if leads_away(place, release):
                raise BuildError(f"shared has {path}, but {above} in the source is a link to {os.readlink(place)}, which is no directory of the release: "
                                 f"remove it from the source, or name {above} in shared.")
            if not os.path.isdir(place):
                raise BuildError(f"shared has {path}, but {above} in the source is a file: remove it from the source, or correct shared.")


def leads_away(place: str, release: str) -> bool:
    """Is C(place) a link to nothing, or to what is not in the release?"""
    return os.path.islink(place) and not (os.path.exists(place) and os.path.realpath(place).startswith(f"{os.path.realpath(release)}/"))


def brought(release: str, shared: list[str]) -> dict[str, list[str]]:
    """For each shared directory the files that the source has in it, before a build step adds any."""
    return {
        path: sorted(os.path.relpath(f"{root}/{name}", f"{release}/{path}") for root, dummy, names in os.walk(f"{release}/{path}") for name in names
                     if not os.path.islink(f"{root}/{name}"))
        for path in shared if os.path.isdir(f"{release}/{path}") and not leads_away(f"{release}/{path}", release)
    }


def copy_first(first: str, place: str) -> None:
    """C(first), of the source, becomes the data C(place). A copy that was cut short is not taken for it."""
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    descriptor = os.open(f"{place}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(first, "rb") as content, os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file)
    os.rename(f"{place}.new", place)


def make_shared(base: str, shared: list[str], media: list[str], web: int, release: str, source: dict[str, list[str]] | None = None) -> None:
    """Data is the application's alone. What nginx serves of it belongs to the group C(web), and so does what comes there later (setgid).

    What the source has at C(release) is the first content: a file, or in a directory that is new or empty, the files that C(source) names (see brought()).
    A file that nobody has is made by the application.
    """
    for path in shared:
        place, first = f"{base}/{path}", f"{release}/{path}"
        from_source = os.path.isfile(first) and not os.path.islink(first)
        if from_source or (is_file(path) and not os.path.isdir(first)):
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            # Earlier versions made a directory of it.
            with contextlib.suppress(OSError):
                os.rmdir(place)
            if from_source and not os.path.lexists(place):
                # The file itself comes last: where it is, all of it is.
                for end in (*JOURNALS, ""):
                    if os.path.isfile(first + end) and not os.path.islink(first + end):
                        copy_first(first + end, place + end)
        elif not os.path.isfile(place):
            if os.path.islink(place) and not os.path.exists(place):
                raise BuildError(f"shared has {path}, but {place} is a link to {os.readlink(place)}, which is not there: mount it, or make it.")
            os.makedirs(place, mode=0o700, exist_ok=True)
            if not os.listdir(place):
                for name in (source or {}).get(path, []):
                    copy_first(f"{first}/{name}", f"{place}/{name}")
    for path in media:
        os.makedirs(f"{base}/{path}", mode=0o700, exist_ok=True)
        parts = path.split("/")
        for number in range(1, len(parts)):
            way = "/".join(parts[:number])
            if way not in media:
                os.chmod(f"{base}/{way}", 0o711)
        hand_over(f"{base}/{path}", web)


def make_room(release: str, shared: list[str], base: str) -> None:
    """Directories that build steps can write to; what comes there is not kept, since the build has no access to data.

    A file at C(base) that its owner lets the build user read, such as settings that every command imports, is there as well.
    """
    for path in shared:
        place, data = f"{release}/{path}", f"{base}/{path}"
        if leads_away(place, release):
            # Such as ../../shared/media, as other tools have it, where nothing is for a build step.
            os.unlink(place)
        if os.path.lexists(place):
            continue
        if os.path.isfile(data) and os.access(data, os.R_OK):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.symlink(data, place)
        elif not is_file(path):
            os.makedirs(place)


def hand_over(top: str, web: int) -> None:
    """What is there already is adapted once."""
    status = os.stat(top)
    if status.st_gid == web and status.st_mode & 0o7777 == 0o2750:
        return
    # The top comes last: whoever finds it done finds all of it done.
    for root, dirs, files in os.walk(top, topdown=False):
        for name in [*files, *dirs]:
            path = f"{root}/{name}"
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                continue
            # What another user has put there stays his.
            with contextlib.suppress(PermissionError):
                os.chown(path, -1, web)
                os.chmod(path, stat.S_IMODE(mode) | (0o2050 if stat.S_ISDIR(mode) else 0o040))
    os.chown(top, -1, web)
    os.chmod(top, 0o2750)


def link(path: str, target: str) -> None:
    """What is shared takes the place of what the source has there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)
