# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/supported.md says what the code accepts."""

from __future__ import annotations

import pathlib
import re

from ansible_collections.pyweb.stack.plugins.module_utils._declared.app import MANAGERS
from ansible_collections.pyweb.stack.plugins.module_utils._host import servers
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import KINDS as LOCKS
from ansible_collections.pyweb.stack.plugins.module_utils._options import KINDS as SOURCES
from ansible_collections.pyweb.stack.plugins.module_utils._processes import CONFINED
from ansible_collections.pyweb.stack.plugins.plugin_utils import _platform

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs/supported.md").read_text(encoding="utf-8")


def rows(heading):
    """The cells of all rows below a heading, without those of headers."""
    (part,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    rules = {number for number, row in enumerate(cells) if set("".join(row)) <= {"-"}}
    return [row for number, row in enumerate(cells) if not {number, number + 1} & rules]


def test_servers_and_their_oldest_versions():
    told = {row[0]: row[1] for row in rows("Servers")}
    assert {name: told[name] for name in servers.OLDEST} == {name: ".".join(map(str, version)) for name, version in servers.OLDEST.items()}
    assert f"from {'.'.join(map(str, servers.ASGI_WORKERS))} on" in PAGE and f"before {'.'.join(map(str, servers.GRACEFUL_SHUTDOWN))} " in PAGE


def test_locks_in_the_order_in_which_they_are_looked_for():
    assert [row[0].strip("`") for row in rows("What says which packages are needed")] == [kind.kind for kind in LOCKS]


def test_sources():
    assert {row[0].strip("`") for row in rows("Sources")} == set(SOURCES)


def test_managers_and_what_only_systemd_holds_a_process_to():
    told = {row[0].strip("`"): row[1] for row in rows("Process managers")}
    assert list(told) == MANAGERS and set(re.findall(r"`(\w+)`", told["supervisor"])) == set(CONFINED)


def test_systems():
    assert list(_platform.TESTED) == [row[0] for row in rows("Hosts and controllers") if row[0].startswith("Debian")]
    (accepted,) = (row[0] for row in rows("Hosts and controllers") if row[0].startswith("Ubuntu"))
    assert [f"Ubuntu {number}" for number in re.findall(r"\d+\.\d+", accepted)] == list(_platform.ACCEPTED)
