# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same application on MariaDB, beside the one on PostgreSQL: attached, backed up while it writes, restored."""

from plugin import until

ALBUM = {"env": {"ON_MARIADB": "yes"}, "backup": {"repository": "/var/backups/album", "password": "{{ backup_password }}", "mysql": ["album"]}}


def stored(keeper):
    """What the backups of this application hold; its set in Redis is in none."""
    return {kind: names for kind, names in keeper.pictures("album").items() if kind in ("rows", "files")}


def test_the_play_makes_an_account_of_its_own(keeper):
    keeper.play("mariadb", services_databases=["album"])
    assert keeper.play("mariadb", services_databases=["album"]).changed == 0
    keeper.add_gallery("album", redis=1, static={"/media/": "media"}, application=ALBUM)
    keeper.play("site", "--skip-tags", "hardening", app="album")
    assert stored(keeper) == {"rows": [], "files": []}
    # By the socket, each is who he is.
    assert keeper.run("runuser -u album -- mariadb -N -e 'SELECT CURRENT_USER()' album") == "album@localhost"
    assert keeper.host.run("runuser -u gallery -- mariadb -u album -e 'SELECT 1' album").rc == 1


def test_what_was_acknowledged_comes_back(keeper):
    with keeper.sending("album") as sender:
        until(lambda: len(sender.acknowledged) >= 10, 300)
        before = list(sender.acknowledged)
        keeper.play("backup", app="album")
        assert len(sender.acknowledged) > len(before), "nobody wrote while the backup was made"
    keeper.run("mariadb -e 'DELETE FROM album.gallery_picture'; rm -r /srv/album/shared/media/*")
    assert stored(keeper) == {"rows": [], "files": []}
    keeper.play("restore", app="album", confirm="album")
    found = stored(keeper)
    assert set(before) <= set(found["rows"]) and set(before) <= set(found["files"])


def test_the_way_back_after_a_bad_migration(keeper):
    found, release = stored(keeper), keeper.run("basename $(readlink /srv/album/current)")
    spoil = "python manage.py shell -c 'from gallery.models import Picture; Picture.objects.all().delete()'"
    overrides = {"album": {"env": {"EDITION": "two"}, "migrate": ["python manage.py migrate --noinput", spoil]}}
    keeper.play("deploy", app="album", pyweb_app_overrides=overrides)
    assert stored(keeper)["rows"] == []
    keeper.play("restore", app="album", confirm="album", snapshot="before")
    assert stored(keeper) == found and keeper.run("basename $(readlink /srv/album/current)") == release
