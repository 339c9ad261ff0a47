# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all kinds of files have in common that say what a project needs."""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import contents, load_toml
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import normal
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

if t.TYPE_CHECKING:
    from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import Project

# In place of an index: what the project has itself, or names as a page. No index is asked for it.
LINKS = "--find-links"
PYPI = re.compile(r"https?://(www\.)?pypi\.(org|python\.org)(/|$)")


class Index(t.NamedTuple):
    """Where a project says that packages come from.

    A C(default) one stands in place of PyPI. An C(explicit) one has only the packages that the project itself assigns to it.
    """

    name: str
    url: str
    default: bool
    explicit: bool = False


class Wanted(t.NamedTuple):
    """What a lock is read for."""

    groups: list[str]
    extras: list[str]
    # The path of the interpreter, and for each host that installs it, such as "3.13 x86_64".
    python: str
    platforms: list[str]


class Tools(t.Protocol):
    """What runs uv and the tools that made a lock."""

    home: str
    uv_env: dict[str, str]
    places: dict[str, str]

    def uv(self, *arguments: str, what: str, cwd: str | None = None, hint: str = "", **env: str | None) -> str: ...

    def uvx(self, packages: list[str]) -> list[str]: ...

    def run(self, argv: list[str], what: str, cwd: str | None = None, hint: str = "", env: t.Mapping[str, str | None] | None = None) -> str: ...

    def compiled(self, what: list[str], name: str, folder: str, python: str, platforms: list[str], *arguments: str) -> str: ...


class Lock:
    """One kind of file. C(kind) is its usual name, C(name) its path in the source; both are None where there is no such file."""

    kind: str | None = None
    # Files whose contents count as well.
    beside: tuple[str, ...] = ()

    def __init__(self, project: Project, name: str | None = None):
        self.project = project
        self.name = name or self.kind

    @classmethod
    def named(cls, name: str) -> bool:
        """Is a file with this name one of them?"""
        return name == cls.kind

    def counts(self) -> bool:
        """Does it say what the project needs, when it is there and nobody has named a file?"""
        return True

    @property
    def path(self) -> str:
        return f"{self.project.source}/{self.name}"

    @functools.cached_property
    def data(self) -> dict[str, t.Any]:
        """What a lock in TOML says, read once: a large one takes a second."""
        return load_toml(self.path)

    @property
    def packages(self) -> list[dict[str, t.Any]]:
        """What uv.lock, poetry.lock and pdm.lock list."""
        return t.cast("list[dict[str, t.Any]]", self.data.get("package", []))

    def material(self) -> list[list[str]]:
        """The names and contents of all files that the answer depends on."""
        return contents(self.project.source, [self.path, *(f"{self.project.folder}/{name}" for name in self.beside)])

    def groups(self) -> set[str] | None:
        """The groups that it knows; None where there is no such thing."""
        return None

    def extras(self) -> set[str] | None:
        """The extras that it knows; None where there is no such thing, C(*) where only code knows them."""
        return None

    def where(self) -> str:
        """What defines groups and extras, for people."""
        return "pyproject.toml"

    def check(self, groups: list[str], extras: list[str]) -> None:
        """A group or an extra that is not there would be left out by some tools without a word."""
        for option, wanted, known in (("groups", groups, self.groups()), ("extras", extras, self.extras())):
            if not wanted:
                continue
            if known is None and option == "groups" and not self.kind and self.project.groups():
                raise BuildError(f"dependencies.groups has {wanted[0]!r}, but the source has neither a lock nor a [project] whose groups could be read: "
                                 "run uv lock in the project and commit uv.lock.")
            if known is None:
                raise BuildError(f"dependencies.{option} has {wanted[0]!r}, but {self.name or 'the source'} knows no {option}: leave it out.")
            for name in wanted:
                if normal(name) not in {normal(item) for item in known} and "*" not in known:
                    raise BuildError(
                        f"dependencies.{option} has {name!r}, which {self.where()} does not define: it defines {', '.join(sorted(known)) or 'none'}.")

    def indexes(self) -> list[Index]:
        """Where the project itself says that packages come from."""
        # A project that says PyPI means the default, which dependencies.index may replace.
        return [index for index in (*self.project.indexes(), *self.own_indexes()) if not PYPI.match(index.url) and "://" in index.url]

    def own_indexes(self) -> list[Index]:
        return []

    def logins(self) -> list[str]:
        """Addresses of packages and repositories with the user and the password that the project itself gives for them."""
        return []

    def origins(self) -> dict[str, str]:
        """For packages, by their normal name, the address of the one index that they may come from; the others come from the default.

        A package of the same name in another index must never be taken in its place.
        """
        return {}

    @property
    def knows_origins(self) -> bool:
        """Does it say of every package where it comes from? The project's own indexes are then asked for nothing else."""
        return False

    @property
    def no_index(self) -> bool:
        """Does it say that all of it comes from C(links)? A package of the same name in an index must not be taken then."""
        return False

    def links(self) -> list[str]:
        """Directories and pages with packages."""
        return self.project.links()

    def text(self, tools: Tools, wanted: Wanted) -> str:
        """Everything that is installed, as requirements."""
        return ""
