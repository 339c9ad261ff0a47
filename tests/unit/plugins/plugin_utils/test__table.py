# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the playbook releases, as a person reads it."""

from __future__ import annotations

import calendar
import re

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _table

A, B, C = "20261101T000000Z-1a2b3c4", "20261102T000000Z-2b3c4d5", "20261103T000000Z-3c4d5e6"
NOW = calendar.timegm((2026, 11, 3, 5, 0, 0))


def manifest(state, number, **more):
    return {"state": state, "version": f"v{number}", "revision": str(number) * 40, "created": f"2026110{number}T000000Z", "by": "she@there",
            "size": 1500000, **more}


def info(live=B, **more):
    releases = {A: manifest("superseded", 1, pinned=True), B: manifest("active", 2)}
    return {"live": live, "running": True, "releases": releases, "history": [{"release": A}, {"release": B}], "lease": None, **more}


def test_one_host():
    lines = _table.table("shop", {"web1": info(version="main", pending=["3c4d5e6 the third"])}, NOW)
    assert len({line.index(word) for line, word in zip(lines[1:4], ("STATE", "active", "superseded"))}) == 1, "columns"
    assert [re.sub(" {2,}", "  ", line) for line in lines] == [
        "shop:",
        "HOST  RELEASE  STATE  VERSION  REVISION  AGE  SIZE  BY",
        f"web1  {B}  live  active  v2  2222222222  1 d  1.5 MB  she@there",
        f"web1  {A}  rollback target, pinned  superseded  v1  1111111111  2 d  1.5 MB  she@there",
        "A deploy of main would bring:",
        "  3c4d5e6 the third",
    ]


def test_what_a_person_has_to_know():
    down = info(running=False, lease={"by": "he@here", "since": "20261103T045900Z", "until": NOW + 60}, version="main", pending=[])
    down["releases"][C] = manifest("failed", 3, error="GET / answers 500.", size=None)
    other = info(live=A)
    lines = _table.table("shop", {"web1": down, "web2": other}, NOW)
    assert "live, DOWN" in "\n".join(lines)
    assert lines[-4:] == [
        "DIFFERENT: web1 serves 2222222222, web2 serves 1111111111",
        f"FAILED: {C} on web1: GET / answers 500.",
        "DEPLOYING: he@here on web1 since 20261103T045900Z",
        "A deploy of main would bring nothing new from the source.",
    ]


def test_a_switch_that_is_not_complete():
    """The rollback goes to what was live before it, and so says the table."""
    switch = {"release": C, "from": B, "by": "he@here", "since": "20261103T045900Z", "until": "20261103T050030Z"}
    pending = info(live=C, switch=switch)
    pending["releases"][B]["state"], pending["releases"][C] = "active", manifest("built", 3)
    lines = _table.table("shop", {"web1": pending}, NOW)
    assert [line.split()[1] for line in lines if "rollback target" in line] == [B]
    assert lines[-1].startswith(f"SWITCHING: to {C} on web1 by he@here since 20261103T045900Z, not complete: at 20261103T050030Z the host completes it or")
    # Without a timer, as after a restart of the host, nobody knows when.
    pending["switch"] = {**switch, "until": None}
    assert "not complete: the host completes it or returns" in _table.table("shop", {"web1": pending}, NOW)[-1]


@pytest.mark.parametrize("revision, said", [("2" * 40, "nothing new"), ("3" * 64, "another state"), (None, "nothing new")])
def test_a_source_that_has_no_commits(revision, said):
    lines = _table.table("shop", {"web1": info(version="shop-2.tar.gz", revision=revision)}, NOW)
    assert lines[-1] == f"A deploy of shop-2.tar.gz would bring {said} from the source."


def test_nothing():
    assert _table.table("shop", {}, NOW) == ["shop: nothing is deployed."]


@pytest.mark.parametrize("then, shown", [
    ("20261103T045958Z", "2 s"), ("20261103T045700Z", "3 min"), ("20261103T010000Z", "4 h"), ("20261001T000000Z", "33 d"), ("", "?"), (None, "?"),
    ("20261103T060000Z", "0 s"),
])
def test_age(then, shown):
    assert _table.age(then, NOW) == shown
