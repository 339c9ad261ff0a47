# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements as text, as pip and uv read and write them."""

from __future__ import annotations

import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password

REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
PINNED = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?[ ]*==[ ]*([^\s;\\]+)[ ]*(;[^\\#\n]*)?")
# Options of a requirements file that say where packages come from; the others stay with the requirements.
PLACES = re.compile(r"(--extra-index-url|--index-url|-i|--find-links|-f)[ =]?[ ]*(\S+)")
LOCAL = re.compile(r"(?:(?:-e|--editable)[ =]\s*)?(\.{1,2}(?:/[^\s;\[]*)?)(?:\[[^\]]*\])?((?:\s.*|;.*)?)$")
INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)(?=[ =]|[^-\s])[ =]?\s*(\"[^\"]+\"|'[^']+'|(?:\\\s|\S)+)")
DROPPED = re.compile(r"(--no-index|--pre|--prefer-binary|--require-hashes|--trusted-host|--use-feature)\b")
# Which packages are built here, and which must not be: for the installation as well.
BINARY = re.compile(r"(--(?:no|only)-binary)[ =]\s*(\S+)$")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def places(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in map(PLACES.match, map(str.strip, text.splitlines())) if match]


def entries(text: str) -> list[str]:
    """Physical lines that belong together: a line that ends with a backslash goes on, unless it is a comment."""
    found: list[str] = []
    goes_on = False
    for line in text.splitlines(keepends=True):
        if goes_on:
            found[-1] += line
        else:
            found.append(line)
        goes_on = line.rstrip("\r\n").endswith("\\") and not line.lstrip().startswith("#")
    return found


def split_local(text: str) -> tuple[str, list[str]]:
    """Requirements that are paths belong to this release's source, never to an environment that outlives it.

    The first part is the other requirements; the second one has, for each path, C(./lib), or C(./lib ; marker).
    """
    kept, local = [], []
    for entry in entries(text):
        line = "".join(logical(entry))
        match = LOCAL.match(line)
        if match:
            marker = re.sub(r"\s--hash=\S+", "", match[2] or "").strip(" ;")
            local.append(f"{match[1]} ; {marker}" if marker else match[1])
        elif not INCLUDE.match(line):
            kept.append(entry)
    return "".join(kept), local


def without_places(text: str) -> str:
    """An index is where a package came from, not what it is; its address may hold a password."""
    return "".join(line for line in entries(text) if not PLACES.match(line.strip()) and not DROPPED.match(line.strip()))


def with_origins(text: str, origins: dict[str, str]) -> str:
    """Says at the end of a lock which packages come from one certain index. Passwords stay out of it."""
    have = names(text)
    return text + "".join(f"# index {name} {without_password(url)}\n" for name, url in sorted(origins.items()) if name in have)


def origins_in(text: str) -> dict[str, str]:
    """What with_origins has written."""
    return dict(re.findall(r"(?m)^# index (\S+) (\S+)$", text))


def relative(text: str, folder: str, top: str | None = None) -> str:
    """Tools write the paths of local packages in full, in several ways. As seen from C(folder), also those that lie beside it below C(top)."""
    start = r"(?m)^((?:-e |--editable[ =])?)(?:[\w.-]+(?:\[[^\]]*\])?[ ]*@[ ]*)?"
    places = "|".join(re.escape(place) for place in (f"file://{folder}", "file:///${PROJECT_ROOT}", folder))
    text = re.sub(rf"{start}(?:{places})(?=[/\s;]|$)", r"\1.", text)
    beside = rf"{start}(?:file://)?({re.escape(top or folder)}/[^\s;]+)"
    return re.sub(beside, lambda match: match[1] + os.path.relpath(match[2], folder), text)


def logical(text: str) -> list[str]:
    """Requirements with their hashes, one each, without comments."""
    lines = re.sub(r"\\(?:\n\s*|\Z)", " ", text).splitlines()
    return [" ".join(line.split()) for line in (re.sub(r"(^|\s)#.*$", "", line) for line in lines) if line.strip()]


def hashed(text: str) -> bool:
    """Whether all that is installed has to have a hash. What comes from a version control system cannot have one."""
    requirements = [line for line in logical(text) if not line.startswith("-")]
    return any("--hash=" in line for line in requirements) and all("--hash=" in line or " @ " not in line for line in requirements)


def names(text: str) -> set[str]:
    return {normal(match.group(1)) for match in map(REQUIREMENT.match, logical(text)) if match}
