# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of an application that somebody else has deployed: releases as of Capistrano, ansistrano, Trellis or Deployer, or a checkout. Reads only."""

from __future__ import annotations

import dataclasses
import os
import pwd
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._adopt.data import is_database

# Where the tools keep their copy of the repository, below the directory of the application.
_COPIES = ("repo", ".dep/repo", "shared/source", "shared/cached-copy")
_DEPTH = 4
# What a checkout has besides its source, and what no release has to keep.
_PASSING = re.compile(r"(^|/)(__pycache__|node_modules|\.git|\.[a-z_]*cache|[^/]*\.egg-info|build|dist|\.tox|\.idea|\.vscode)(/|$)"
                      r"|\.(pyc|pyo|log|sock|pid|swp|bak|orig|sqlite3?-(wal|shm|journal))$|~$")

# What keeps a directory in a repository that has nothing else in it.
_KEEPS = (".gitkeep", ".keep", ".gitignore", ".placeholder", ".empty")

# Directories that are data by their name, where no repository tells.
_DATA = ("data", "instance", "media", "storage", "upload", "uploads")

Run = t.Callable[[list[str]], "tuple[int, str, str]"]


@dataclasses.dataclass
class Tree:
    """What a directory says about the application in it."""

    # releases, checkout, directory (neither of them) or missing.
    kind: str
    # The directory with the code that is live.
    code: str
    # Address of the repository, the branch that is deployed, the commit that is live; empty where nobody says it.
    repo: str = ""
    branch: str = ""
    revision: str = ""
    # Paths, relative to the code, that outlive a release, and the absolute paths where they lie.
    shared: dict[str, str] = dataclasses.field(default_factory=dict)
    # Files with environment variables beside the code.
    dotenv: list[str] = dataclasses.field(default_factory=list)
    # Files of the source that somebody has changed on the host.
    edited: list[str] = dataclasses.field(default_factory=list)
    # Names of files at the top of the code, and of requirements below requirements/.
    names: list[str] = dataclasses.field(default_factory=list)
    # The virtual environment of the code and its Python.
    venv: str = ""
    python: str = ""
    django_settings: str = ""


def text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1_000_000)
    except OSError:
        return ""


def _git(run: Run, directory: str, *arguments: str) -> str:
    """What git says, as the user who owns the directory: a repository may name programs that git starts. Nothing where it fails."""
    try:
        owner = pwd.getpwuid(os.stat(directory).st_uid).pw_name
    except (OSError, KeyError):
        return ""
    # Without locks: status would write the index.
    command = ["env", "GIT_OPTIONAL_LOCKS=0", "git", "-C", directory, *arguments]
    rc, out, dummy = run(command if owner == "root" else ["runuser", "-u", owner, "--", *command])
    return out if rc == 0 else ""


def _links(code: str, shared: str) -> dict[str, str]:
    """Links of the release that lead into the shared directory, by their path in the release."""
    found: dict[str, str] = {}
    for top, names, files in os.walk(code):
        depth = os.path.relpath(top, code).count("/") + 1
        for name in [*names, *files]:
            path = os.path.join(top, name)
            target = os.path.realpath(path)
            if os.path.islink(path) and target.startswith(f"{shared}/") and not name.startswith(".venv"):
                found[os.path.relpath(path, code)] = target
        names[:] = [] if depth >= _DEPTH else [name for name in names if name not in (".git", ".venv", "venv", "node_modules")]
    return found


def _untracked(run: Run, code: str) -> dict[str, str]:
    """What a checkout has besides its source: data, unless its name says that it passes."""
    listed = _git(run, code, "ls-files", "-z", "--others", "--directory")
    source = [name for name in _git(run, code, "ls-files", "-z").split("\0") if name and os.path.basename(name) not in _KEEPS]
    code_in = {above for name in source for above in _above(name)}
    found = {}
    for name in (name.rstrip("/") for name in listed.split("\0") if name):
        path = os.path.join(code, name)
        if not _PASSING.search(name) and not os.path.exists(os.path.join(path, "pyvenv.cfg")) and not os.path.islink(path):
            # A directory that the source only keeps is data as a whole, with what comes there later.
            name = next((above for above in _above(name) if above not in code_in), name)
            found[name] = os.path.join(code, name)
    return found


def _above(name: str) -> list[str]:
    """The directories that a path lies in, from the top."""
    parts = name.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def _guessed(code: str) -> dict[str, str]:
    """What looks like data in a directory that is no checkout: by its name, or as a database of SQLite."""
    found: dict[str, str] = {}
    for top, names, files in os.walk(code):
        kept = []
        for name in sorted(names):
            path = os.path.join(top, name)
            inside = os.path.relpath(path, code)
            if _PASSING.search(inside) or name.startswith(".") or os.path.exists(os.path.join(path, "pyvenv.cfg")):
                continue
            if name in _DATA and not any(file.endswith(".py") for file in os.listdir(path)):
                found[inside] = path
            elif inside.count("/") < _DEPTH - 2:
                kept.append(name)
        names[:] = kept
        found.update({os.path.relpath(path, code): path for name in sorted(files) if is_database(path := os.path.join(top, name))})
    return found


def _revisions_log(path: str) -> str:
    """The branch that Capistrano has deployed last."""
    lines = re.findall(r"^Branch (\S+) \(at \w+\) deployed", text(os.path.join(path, "revisions.log")), re.MULTILINE)
    return lines[-1] if lines else ""


def _venv(code: str, program: str) -> str:
    """The virtual environment of a program such as C(/srv/shop/venv/bin/gunicorn), else the one beside the code."""
    for place in (os.path.dirname(os.path.dirname(program)), *(os.path.join(code, name) for name in (".venv", "venv", "env"))):
        if place and os.path.exists(os.path.join(place, "pyvenv.cfg")):
            return os.path.realpath(place)
    return ""


def _settings(code: str) -> str:
    found = re.search(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""", text(os.path.join(code, "manage.py")))
    return found[1] if found else ""


def look(run: Run, path: str, program: str = "") -> Tree:
    """What is in the directory C(path), whose server is started as C(program)."""
    current = os.path.join(path, "current")
    if os.path.isdir(os.path.join(path, "releases")) and os.path.isdir(current):
        tree = Tree("releases", os.path.realpath(current))
        copy = next((place for name in _COPIES if os.path.isdir(place := os.path.join(path, name))), tree.code)
        tree.revision = text(os.path.join(tree.code, "REVISION")).strip()
        tree.branch = _revisions_log(path)
        links = _links(tree.code, os.path.realpath(os.path.join(path, "shared")))
        tree.dotenv = [target for name, target in links.items() if os.path.basename(name).startswith(".env")]
        tree.shared = {name: target for name, target in links.items() if target not in tree.dotenv and not os.path.exists(os.path.join(target, "pyvenv.cfg"))}
    elif os.path.isdir(path):
        tree = Tree("checkout" if os.path.exists(os.path.join(path, ".git")) else "directory", os.path.realpath(path))
        copy = tree.code
        if tree.kind == "checkout":
            found = _untracked(run, tree.code)
            tree.dotenv = [place for name, place in found.items() if os.path.basename(name).startswith(".env")]
            tree.shared = {name: place for name, place in found.items() if place not in tree.dotenv}
            # Not diff: it writes the index where only the times of files have changed.
            tree.edited = [line[3:] for line in _git(run, tree.code, "status", "--porcelain", "-z", "-uno", "--no-renames").split("\0") if line]
        else:
            tree.shared = _guessed(tree.code)
            tree.dotenv = [place for name in (".env",) if os.path.isfile(place := os.path.join(tree.code, name))]
    else:
        return Tree("missing", path)
    # Only their own repository: the directory may lie in somebody else's.
    if tree.kind == "checkout" or copy != tree.code or os.path.exists(os.path.join(copy, ".git")):
        tree.repo = _git(run, copy, "config", "--get", "remote.origin.url").strip()
        tree.branch = tree.branch or _git(run, copy, "symbolic-ref", "--short", "-q", "HEAD").strip()
        tree.revision = tree.revision or _git(run, copy, "rev-parse", "HEAD").strip()
    tree.names = sorted(os.listdir(tree.code))
    requirements = os.path.join(tree.code, "requirements")
    tree.names += [f"requirements/{name}" for name in sorted(os.listdir(requirements))] if os.path.isdir(requirements) else []
    tree.venv = _venv(tree.code, program)
    version = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", text(os.path.join(tree.venv, "pyvenv.cfg")) if tree.venv else "", re.MULTILINE)
    tree.python = version[1] if version else ""
    tree.django_settings = _settings(tree.code)
    return tree
