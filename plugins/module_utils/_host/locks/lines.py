# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A requirements file with all that it includes, as pip reads it, in lines that uv takes."""

from __future__ import annotations

import os
import re
import shlex
import typing as t
import urllib.parse

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.fetch import fetched
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import decoded, read
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import BINARY, DROPPED, INCLUDE, LOCAL, PLACES, entries, logical
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# Of an address for HTTP, with or without git+. One with an @ in the password has to write it as %40.
LOGIN = re.compile(r"(?<![\w.-])(?:git\+)?(https?://)([^/@\s]+@)([^\s;]+)")
ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
EDITABLE = re.compile(r"(?:-e[ =]?|--editable[ =])\s*(?=[^\s-])")
OPTION = re.compile(r"--?[A-Za-z]")
KNOWN = re.compile("|".join(option.pattern for option in (PLACES, DROPPED, BINARY)))
# Of a name, extras, versions or an address, a marker, and options such as hashes.
NAMED = re.compile(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*(@\s*\S.*|\(?\s*([=<>!~]=|[<>]).*|;.*|\s--.*)?$")
ADDRESS = re.compile(r"(git\+)?(https?|ssh|file|git)://\S+|git\+\S+")
# git@host:path, as ssh takes it.
SCP = re.compile(r"git\+([\w.-]+@[\w.-]+):(?!//)/?")
FOREIGN = re.compile(r"(hg|svn|bzr)\+|(git\+)?git://")
# Of one requirement; of those, uv takes hashes alone.
ITS_OPTION = re.compile(r"\s(--(?!hash\b)[a-z][a-z-]*)(?=[\s=]|$)")


class Requirements(t.NamedTuple):
    """What a requirements file means: what is installed, with the options of the file, and what only limits versions."""

    requirements: list[str]
    constraints: list[str]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.requirements)


def read_requirements(path: str, top: str | None = None) -> Requirements:
    """The file at C(path) and everything it includes, also from addresses, with paths as seen from C(top), which is where it lies unless it is given.

    Raises BuildError, which names file and line.
    """
    found = Requirements([], [])
    gather(path, os.path.basename(path), top or os.path.dirname(path), found, False, ())
    return found


def without_logins(line: str) -> tuple[str, list[str]]:
    """A requirement without the user and the password of its address, and that address with them, without version and fragment."""
    if not ADDRESS.search(line) or OPTION.match(line):
        return line, []
    found = [f"{scheme}{login}{rest.partition('#')[0].partition('@')[0]}" for scheme, login, rest in LOGIN.findall(line)]
    return LOGIN.sub(lambda match: match[0].replace(match[2], "", 1), line), found


def gather(place: str, shown: str, top: str, found: Requirements, constraint: bool, seen: tuple[str, ...]) -> None:
    if place in seen:
        return
    text = decoded(fetched(place, shown), without_password(place)) if "://" in place else read(place)
    number = 1
    for entry in entries(text):
        line, where = "".join(logical(entry)), f"{without_password(place) if '://' in place else os.path.basename(place)}, line {number}"
        number += entry.count("\n")
        include = INCLUDE.match(line)
        if include:
            inner = re.sub(r"\\(\s)", r"\1", include[2].strip("\"'"))
            written = inner
            inner = urllib.parse.urljoin(place, inner) if "://" in place else inner if "://" in inner else os.path.join(os.path.dirname(place), inner)
            if "://" not in inner and not os.path.exists(inner):
                raise BuildError(f"{where} includes {written!r}, which the release does not have: add it to the source, or, where it lies outside of "
                                 "source.directory, deploy the whole source, as docs/recipes.md shows.")
            gather(inner, where, top, found, constraint or include[1] in ("-c", "--constraint"), (*seen, place))
        elif line:
            (found.constraints if constraint else found.requirements).extend(accepted(part, where) for part in apart(line, place, top))


def apart(line: str, place: str, top: str) -> list[str]:
    """Options as uv takes them: one in each line, without quotes, and --no-binary with one name. pip takes several in a line, as a shell would read them."""
    if not OPTION.match(line) or EDITABLE.match(line):
        return [line]
    found: list[str] = []
    for word in words(line):
        if OPTION.match(word) or not found:
            found.append(word)
        else:
            found[-1] += f" {word}"
    return [single for option in found for single in each(beside(option, place, top))]


def words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return [line]


def beside(option: str, place: str, top: str) -> str:
    """A directory with packages is looked for beside the file that names it, and then from the top of the source, as by pip."""
    found = PLACES.match(option)
    if not found or found[1] not in ("--find-links", "-f") or "://" in f"{place}{found[2]}":
        return option
    there = os.path.join(os.path.dirname(place), found[2])
    return f"{found[1]} {os.path.relpath(there, top)}" if os.path.exists(there) else option


def each(option: str) -> list[str]:
    found = BINARY.match(option)
    return [f"{found[1]} {name}" for name in found[2].split(",") if name] if found else [option]


def accepted(line: str, where: str) -> str:
    """One line as uv takes it. pip takes more."""
    rest, editable = line, EDITABLE.match(line)
    if editable:
        rest = re.sub(r"^(['\"])(.*)\1$", r"\2", line[editable.end():])
    if OPTION.match(rest):
        if not KNOWN.match(rest):
            raise BuildError(f"{where} has {without_password(rest)!r}, which is no option of a requirements file here: leave it out.")
        return line
    option = ITS_OPTION.search(rest)
    if option:
        raise BuildError(f"{where} has the option {option[1]} for one requirement, which uv does not take: say it in [tool.uv] of pyproject.toml, such as by "
                         "config-settings-package.")
    if rest.startswith("file:") and "://" not in rest:
        # What it is called, its own files tell.
        rest = re.sub(r"#egg=[\w.-]*", "", rest)
    if FOREIGN.match(rest.partition(" @ ")[2] or rest):
        raise BuildError(f"{where} has {without_password(rest)!r}: of version control systems only git is supported, as git+https://… or git+ssh://…")
    if LOCAL.match(rest):
        return rest
    if ADDRESS.match(rest):
        return named(rest)
    first = re.match(r"(?:[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@\s*)?(?:file:(?!//))?([^\s;\[@]+)(.*)$", rest)
    if first and "://" not in first[1] and not first[1].startswith("/") and (
            "/" in first[1] or first[1].lower().endswith(ARCHIVES) or "file:" in rest.partition(first[1])[0]):
        return f"{'' if first[1].startswith('.') else './'}{first[1]}{first[2]}"
    if editable and first and "://" not in rest and not rest.startswith("/"):
        # A directory, whatever it is called: what an index has by that name is another thing.
        return f"./{first[1]}{first[2]}"
    if not NAMED.match(rest) and not rest.startswith("/"):
        raise BuildError(f"{where} has {without_password(rest)!r}, which is no requirement: a name with versions, an address, or a path in the source.")
    return rest


def named(line: str) -> str:
    """git+https://…@v1#egg=lib&subdirectory=x as C(lib @ git+https://…@v1#subdirectory=x): uv does not know the first form."""
    address, space, behind = SCP.sub(r"git+ssh://\1/", line, count=1).partition(" ")
    address, dummy, fragment = address.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&") if "=" in part)
    egg = parts.pop("egg", "")
    rest = "&".join(f"{key}={value}" for key, value in parts.items())
    return (f"{egg} @ " if egg else "") + address + (f"#{rest}" if rest else "") + space + behind
