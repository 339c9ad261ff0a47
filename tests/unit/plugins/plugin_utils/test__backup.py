# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backups: what is refused, what is filled in, who sees them, and what the status says."""

from __future__ import annotations

import pathlib
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _backup, _findings, _shown, _status

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))

from looked import NOW, host, one  # noqa: E402

APP = {"source": {"repo": "https://git.example.com/shop.git"}, "processes": {"web": {"wsgi": "shop.wsgi"}}}
GOOD = {"repository": "/mnt/backup/shop", "password": "correct-horse"}


def app(**backup):
    return {"shop": {**APP, "backup": {**GOOD, **backup}}}


@pytest.mark.parametrize("backup, sentence", [
    ({"repository": None}, "pyweb_apps.shop.backup.repository is missing"),
    ({"password": ""}, "pyweb_apps.shop.backup.password is missing"),
    ({"password": "a\nb"}, "password has more than one line"),
    ({"repository": "backup/shop"}, "pyweb_apps.shop.backup.repository is 'backup/shop': a directory such as /mnt/backup/shop"),
    ({"repository": "/srv/shop/backup"}, "goes with the application: take a place outside of /srv/shop."),
    ({"schedule": "every night"}, "schedule is 'every night': a calendar event of systemd is needed"),
    ({"paths": ["../etc"]}, "pyweb_apps.shop.backup.paths"),
    ({"paths": []}, "there is nothing to back up"),
    ({"postgresql": ["a b"]}, "pyweb_apps.shop.backup.postgresql has 'a b': the name of a database of this host is needed"),
    ({"keep": {"daily": 0}}, "pyweb_apps.shop.backup.keep.daily is 0"),
    ({"env": {"RESTIC_PASSWORD": "x"}}, "pyweb_apps.shop.backup.env.RESTIC_PASSWORD is not a name"),
    ({"databases": ["shop"]}, "pyweb_apps.shop.backup.databases is not an option"),
])
def test_what_is_refused(backup, sentence):
    with pytest.raises(AppsError) as refused:
        _apps.resolve(app(**backup))
    assert sentence in str(refused.value) and "correct-horse" not in str(refused.value)


def test_a_refused_address_keeps_its_password():
    with pytest.raises(AppsError) as refused:
        _apps.resolve(app(repository="https://me:hunter22@backup.example.com/shop"))
    assert "hunter22" not in str(refused.value)


def test_what_is_filled_in():
    found = _apps.resolve(app(paths=["media/"], env={"AWS_ACCESS_KEY_ID": 12}))[0]["app"]["backup"]
    assert found["keep"] == {"daily": 7, "weekly": 4, "monthly": 6} and found["paths"] == ["media"] and found["env"] == {"AWS_ACCESS_KEY_ID": "12"}
    assert found["before_migrate"] and found["sqlite"] is None and found["postgresql"] == []


def test_only_its_hosts_make_backups():
    groups = {"pyweb": ["web1", "web2"]}
    slices = {name: _apps.resolve(app(hosts=["web2"]), host=name, groups=groups)[0]["app"]["backup"] for name in groups["pyweb"]}
    assert slices["web1"] is None and slices["web2"]["hosts"] == ["web2"]
    with pytest.raises(AppsError, match="pyweb_apps.shop.backup.hosts has 'web3'"):
        _apps.resolve(app(hosts=["web3"]), host="web1", groups=groups)


def test_a_backup_makes_no_new_release():
    with_backup, without = _apps.resolve(app())[0], _apps.resolve({"shop": APP})[0]
    assert with_backup["app"]["config_digest"] == without["app"]["config_digest"] and without["app"]["backup"] is None


def test_secrets_are_not_shown():
    text = str(_shown.shown(app(repository="rest:https://me:hunter22@backup.example.com/shop", env={"AWS_SECRET_ACCESS_KEY": "s3cr3t-key"})))
    assert "correct-horse" not in text and "hunter22" not in text and "s3cr3t-key" not in text and "AWS_SECRET_ACCESS_KEY" in text


LAST = {"snapshot": "1a2b3c4d", "time": "20261103T023000Z", "seconds": 3.0, "bytes": 5, "release": None, "before": None}


def told(**more):
    return one(backup={"schedule": "daily", "period": 86400.0, "since": NOW - 3600, "last": LAST, "failure": None, **more})


@pytest.mark.parametrize("answer, texts", [
    (told(last={**LAST, "time": "20261104T023000Z"}), []),
    (told(last={**LAST, "time": "20261030T023000Z"}), ["its backup is overdue, the last good one is of 20261030T023000Z"]),
    (told(last=None), []),
    (told(last=None, since=NOW - 3 * 86400), ["its backup is overdue, there is no good one yet"]),
    (told(last=None, period=None, since=0), []),
    (told(failure={"time": "20261104T023000Z", "error": "the disk is full."}),
     ["its backup failed at 20261104T023000Z (the disk is full); the last good one is of 20261103T023000Z"]),
], ids=["well", "overdue", "new", "never", "no schedule", "failed"])
def test_what_the_status_says(answer, texts):
    found = _findings.findings({"web1": host(shop=answer)}, NOW)
    assert [item["text"] for item in found] == texts and all(item["level"] == "problem" for item in found)


def test_the_table_has_a_column_where_backups_are_made():
    lines = _status.table(_status.report({"web1": host(shop=told(), blog=one())}, NOW))
    assert lines[0].endswith("BACKUP") and lines[1].split()[1] == "blog" and lines[2].rstrip().endswith((" d", " h"))
    assert "BACKUP" not in _status.table(_status.report({"web1": host(blog=one())}, NOW))[0]


def test_backups_are_listed_newest_first():
    rows = _backup.table({"snapshots": [{"id": "1111", "time": "20261101T023000Z", "host": "web1", "release": "a", "before": None},
                                        {"id": "2222", "time": "20261102T023000Z", "host": "web1", "release": "a", "before": "b"}]}, NOW)
    assert [row.split()[0] for row in rows] == ["ID", "2222", "1111"] and rows[1].split()[-1] == "b"
