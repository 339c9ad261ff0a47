# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application that lies in a subdirectory of its source: that directory becomes the release."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import Source, refuse_names

# What says what an application needs, and what people may name by dependencies.file.
LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.lock", "requirements.txt")
REQUIREMENTS = (*LOCKS, "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.y*ml", "*.txt", "*.in", "*.lock", "pylock.*.toml",
                "*/*.txt", "*/*.in", "*/*.lock")


def export(source: Source, revision: str, target: str) -> None:
    """The files of C(source), or of its C(directory), in C(target). Nothing of them may need what is left out."""
    directory = source.source.get("directory")
    if not directory:
        source.export(revision, target)
        return
    with tempfile.TemporaryDirectory(prefix=".part-", dir=source.home) as whole:
        source.export(revision, whole)
        part = f"{whole}/{directory}"
        if not os.path.isdir(part):
            raise BuildError(f"source.directory is {directory!r}, which is no directory of {source.shown}: it has {listed(whole)}.")
        if os.path.realpath(part) != f"{os.path.realpath(whole)}/{directory}":
            raise BuildError(f"source.directory is {directory!r}, which is behind a link in {source.shown}: name the directory that the link leads to.")
        refuse_links_out(part, directory)
        refuse_workspace(whole, directory)
        refuse_requirements_above(whole, directory)
        for name in os.listdir(part):
            shutil.move(f"{part}/{name}", f"{target}/{name}")
    refuse_names(target)


def listed(folder: str) -> str:
    names = sorted(name for name in os.listdir(folder) if os.path.isdir(f"{folder}/{name}") and not name.startswith("."))
    return ", ".join(names) or "none"


def refuse_links_out(part: str, directory: str) -> None:
    """They would lead nowhere, and nobody would be told."""
    top = os.path.realpath(part)
    for root, dirs, files in os.walk(part):
        for name in (*dirs, *files):
            path = f"{root}/{name}"
            if os.path.islink(path) and os.path.exists(path) and not os.path.realpath(path).startswith(f"{top}/"):
                raise BuildError(f"source.directory is {directory!r}, but {os.path.relpath(path, part)} in it is a link to {os.readlink(path)}, "
                                 "which is outside and not part of the release: deploy the whole source, as docs/recipes.md shows.")


def _above(whole: str, directory: str, names: tuple[str, ...]) -> str | None:
    """The first of C(names) in a directory above C(directory), the nearest one first, as a path in the source."""
    above = directory
    while above:
        above = os.path.dirname(above)
        for name in names:
            if os.path.exists(os.path.normpath(f"{whole}/{above}/{name}")):
                return os.path.join(above, name)
    return None


def refuse_workspace(whole: str, directory: str) -> None:
    """The versions of a member of a uv workspace are in the lock above it."""
    if not os.path.exists(f"{whole}/{directory}/pyproject.toml") or os.path.exists(f"{whole}/{directory}/uv.lock"):
        return
    lock = _above(whole, directory, ("uv.lock",))
    if lock:
        above = os.path.dirname(lock)
        file = os.path.join(os.path.relpath(directory, above or "."), "pyproject.toml")
        raise BuildError(f"source.directory is {directory!r}, but the versions that it is locked to are in {lock}, outside of it: "
                         f"{f'make it {above!r}' if above else 'leave it out'} and set dependencies.file to {file!r}, as docs/recipes.md shows.")


def refuse_requirements_above(whole: str, directory: str) -> None:
    """Where requirements.txt is at the top and manage.py in src, a release of src would have no package."""
    def has(*patterns: str) -> bool:
        return any(glob.glob(f"{glob.escape(whole)}/{directory}/{pattern}") for pattern in patterns)

    # A frontend needs none.
    if has(*REQUIREMENTS, "package.json") or not has("*.py", "*/__init__.py"):
        return
    lock = _above(whole, directory, LOCKS)
    if lock:
        raise BuildError(f"source.directory is {directory!r}, which has no file that says what the application needs, and {lock} is "
                         f"outside of it: deploy the whole source, as docs/recipes.md shows, or put an empty requirements.txt into {directory}.")
