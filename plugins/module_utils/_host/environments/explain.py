# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What uv prints when it fails, as one sentence with a remedy."""

from __future__ import annotations

import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password

# What uv says when something fails, and what it means for the user: the first that fits.
UNREACHABLE = re.compile(r"(?s)(?:error sending request for url|Failed to fetch|Failed to download|Could not connect)[^\n]*?((?:https?|file)://[^\s`)]+)")
REFUSED = re.compile(r"An index URL \((\S+?)\) (?:could not be queried due to a lack of valid authentication|returned a `?403)")
NOT_FOUND = re.compile(r"([A-Za-z0-9][\w.-]*) was not found in (?:the package registry|the cache|the provided package locations)")
NO_VERSION = re.compile(r"there (?:is|are) no versions? of ([A-Za-z0-9][\w.-]*(?:[=<>!~]=?\S+)?)")
# Known from before, but not to be had without an index.
NOT_HERE = re.compile(r"([A-Za-z0-9][\w.-]*?)(?:==\S+)? needs to be downloaded from a registry")
NOT_THERE = re.compile(r"`[^`]+` was found on (\S+), but not at the requested version \(([^)]+)\)")
BUILD = re.compile(r"Failed to (?:download and )?build `([^`]+)`")
PYTHON = re.compile(r"interpreter resolved to Python ([\d.]+), which is incompatible with the project's Python requirement: `([^`]+)`|"
                    r"activated Python version ([\d.]+) is not supported by the project \(([^)]+)\)")
NOT_IN_SOURCE = re.compile(r"(?:Distribution not found at: file://|Failed to read `--find-links` directory: )(\S+)")
REPOSITORY = re.compile(r"git\+([a-z]+://[^\s`'#]+)")
LACKS = re.compile(
    r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file"
    r"|(?:No such file or directory: |unable to execute |command )'?(\S*?\b(?:gcc|cc|g\+\+|c\+\+|clang)(?:-\d+)?)\b"
    r"|([\w-]*_config|pkg-config|pkgconf|cargo|rustc|cmake|ninja|gfortran|swig)\b[^\n]*(?:not found|not installed|No such file)"
    r"|(?:Could not find|can't find|cannot find|not find) ([\w-]*_config|pkg-config|Rust compiler)")

OTHER_PYTHON = "set python to a version that fits; a full one, such as 3.14.2, is installed by the playbook provision."


def explain(output: str, wheelhouse: str | None) -> str:
    """One sentence for what uv says at length; nothing when it is something else."""
    told = (_hashes(output) or _python(output) or _lock(output) or _source(output) or _index(output) or _missing(output, wheelhouse) or _build(output)
            or _unreachable(output))
    if not told and "does not satisfy Python" in output:
        return "the requirements ask for another Python than this one: set python."
    return told


def _hashes(output: str) -> str:
    found = re.search(r"all requirements must have a hash, but none were provided for: ([^\n]+)", output)
    if found:
        return f"{found.group(1)} has no hash, but others have: write hashes for all, or for none."
    found = re.search(r"Hash mismatch for `([^`]+)`", output)
    if found:
        return f"what the index has as {found.group(1)} is not the file that was locked: lock again if you trust it."
    return ""


def _python(output: str) -> str:
    found = PYTHON.search(output)
    if found:
        this, needed = found.group(1) or found.group(3), found.group(2) or found.group(4)
        return f"the project needs Python {needed} (requires-python), but this is {this}: {OTHER_PYTHON}"
    found = re.search(r"No Python that satisfies (\S+) is found", output)
    if found:
        return f"the project needs Python {found.group(1)} (requires-python), which is not the one that is used: {OTHER_PYTHON}"
    return ""


def _lock(output: str) -> str:
    if re.search(r"lockfile at `[^`]*` uses an unsupported schema version", output):
        return ("uv.lock was written by a newer uv than this host's: set python_uv.version of role python to that version, or required-version in the "
                "project's [tool.uv], which is then installed for it.")
    if "needs to be updated, but `--locked`" in output:
        return "uv.lock does not match pyproject.toml: run uv lock in the project and commit uv.lock."
    if "poetry.lock" in output and "changed significantly" in output:
        return "poetry.lock does not match pyproject.toml: run poetry lock and commit poetry.lock."
    return ""


def _source(output: str) -> str:
    """Of paths and repositories among the requirements."""
    found = NOT_IN_SOURCE.search(output)
    if found:
        return (f"the requirements name {found.group(1)}, which is not there: add it to the source, or, where it lies outside of source.directory, "
                "deploy the whole source, as docs/recipes.md shows.")
    if "Git operation failed" in output:
        found = REPOSITORY.search(output)
        which = f"the repository {without_password(found.group(1))}" if found else "a repository among the requirements"
        return (f"{which} cannot be read from this host: check its address and version, and give a token or a key that may read it "
                "by dependencies.git.")
    return ""


def _index(output: str) -> str:
    found = REFUSED.search(output)
    if found:
        return f"{found.group(1)} refused the user or the password: check dependencies.index and dependencies.extra_indexes."
    found = NOT_THERE.search(output)
    if found:
        return (f"{without_password(found.group(1))} has other versions of it, but not {found.group(2)}, and no other index is asked then: take a version that "
                "it has, or, where all indexes are trusted alike, set UV_INDEX_STRATEGY: unsafe-best-match in build_env.")
    return ""


def _missing(output: str, wheelhouse: str | None) -> str:
    missing = NOT_FOUND.search(output) or NOT_HERE.search(output) or NO_VERSION.search(output)
    if not missing:
        return ""
    name = missing.group(1).rstrip(",.")
    start = re.escape(re.split(r"[=<>!~]", name)[0])
    wanted = re.search(rf"(?:you require|depends on|resolving: `)\s*({start}(?:\[[^\]]*\])?[=<>!~]=?[\w.*+!]+)", output)
    name = (wanted.group(1) if wanted else name).rstrip(",.")
    if wheelhouse:
        return f"the wheelhouse {wheelhouse} has no {name}: put it there."
    return f"no index has {name}: check its name and version, and dependencies.index."


def _build(output: str) -> str:
    found, lacks = BUILD.search(output), LACKS.search(output)
    if not found or "error sending request" in output:
        return ""
    if lacks:
        what = next(group for group in lacks.groups() if group)
        return (f"{found.group(1)} is compiled on this host, which lacks {os.path.basename(what)}: add what has it to system_packages, such as "
                "build-essential for a compiler and python3-dev for Python.h.")
    if " @ file://" in found.group(1):
        return (f"the project itself ({found.group(1).split(' @ ')[0]}) cannot be built: what its build backend says stands below; one that is never "
                "installed says package = false in [tool.uv] of its pyproject.toml, and runs from its source.")
    return f"{found.group(1)} is built on this host, and that failed: add what it lacks to system_packages, or take a version that has a wheel."


def _unreachable(output: str) -> str:
    found = UNREACHABLE.search(output)
    return f"the package index at {found.group(1)} cannot be reached from this host: check dependencies.index and the network." if found else ""
