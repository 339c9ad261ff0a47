# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same commands where supervisor runs the processes."""

import pytest

SUPERVISED = {"guestbook": {"manager": "supervisor", "processes": {"ticker": {"command": "exec sleep infinity", "stop_timeout": 5}}}}


@pytest.fixture(scope="module")
def supervised(fleet):
    """A play with the guestbook under supervisor; afterwards it is as the inventory has it."""
    fleet.play("site", app="guestbook", pyweb_app_overrides=SUPERVISED)
    yield lambda name, **variables: fleet.play(name, app="guestbook", pyweb_app_overrides=SUPERVISED, **variables)
    fleet.play("deploy", app="guestbook")


def programs(fleet, name):
    """What supervisor runs of the live release."""
    live = fleet.live("guestbook")[name]
    return sorted(line.split()[0].split(".")[2] for line in fleet.run(name, "supervisorctl status || true").splitlines() if live in line and "RUNNING" in line)


def test_status(fleet, supervised, tmp_path):
    told, _outcome = fleet.status(tmp_path, app="guestbook", pyweb_app_overrides=SUPERVISED, status_fail=True)
    for name, one in told["applications"]["guestbook"]["hosts"].items():
        assert one["manager"] == "supervisor" and one["live"] == fleet.live("guestbook")[name] and one["health"]["status"] == 200
        assert sorted(process["name"] for process in one["processes"]) == ["ticker", "web"]
        assert all(process["state"] == "active" and process["restarts"] is None for process in one["processes"])


def test_restart_and_scale(fleet, supervised):
    before = fleet.live("guestbook")
    supervised("restart")
    after = fleet.live("guestbook")
    assert all(after[name] != before[name] and programs(fleet, name) == ["ticker", "web"] for name in fleet.names)
    supervised("scale", process="ticker", count=3)
    assert all(programs(fleet, name) == ["ticker", "ticker-2", "ticker-3", "web"] for name in fleet.names)
    supervised("scale", reset=True)
    assert all(programs(fleet, name) == ["ticker", "web"] for name in fleet.names)
