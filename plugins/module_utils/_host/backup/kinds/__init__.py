# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of databases that a backup takes by their own tools."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Kind
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.mysql import MySQL
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.postgresql import PostgreSQL
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.redis import Redis
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.sqlite import SQLite

KINDS: dict[str, type[Kind]] = {"sqlite": SQLite, "postgresql": PostgreSQL, "mysql": MySQL, "redis": Redis}
