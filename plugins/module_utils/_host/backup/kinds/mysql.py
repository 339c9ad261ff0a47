# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB or MySQL of the same host, by its own dump, as its administrator: root by the socket."""

from __future__ import annotations

import os
import shutil

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump, tool
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

MADE_WITH = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"
DUMP = ["--single-transaction", "--quick", "--routines", "--events", "--triggers", "--hex-blob"]


class MySQL:
    """Databases of it cannot be renamed: what is there is dumped before it gives way, and loaded again if that fails."""

    def __init__(self, paths: Layout, system: System, env: dict[str, str]):
        self.env = env
        self.kept = f"{paths.restored}/mysql"
        # MariaDB's own names, where it has them.
        self.client = "mariadb" if shutil.which("mariadb") else "mysql"
        self.dumper = "mariadb-dump" if shutil.which("mariadb-dump") else "mysqldump"

    def names(self, wanted: list[str], places: list[str]) -> list[str]:
        return wanted

    def sql(self, text: str, what: str) -> str:
        return tool([self.client, "--batch", "--skip-column-names", "-e", text], what, self.env).strip()

    def dump(self, name: str, file: str) -> dict[str, str]:
        what = f"MySQL and its database {name}"
        found = self.sql(MADE_WITH.format(name=name), what).split("\t")
        if len(found) != 2:
            raise HostError(f"the MySQL of this host has no database {name}: make it, or take it out of backup.mysql.")
        tool([self.dumper, *DUMP, name], what, self.env, target=file)
        return {"charset": found[0], "collation": found[1]}

    def _load(self, name: str, more: dict[str, str], file: str) -> None:
        what = f"MySQL and its database {name}"
        self.sql(f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET {more['charset']} COLLATE {more['collation']}", what)
        tool([self.client, name], what, self.env, source=file)

    def prepare(self, dump: Dump, file: str) -> None:
        """Whether it can be loaded shows beside the database that is there."""
        name = dump["name"]
        self._load(f"{name}_restored", dump["more"], file)
        self.sql(f"DROP DATABASE `{name}_restored`", f"MySQL and its database {name}")

    def swap(self, dump: Dump, file: str) -> None:
        name = dump["name"]
        os.makedirs(self.kept, mode=0o700, exist_ok=True)
        if self.sql(MADE_WITH.format(name=name), f"MySQL and its database {name}"):
            tool([self.dumper, *DUMP, name], f"MySQL and its database {name}", self.env, target=f"{self.kept}/{name}.new")
            os.rename(f"{self.kept}/{name}.new", f"{self.kept}/{name}")
        self._load(name, dump["more"], file)

    def undo(self, dump: Dump) -> None:
        name = dump["name"]
        self.sql(f"DROP DATABASE IF EXISTS `{name}_restored`", f"MySQL and its database {name}")
        if os.path.exists(f"{self.kept}/{name}"):
            self._load(name, dump["more"], f"{self.kept}/{name}")

    def finish(self, dump: Dump) -> None:
        """What was kept lies with all else that a restore has used."""
