# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host backs up and restores its own data; what a backup holds, and what goes wrong, is for the scenario keep."""

import pytest

PASSWORD = "correct-horse-backup-41d7"
OVERRIDES = {"guestbook": {"backup": {"repository": "/var/backups/guestbook", "password": PASSWORD}}}
FILE = "/srv/guestbook/shared/who.txt"


def words(outcome):
    return " ".join(outcome.output.split())


@pytest.fixture(scope="module")
def keep(fleet):
    """A play of the guestbook with its backups; its one file says which host it is of."""
    for name in fleet.names:
        fleet.run(name, f"echo {name} > {FILE}")

    def play(playbook_name, *arguments, **variables):
        outcome = fleet.play(playbook_name, *arguments, app="guestbook", pyweb_app_overrides=OVERRIDES, **variables)
        assert PASSWORD not in outcome.output
        return outcome

    return play


def test_backed_up_on_all_hosts(fleet, keep, tmp_path):
    keep("backup", "--check", "--diff", "-v")
    assert not any(fleet.hosts[name].file("/var/backups/guestbook").exists for name in fleet.names)
    assert words(keep("backup")).count("was made and verified") == len(fleet.names)
    listed = keep("backups").output
    told, _outcome = fleet.status(tmp_path, app="guestbook", pyweb_app_overrides=OVERRIDES)
    for name in fleet.names:
        backup = told["applications"]["guestbook"]["hosts"][name]["backup"]
        assert backup["failure"] is None and backup["last"]["snapshot"] in listed


def test_restored_on_one_host_and_on_all(fleet, keep):
    def spoil():
        for name in fleet.names:
            fleet.run(name, f"echo spoilt > {FILE}")

    spoil()
    keep("restore", "--check", confirm="guestbook")
    assert {fleet.run(name, f"cat {FILE}") for name in fleet.names} == {"spoilt"}
    last = fleet.names[-1]
    keep("restore", "--limit", last, confirm="guestbook")
    assert [fleet.run(name, f"cat {FILE}") for name in fleet.names] == ["spoilt", "spoilt", last]
    spoil()
    assert words(keep("restore", confirm="guestbook")).count(" is back") == len(fleet.names)
    assert [fleet.run(name, f"cat {FILE}") for name in fleet.names] == fleet.names
    assert fleet.play("status", app="guestbook", pyweb_app_overrides=OVERRIDES, status_fail=True).changed == 0
