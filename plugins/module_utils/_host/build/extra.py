# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that the user gives a release besides its source, such as a configuration with passwords.

Root has them beside the manifest of the release, where the application reads them and build steps do not; the release has links to them.
Those that build steps need are written into the release itself, as if the source had them.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import link
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file

RESERVED = (".venv", ".pyweb", ".git")


class Given(t.NamedTuple):
    path: str  # in the release
    content: str
    build: bool  # build steps may read it


def parsed(text: str) -> list[Given]:
    """The option C(files). Raises BuildError for a path that leads out of the release."""
    found = [Given(path, file["content"], bool(file.get("build"))) for path, file in json.loads(text or "{}").items()]
    for file in found:
        parts = file.path.split("/")
        if file.path.startswith("/") or {"", ".", ".."} & set(parts) or parts[0] in RESERVED:
            raise BuildError(f"files has {file.path!r}: a path inside the release is needed.")
    return found


def material(text: str) -> list[t.Any]:
    """What of the option a build depends on: the paths, and the content where build steps see it."""
    return [[file.path, file.content if file.build else None] for file in parsed(text)]


def store(text: str, directory: str, group: int) -> None:
    """As root: those that only the application may read are in C(directory), which belongs to no build."""
    files = [file for file in parsed(text) if not file.build]
    if not files:
        return
    make(directory, group)
    for file in files:
        place = directory
        for step in file.path.split("/")[:-1]:
            place = f"{place}/{step}"
            make(place, group)
        write_file(f"{directory}/{file.path}", file.content, group=group)


def make(directory: str, group: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, 0o750)
    os.chown(directory, -1, group)


def place(text: str, release: str, directory: str) -> None:
    """As the build user: they take the place of what the source has at their paths in C(release)."""
    for file in parsed(text):
        path = f"{release}/{file.path}"
        if os.path.isdir(path) and not os.path.islink(path):
            raise BuildError(f"files has {file.path}, but the source has a directory there: name a file in it.")
        if not file.build:
            link(path, f"{directory}/{file.path}")
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with open(path, "x", encoding="utf-8", newline="") as output:
            os.fchmod(output.fileno(), 0o640)
            output.write(file.content)


def lead(text: str, release: str, directory: str) -> None:
    """As the build user, in a copy of another release: the links lead to the files of this one."""
    for file in parsed(text):
        if not file.build:
            link(f"{release}/{file.path}", f"{directory}/{file.path}")
