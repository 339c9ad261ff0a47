# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Django application with PostgreSQL, Redis, Celery and media from an empty host: deployed, backed up while it writes, destroyed, restored, compared.

The commands are those of docs/backup.md and docs/services.md, in the order in which a person needs them.
"""

from plugin import until


def live(keeper):
    return keeper.run("basename $(readlink /srv/gallery/current)")


def first(outcome):
    (message, *dummy) = outcome.messages
    assert "\n" not in message, message
    return message


def test_services_are_made_once(keeper):
    for name in ("postgresql", "redis"):
        keeper.play(name)
        assert keeper.play(name).changed == 0
    assert keeper.run("redis-cli ping").startswith("NOAUTH")


def test_the_application_is_deployed_and_set_up_for_backups(keeper):
    keeper.play("site", "--skip-tags", "hardening")
    assert keeper.pictures() == {"rows": [], "seen": 0, "files": [], "set": []}
    # Nothing was live, so the migrations had nothing to go back to.
    assert keeper.host.file("/var/backups/gallery").exists is False
    assert keeper.run("systemctl is-active pyweb.gallery.backup.timer") == "active"
    secret = (keeper.folder / "secrets" / "backup").read_text().strip()
    assert keeper.run("cat /etc/pyweb/gallery/backup-password").strip() == secret
    # From the file: sudo logs the commands that it runs.
    found = keeper.run("grep -rlFf /etc/pyweb/gallery/backup-password /etc /var/lib/pyweb /run/systemd /var/log 2>/dev/null || true")
    assert found == "/etc/pyweb/gallery/backup-password"
    assert keeper.run("stat -c %a:%U /etc/pyweb/gallery/backup-password /etc/pyweb/gallery/backup.json") == "600:root\n600:root"
    assert keeper.play("provision", "--skip-tags", "hardening").changed == 0


def test_a_backup_while_it_writes(keeper):
    with keeper.sending() as sender:
        until(lambda: len(sender.acknowledged) >= 10, 300)
        until(lambda: keeper.pictures()["seen"] >= 5, 300)
        before = list(sender.acknowledged)
        assert "made and verified" in " ".join(keeper.play("backup", app="gallery").output.split())
        assert len(sender.acknowledged) > len(before), "nobody wrote while the backup was made"
    keeper.before = before
    told = keeper.status()["backup"]
    assert told["last"]["snapshot"] and told["failure"] is None and told["period"] == 86400
    assert told["last"]["snapshot"] in keeper.play("backups", app="gallery").output


def test_check_mode_and_wrong_input_change_nothing(keeper):
    rows = keeper.pictures()["rows"]
    keeper.play("restore", "--check", app="gallery", confirm="gallery")
    keeper.play("backup", "--check", app="gallery")
    assert "confirm is ''" in first(keeper.play("restore", exit_status=2, app="gallery"))
    assert "snapshot is 'yesterday'" in first(keeper.play("restore", exit_status=2, app="gallery", confirm="gallery", snapshot="yesterday"))
    assert "snapshot is 'abcd1234'" in first(keeper.play("restore", exit_status=2, app="gallery", confirm="gallery", snapshot="abcd1234"))
    assert keeper.pictures()["rows"] == rows


def test_a_wrong_password_is_a_problem_and_the_last_good_backup_stays(keeper):
    last = keeper.status()["backup"]["last"]
    outcome = keeper.play("backup", exit_status=2, app="gallery", backup_password="wrong-guess-1")
    assert "the password does not open" in " ".join(outcome.output.split()) and "wrong-guess-1" not in outcome.output
    keeper.play("status", exit_status=2, status_fail=True)
    told = keeper.status()["backup"]
    assert "the password does not open" in told["failure"]["error"] and told["last"] == last
    assert keeper.host.run("systemctl start pyweb.gallery.backup").rc == 1
    assert keeper.run("systemctl is-failed pyweb.gallery.backup") == "failed"


def test_destroyed_and_restored_on_a_host_that_has_nothing(keeper):
    keeper.play("destroy", app="gallery", confirm="gallery", data="delete")
    keeper.run("runuser -u postgres -- dropdb gallery")
    password = (keeper.folder / "secrets" / "redis").read_text().strip()
    keeper.run(f"REDISCLI_AUTH={password} redis-cli flushall")
    keeper.run("useradd --system --no-create-home newcomer")
    keeper.play("postgresql")
    keeper.play("site", "--skip-tags", "hardening")
    assert keeper.pictures()["rows"] == []
    keeper.play("restore", app="gallery", confirm="gallery")
    found = keeper.pictures()
    for kind in ("rows", "files", "set"):
        assert set(keeper.before) <= set(found[kind]), f"{kind}: what was acknowledged before the backup began is lost"
    # What comes next goes on from there, as the application's own.
    with keeper.sending(first=900000) as sender:
        until(lambda: len(sender.acknowledged) >= 3, 300)
    assert keeper.run("find /srv/gallery/shared ! -user gallery | head -1") == ""
    assert sorted(keeper.run("ls /srv/gallery").split()) == ["assets", "build", "current", "releases", "shared"]


def test_the_way_back_after_a_bad_migration_is_one_command(keeper):
    rows, release = keeper.pictures()["rows"], live(keeper)
    spoil = "python manage.py shell -c 'from gallery.models import Picture; Picture.objects.all().delete()'"
    overrides = {"gallery": {"env": {"EDITION": "two"}, "migrate": ["python manage.py migrate --noinput", spoil]}}
    keeper.play("deploy", app="gallery", pyweb_app_overrides=overrides)
    bad = live(keeper)
    assert bad != release and keeper.pictures()["rows"] == []
    keeper.play("restore", app="gallery", confirm="gallery", snapshot="before")
    assert keeper.pictures()["rows"] == rows and live(keeper) == release
    assert bad in keeper.play("backups", app="gallery").output
    assert [entry["action"] for entry in keeper.status()["history"]][-1] == "rollback"
