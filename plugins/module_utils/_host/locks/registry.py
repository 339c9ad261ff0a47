# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of a source says what it needs."""

from __future__ import annotations

import glob
import os

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Lock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pdm import PdmLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pipenv import PipfileLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.poetry import PoetryLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import Project
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pylock import Pylock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pyproject import Pyproject, SetupPy
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.requirements import RequirementsFile, RyeLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.uv import UvLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# The first one that is there counts. A further kind is a line here and a file beside this one.
KINDS: tuple[type[Lock], ...] = (UvLock, Pylock, PoetryLock, PdmLock, PipfileLock, RyeLock, RequirementsFile, Pyproject, SetupPy)

# What people keep their requirements in that is not among them, and what they can do.
UNREAD = (
    ("Pipfile", "run pipenv lock and commit Pipfile.lock"),
    ("requirements.in", "commit what pip-compile makes of it, or name it by dependencies.file"),
    ("requirements/*.txt", "name it by dependencies.file"),
    ("*/requirements.txt", "name its directory by source.directory, or it by dependencies.file where the application needs what lies beside it"),
    ("environment.y*ml", "write what conda would install as requirements.txt, for pip"),
    ("setup.cfg", "commit a pyproject.toml with a [build-system] beside it"),
)


def kind_of(file: str) -> type[Lock]:
    """The kind of a file that the user has named."""
    for kind in KINDS:
        if kind.named(os.path.basename(file)):
            return kind
    raise BuildError(f"dependencies.file is {file!r}: accepted are {', '.join(str(kind.kind) for kind in KINDS)}, "
                     "and other names that end with .txt, for requirements.")


def lock_of(source: str, file: str | None) -> Lock:
    """What says what C(source) needs: the C(file) in it that the user has named, or the first one that there is."""
    if file:
        kind = kind_of(file)
        if not os.path.isfile(f"{source}/{file}"):
            raise BuildError(f"dependencies.file is {file!r}, which the source does not have.")
        # Includes of a requirements file and the paths in it are seen from the top, as pip does.
        inner = "" if kind is RequirementsFile else os.path.dirname(file)
        project = Project(source, f"{source}/{inner}".rstrip("/"))
        return (locked_member(project) if kind is Pyproject else None) or kind(project, file)
    project = Project(source, source)
    for kind in KINDS:
        lock = kind(project)
        if os.path.isfile(lock.path) and lock.counts():
            return lock
    return Lock(project)


def locked_member(project: Project) -> Lock | None:
    """The lock of the uv workspace that C(project) is a member of, where that is in the source: its versions are those that were tried."""
    top, members = project.workspace_above()
    if os.path.normpath(project.folder) not in members or project.folder == top or not os.path.isfile(f"{top}/{UvLock.kind}"):
        return None
    return UvLock(Project(project.source, top), os.path.relpath(f"{top}/{UvLock.kind}", project.source), project)


def unread(source: str, lock: Lock) -> list[str]:
    """What to tell of a source that has none of the files above, as C(lock) says, but one that looks as if it said what is needed."""
    if lock.kind:
        return []
    if set(lock.project.tool.get("poetry", {}).get("dependencies", {})) - {"python"}:
        return ["nothing is installed but what serves: [tool.poetry.dependencies] of pyproject.toml is not read; run poetry lock and commit poetry.lock."]
    for pattern, remedy in UNREAD:
        found = sorted(glob.glob(f"{glob.escape(source)}/{pattern}"))
        if found:
            return [f"nothing is installed but what serves: {os.path.relpath(found[0], source)} is not read, and the source has no other file that says "
                    f"what it needs; {remedy}."]
    return []
