# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements as text, as pip and uv read and write them."""

from __future__ import annotations

import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import read

REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
PINNED = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?[ ]*==[ ]*([^\s;\\]+)[ ]*(;[^\\#\n]*)?")
# Options of a requirements file that say where packages come from; the others stay with the requirements.
PLACES = re.compile(r"(--extra-index-url|--index-url|-i|--find-links|-f)[ =]?[ ]*(\S+)")
DROPPED = re.compile(r"(--no-index|--pre|--prefer-binary|--require-hashes|--trusted-host|--use-feature)\b")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_requirements(path: str, seen: tuple[str, ...] = ()) -> str:
    """The file with everything it includes: what it means, as one text."""
    if path in seen:
        return ""
    text = read(path)
    result = [text]
    for match in re.finditer(r"(?m)^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", text):
        result.append(read_requirements(os.path.join(os.path.dirname(path), match.group(1)), (*seen, path)))
    return "\n".join(result)


def places(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in map(PLACES.match, map(str.strip, text.splitlines())) if match]


def split_local(text: str) -> tuple[str, list[str]]:
    """Requirements that are paths belong to this release's source, never to an environment that outlives it."""
    kept, local = [], []
    for line in text.splitlines(keepends=True):
        match = re.match(r"\s*(?:(?:-e|--editable)[ =]\s*)?(\.{1,2}(?:/[^\s;\[]*)?)(?:\[[^\]]*\])?(?:[\s;]|$)", line)
        if match:
            local.append(match.group(1))
        elif re.match(r"\s*(-r|-c|--requirement|--constraint)\b", line):
            continue
        else:
            kept.append(line)
    return "".join(kept), local


def without_places(text: str) -> str:
    """An index is where a package came from, not what it is; its address may hold a password."""
    return "".join(line for line in text.splitlines(keepends=True) if not PLACES.match(line.strip()) and not DROPPED.match(line.strip()))


def relative(text: str, folder: str) -> str:
    """Tools write the paths of local packages in full, in several ways."""
    places = "|".join(re.escape(place) for place in (f"file://{folder}", "file:///${PROJECT_ROOT}", folder))
    text = re.sub(rf"(?m)^((?:-e |--editable[ =])?)(?:[\w.-]+(?:\[[^\]]*\])?[ ]*@[ ]*)?(?:{places})(?=[/\s;]|$)", r"\1.", text)
    return text


def logical(text: str) -> list[str]:
    """Requirements with their hashes, one each, without comments."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [" ".join(line.split()) for line in (re.sub(r"(^|\s)#.*$", "", line) for line in lines) if line.strip()]


def hashed(text: str) -> bool:
    """Whether all that is installed has to have a hash. What comes from a version control system cannot have one."""
    requirements = [line for line in logical(text) if not line.startswith("-")]
    return any("--hash=" in line for line in requirements) and all("--hash=" in line or " @ " not in line for line in requirements)


def names(text: str) -> set[str]:
    return {normal(match.group(1)) for match in map(REQUIREMENT.match, logical(text)) if match}
