# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the host package."""

from __future__ import annotations

import re
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import cli

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"


@pytest.mark.parametrize("arguments, status", [([], 2), (["restart", "shop"], 2), (["boot"], 2), (["boot", "blog"], 0), (["settle", "shop"], 0)])
def test_the_command_line_of_the_boot_unit(app, arguments, status):
    assert cli.main(arguments) == status


@pytest.mark.parametrize("arguments", [["stop", "shop"], ["stop", "--supervisor"]])
@pytest.mark.parametrize("state, stops", [("running", False), ("stopping", True)])
def test_a_shutdown_does_not_wait_for_a_build(host, app, monkeypatch, capsys, arguments, state, stops):
    host.manager = "supervisor" if "--supervisor" in arguments else "systemd"
    host.release(app, A, state="active", live=True)
    app.processes.start(A, ["web"])
    assert host.up() == {A: 1}
    host.systemd.host(state)
    real, clock = time.sleep, iter(range(0, 10**6, 10))
    builds = host.app()
    with builds.lock.hold({"token": "t", "by": "me", "since": "now"}):
        monkeypatch.setattr(host.system, "monotonic", lambda: float(next(clock)))
        monkeypatch.setattr(host.system, "sleep", lambda seconds: real(0))
        assert cli.main(arguments) == (0 if stops else 1)
    assert host.up() == ({} if stops else {A: 1})
    said = capsys.readouterr().err
    assert said == "" if stops else re.fullmatch(r"shop: another step still runs on this host, started by me at \w+; wait until it is done.\n", said)
