# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases run with, and what the next deploy would change, without a secret and without a change."""


def words(outcome):
    return " ".join(outcome.output.split())


def test_the_live_release(fleet):
    outcome = fleet.play("config", app="guestbook")
    live = fleet.live("guestbook")
    told = words(outcome)
    assert all(release in told for release in live.values()) and "GUESTBOOK_TITLE: Our guestbook" in told and "python -m guestbook assets" in told
    assert "API_TOKEN" in told and "correct-horse" not in told and outcome.changed == 0


def test_what_the_next_deploy_changes(fleet):
    assert "The inventory has the configuration of release" in words(fleet.play("config", app="guestbook", compare="inventory"))
    overrides = {"guestbook": {"env": {"GUESTBOOK_TITLE": "Another"}, "secrets": {"API_TOKEN": "another-horse-77aa"}}}
    outcome = fleet.play("config", app="guestbook", compare="inventory", pyweb_app_overrides=overrides)
    told = words(outcome)
    assert "- GUESTBOOK_TITLE: Our guestbook + GUESTBOOK_TITLE: Another" in told and "Secrets or files have other contents" in told
    assert "another-horse" not in told and outcome.changed == 0


def test_two_releases(fleet):
    fleet.play("deploy", app="guestbook", pyweb_app_overrides={"guestbook": {"env": {"GUESTBOOK_TITLE": "Another"}}})
    other = fleet.live("guestbook")[fleet.names[0]]
    fleet.play("deploy", app="guestbook")
    told = words(fleet.play("config", app="guestbook", compare=other))
    assert "- GUESTBOOK_TITLE: Our guestbook + GUESTBOOK_TITLE: Another" in told
    missing = fleet.play("config", exit_status=2, app="guestbook", compare="v9")
    assert "no release 'v9' is kept on this host" in words(missing)
