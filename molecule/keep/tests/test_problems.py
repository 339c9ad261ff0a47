# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with backups and restores is told in a sentence; the last good backup stays, and so does all that the application has."""

import pytest

from plugin import until

INSERT = "INSERT INTO gallery_picture (name, seen) VALUES ('spoilt', false)"
DELETE = "DELETE FROM gallery_picture WHERE name = 'spoilt'"
SQL = {
    "gallery": 'runuser -u gallery -- psql -q -h /run/postgresql gallery -c "{}"',
    "album": 'mariadb album -e "{}"',
}
# A small disk of their own for backups.
SMALL = {"gallery": {"backup": {"repository": "/mnt/small/gallery"}}}


def told(keeper):
    """What the status knows about backups."""
    return keeper.status()["backup"]


def fails(keeper, sentence, **variables):
    """A backup does, and says this; returns what the status knows then."""
    outcome = keeper.play("backup", exit_status=2, app="gallery", **variables)
    assert sentence in " ".join(outcome.output.split()) and "Traceback" not in outcome.output, outcome.output
    found = told(keeper)
    assert sentence in found["failure"]["error"]
    return found


@pytest.mark.parametrize("app", SQL)
def test_a_restore_after_which_the_application_is_not_well(keeper, app):
    """It is known last, with all in place: files, databases and Redis have to go back."""
    keeper.run(SQL[app].format(INSERT))
    keeper.play("backup", app=app)
    keeper.run(SQL[app].format(DELETE))
    with keeper.sending(app, first=910000) as sender:
        until(lambda: len(sender.acknowledged) >= 3, 300)
    before, release = keeper.pictures(app), keeper.run(f"readlink /srv/{app}/current")
    outcome = keeper.play("restore", exit_status=2, app=app, confirm=app)
    assert "503" in outcome.messages[0] and "not all could be put back" not in outcome.output, outcome.output
    after = keeper.pictures(app)
    assert [after[kind] for kind in ("rows", "files", "set")] == [before[kind] for kind in ("rows", "files", "set")]
    assert keeper.run(f"readlink /srv/{app}/current") == release
    assert sorted(keeper.run(f"ls -A /srv/{app}").split()) == ["assets", "build", "current", "releases", "shared"]
    # The newest backup is the spoilt one: not what anybody who comes next should find.
    keeper.play("backup", app=app)


def test_a_missing_password(keeper):
    last = told(keeper)["last"]
    keeper.run("truncate -s 0 /etc/pyweb/gallery/backup-password")
    assert keeper.host.run("systemctl start pyweb.gallery.backup").rc == 1
    found = told(keeper)
    assert "the password for /var/backups/gallery is missing" in found["failure"]["error"] and found["last"] == last
    # The remedy that the sentence names.
    keeper.play("backup", app="gallery")
    assert told(keeper)["failure"] is None


def test_a_full_disk_and_a_damaged_repository(keeper):
    keeper.run("mkdir -p /mnt/small && mount -t tmpfs -o size=12m,mode=0700 tmpfs /mnt/small")
    keeper.play("backup", app="gallery", pyweb_app_overrides=SMALL)
    last = told(keeper)["last"]

    keeper.run("head -c 30000000 /dev/urandom > /srv/gallery/shared/media/large.bin && chown gallery: /srv/gallery/shared/media/large.bin")
    assert fails(keeper, "the disk is full", pyweb_app_overrides=SMALL)["last"] == last
    listed = keeper.play("backups", app="gallery").output
    assert last["snapshot"] in listed
    # The last good one can be restored as ever.
    keeper.play("restore", app="gallery", confirm="gallery", pyweb_app_overrides=SMALL)
    assert not keeper.host.file("/srv/gallery/shared/media/large.bin").exists

    # With room again the repository serves on, as if nothing had been.
    keeper.run("mount -o remount,size=200m /mnt/small")
    keeper.play("backup", app="gallery", pyweb_app_overrides=SMALL)
    rows = keeper.pictures()["rows"]

    keeper.run("for file in $(find /mnt/small/gallery/data -type f); do printf spoilt | dd of=$file bs=1 seek=20 conv=notrunc status=none; done")
    fails(keeper, "/mnt/small/gallery is damaged", pyweb_app_overrides=SMALL)
    outcome = keeper.play("restore", exit_status=2, app="gallery", confirm="gallery", pyweb_app_overrides=SMALL)
    assert "/mnt/small/gallery is damaged" in outcome.messages[0]
    assert keeper.pictures()["rows"] == rows

    # As on a host whose disk was not mounted: no new repository in silence.
    keeper.run("umount /mnt/small")
    fails(keeper, "is its disk mounted?", pyweb_app_overrides=SMALL)
    # The one of the inventory is as good as before.
    keeper.play("backup", app="gallery")
    assert told(keeper)["failure"] is None


def test_another_host_by_ssh(keeper):
    """That host is this one, under the address by which others reach it."""
    keeper.run("useradd --create-home --shell /bin/sh vault && install -d -m 700 -o vault -g vault ~vault/.ssh")
    keeper.run("test -f /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
    there = f"sftp:vault@{keeper.address}:/home/vault/gallery"
    overrides = {"gallery": {"backup": {"repository": there}}}
    fails(keeper, "is not known to root", pyweb_app_overrides=overrides)
    keeper.run(f"ssh-keyscan {keeper.address} >> /etc/ssh/ssh_known_hosts")
    fails(keeper, "ssh may not log in", pyweb_app_overrides=overrides)
    keeper.run("install -m 600 -o vault -g vault /root/.ssh/id_ed25519.pub ~vault/.ssh/authorized_keys")
    keeper.play("backup", app="gallery", pyweb_app_overrides=overrides)
    rows = keeper.pictures()["rows"]
    keeper.play("restore", app="gallery", confirm="gallery", pyweb_app_overrides=overrides)
    assert keeper.pictures()["rows"] == rows
