# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests and history."""

from __future__ import annotations

import os

import pytest


A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"


def test_manifests(host, app):
    assert app.store.manifests() == {}
    host.release(app, A, state="active", revision="r")
    assert app.store.update(A, error="e", revision="s")["revision"] == "s"
    app.store.update(B, state="building")
    os.mkdir(f"{app.paths.state}/releases/.hidden")
    os.mkdir(f"{app.paths.state}/releases/{B}x")
    found = app.store.manifests()
    assert list(found) == [A, B, f"{B}x"]
    assert (found[A]["state"], found[A]["error"], found[A]["revision"], found[B]["state"], found[f"{B}x"]) == ("active", "e", "s", "building", {})
    assert os.stat(f"{app.paths.meta(A)}/manifest.json").st_mode & 0o777 == 0o640


@pytest.mark.parametrize("state, told", [
    ("built", "gone"), ("active", "gone"), ("superseded", "gone"), ("failed", "failed"), ("bad", "bad"), ("building", "building"),
])
def test_a_release_whose_files_are_gone(host, app, state, told):
    host.release(app, A, state=state)
    os.rmdir(app.paths.release(A))
    assert app.store.manifests()[A]["state"] == told


def test_nothing_is_known_of_an_application_that_is_not_set_up(host):
    app = host.App("blog")
    assert (app.exists, app.live, app.store.manifests(), app.store.history(), app.store.manifest(A)) == (False, None, {}, [], {})


SWITCH = {"release": B, "from": A, "action": "activate", "by": "me@here", "since": "20261102T000000Z"}


def test_a_switch_that_is_settled_twice_is_recorded_once(app):
    for dummy in range(2):
        app.store.record("activate", SWITCH)
    app.store.record("activate", {**SWITCH, "since": "20261103T000000Z"})
    app.store.record("return", {**SWITCH, "since": "20261103T000000Z"}, "it was ill")
    assert [(entry["action"], entry["release"], entry["from"], entry.get("why")) for entry in app.store.history()] == [
        ("activate", B, A, None), ("activate", B, A, None), ("return", A, B, "it was ill"),
    ]


def test_a_line_that_was_cut_short_spoils_nothing(app):
    app.store.record("activate", SWITCH)
    with open(app.paths.history, "a", encoding="utf-8") as file:
        file.write('{"release": "2026')
    assert len(app.store.history()) == 1
    app.store.record("rollback", {**SWITCH, "action": "rollback"})
    assert [entry["action"] for entry in app.store.history()] == ["activate", "rollback"]
