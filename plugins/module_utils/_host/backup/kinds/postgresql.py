# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL of the same host, by pg_dump and pg_restore, as its own administrator."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump, tool
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

AS = ["runuser", "-u", "postgres", "--"]
# What a database is made with again; pg_dump leaves that to whoever makes it.
MADE_WITH = ("SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = '{name}'")
KEYS = ("owner", "encoding", "collate", "ctype")


class PostgreSQL:
    """A restored database is made and filled beside the other; two renames in one transaction put it in its place."""

    def __init__(self, paths: Layout, system: System, env: dict[str, str]):
        self.env = env
        # Databases that the restored one has taken the place of, or has come as the first.
        self.swapped: set[str] = set()

    def names(self, wanted: list[str], places: list[str]) -> list[str]:
        return wanted

    def sql(self, text: str, what: str) -> str:
        return tool([*AS, "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", text], what, self.env).strip()

    def there(self, name: str) -> bool:
        return self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'", f"PostgreSQL and its database {name}") == "1"

    def dump(self, name: str, file: str) -> dict[str, str]:
        what = f"PostgreSQL and its database {name}"
        found = self.sql(MADE_WITH.format(name=name), what).split("\t")
        if len(found) != len(KEYS):
            raise HostError(f"the PostgreSQL of this host has no database {name}: make it, or take it out of backup.postgresql.")
        # Not compressed: restic does that, and finds again what has not changed.
        tool([*AS, "pg_dump", "--format=custom", "--compress=0", f"--dbname={name}"], what, self.env, target=file)
        return dict(zip(KEYS, found))

    def prepare(self, dump: Dump, file: str) -> None:
        name, more = dump["name"], dump["more"]
        what = f"PostgreSQL and its database {name}"
        if self.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{more['owner']}'", what) != "1":
            raise HostError(f"the PostgreSQL of this host has no role {more['owner']}, which owns the database {name}: make it first.")
        if self.there(f"{name}_before"):
            raise HostError(f"the PostgreSQL of this host has a database {name}_before, from a restore that did not end: rename it to {name}, or drop it.")
        self._drop(f"{name}_restored")
        tool([*AS, "createdb", "--template=template0", f"--owner={more['owner']}", f"--encoding={more['encoding']}", f"--lc-collate={more['collate']}",
              f"--lc-ctype={more['ctype']}", f"{name}_restored"], what, self.env)
        tool([*AS, "pg_restore", "--exit-on-error", f"--dbname={name}_restored"], what, self.env, source=file)

    def swap(self, dump: Dump, file: str) -> None:
        name = dump["name"]
        self._rename([(name, f"{name}_before")] if self.there(name) else [], (f"{name}_restored", name))
        self.swapped.add(name)

    def undo(self, dump: Dump) -> None:
        name = dump["name"]
        if name in self.swapped and self.there(f"{name}_before"):
            self._rename([(name, f"{name}_restored")], (f"{name}_before", name))
        self._drop(f"{name}_restored")

    def finish(self, dump: Dump) -> None:
        self._drop(f"{dump['name']}_before")

    def _rename(self, first: list[tuple[str, str]], then: tuple[str, str]) -> None:
        """Both or neither. Whoever is still connected, a monitor or a shell, is sent away."""
        pairs = [*first, then]
        away = "".join(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}' AND pid <> pg_backend_pid();" for old, dummy in pairs)
        renames = "".join(f'ALTER DATABASE "{old}" RENAME TO "{new}";' for old, new in pairs)
        self.sql(f"{away} BEGIN; {renames} COMMIT;", f"PostgreSQL and its database {then[1]}")

    def _drop(self, name: str) -> t.Any:
        return tool([*AS, "dropdb", "--if-exists", "--force", name], f"PostgreSQL and its database {name}", self.env)
