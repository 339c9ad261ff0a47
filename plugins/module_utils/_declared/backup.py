# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an application is backed up, where to, when, and for how long."""

from __future__ import annotations

from .option import Options

RETENTION: Options = {
    "daily": {"type": "int", "default": 7, "minimum": 1, "description": "For how many days the last backup of the day is kept."},
    "weekly": {"type": "int", "default": 4, "minimum": 0, "description": "For how many weeks the last one of the week is kept."},
    "monthly": {"type": "int", "default": 6, "minimum": 0, "description": "For how many months the last one of the month is kept."},
}

BACKUP: Options = {
    "repository": {
        # Checked by ourselves: the sentence must not show a password in it.
        "type": "str", "otherwise": "required",
        "description": "The repository of restic: a directory that is not on the disk of the application, another host (C(sftp:)) or object storage (C(s3:)). "
                       "It is made by the first backup. Several hosts and applications may share one.",
        "example": "sftp:backup@backup.example.com:/srv/backup/shop",
    },
    "password": {
        "type": "str", "otherwise": "required", "no_log": True,
        "description": "What the repository is encrypted with. Keep it elsewhere too: without it nobody can read a backup.",
    },
    "env": {
        "type": "dict", "default": {}, "no_log": True,
        "description": "Environment variables of restic and of the databases' tools, such as C(AWS_ACCESS_KEY_ID) and C(AWS_SECRET_ACCESS_KEY). Secret.",
    },
    "hosts": {
        "type": "list", "elements": "str", "otherwise": "all of the application's",
        "description": "Groups or hosts of the inventory that are backed up.",
    },
    "paths": {
        "type": "list", "elements": "str", "otherwise": "all of `shared/`",
        "description": "Directories and files of C(shared/) that are backed up, in place of all of it. V([]) is for databases alone.",
        "example": ["media"],
    },
    "exclude": {
        "type": "list", "elements": "str", "default": [],
        "description": "Patterns of restic for what is left out of it.",
        "example": ["cache"],
    },
    "sqlite": {
        "type": "list", "elements": "str", "otherwise": "every one among `paths` that ends in `.sqlite3`, `.sqlite` or `.db`",
        "description": "Databases of SQLite in C(shared/). They are copied by SQLite's own online backup, as they were at one moment.",
        "example": ["db.sqlite3"],
    },
    "postgresql": {
        "type": "list", "elements": "str", "default": [], "pattern": r"[A-Za-z_][A-Za-z0-9_-]{0,54}",
        "accepts": "the name of a database of this host is needed, 55 characters at the most",
        "description": "Databases of the PostgreSQL of the same host.", "example": ["shop"],
    },
    "mysql": {
        "type": "list", "elements": "str", "default": [], "pattern": r"[A-Za-z_][A-Za-z0-9_-]{0,54}",
        "accepts": "the name of a database of this host is needed, 55 characters at the most",
        "description": "Databases of the MariaDB or MySQL of the same host.", "example": ["shop"],
    },
    "redis": {
        "type": "bool", "default": False,
        "description": "Whether the Redis or Valkey of the same host is backed up, with all of its databases.",
    },
    "schedule": {
        "type": "str", "default": "*-*-* 02:30:00",
        "description": "When a backup is made, as systemd.time(7) has it. A host that was off then makes it up. Each host waits up to ten minutes more, "
                       "so that not all begin at once.",
        "example": "hourly",
    },
    "keep": {
        "type": "dict", "options": RETENTION, "otherwise": "7 days, 4 weeks, 6 months",
        "description": "Which backups stay; those of the last day all do.",
    },
    "before_migrate": {
        "type": "bool", "default": True,
        "description": "Whether a deploy makes a backup before it migrates, tied to the new release. If the migration turns out bad, the way back is "
                       "one command.",
    },
}
