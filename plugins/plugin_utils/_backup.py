# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pyweb_apps.<name>.backup may hold, and the backups that there are as a table. Pure: no I/O."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._declared.backup import BACKUP, RETENTION
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError, checked
from ansible_collections.pyweb.stack.plugins.module_utils._processes import calendar
from ansible_collections.pyweb.stack.plugins.plugin_utils._paths import relative
from ansible_collections.pyweb.stack.plugins.plugin_utils._summary import aligned
from ansible_collections.pyweb.stack.plugins.plugin_utils._table import age

REPOSITORY = re.compile(r"(/|sftp:|rest:|s3:|b2:|azure:|gs:|swift:|rclone:)\S+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked_backup(where: str, given: dict[str, Any], app: str) -> dict[str, Any]:
    """The options with their defaults. Raises AppsError; no sentence shows a secret."""
    result = checked(where, given, BACKUP)
    for option in ("repository", "password"):
        if not result[option]:
            what = "a directory or an address for restic" if option == "repository" else "what the repository is encrypted with, from a vault,"
            raise AppsError(f"{where}.{option} is missing: {what} is needed.")
    repository = result["repository"]
    if not REPOSITORY.fullmatch(repository):
        raise AppsError(f"{where}.repository is {without_password(repository)!r}: a directory such as /mnt/backup/{app}, or an address of restic such as "
                        f"sftp:backup@host:/{app} or s3:https://s3.example.com/{app}, is needed.")
    if (repository.rstrip("/") + "/").startswith(f"/srv/{app}/"):
        raise AppsError(f"{where}.repository is {repository!r}, which goes with the application: take a place outside of /srv/{app}.")
    if "\n" in result["password"]:
        raise AppsError(f"{where}.password has more than one line: restic reads the first alone.")
    if not calendar(result["schedule"]):
        raise AppsError(f"{where}.schedule is {result['schedule']!r}: a calendar event of systemd is needed, such as hourly or *-*-* 02:30:00.")
    for name, value in result["env"].items():
        if not VARIABLE.fullmatch(str(name)) or str(name) in ("RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE", "RESTIC_CACHE_DIR"):
            raise AppsError(f"{where}.env.{name} is not a name for an environment variable of restic, or one that the collection sets by itself.")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise AppsError(f"{where}.env.{name} is a {type(value).__name__}: write the text that restic should see, in quotes.")
    result["env"] = {str(name): str(value) for name, value in result["env"].items()}
    for option in ("paths", "sqlite"):
        if result[option] is not None:
            result[option] = [relative(f"{where}.{option}", path) for path in result[option]]
    result["keep"] = checked(f"{where}.keep", result["keep"] or {}, RETENTION)
    if result["paths"] == [] and not (result["sqlite"] or result["postgresql"] or result["mysql"] or result["redis"]):
        raise AppsError(f"{where}.paths is [], and no database is named: there is nothing to back up.")
    return result


def table(told: dict[str, Any], now: float) -> list[str]:
    """Lines for what the module release_backup lists, the newest first."""
    rows = [["ID", "AGE", "TIME", "HOST", "RELEASE", "BEFORE THE MIGRATION OF"]]
    for one in reversed(told["snapshots"]):
        rows.append([one["id"], age(one["time"], now), one["time"], one["host"], one["release"] or "", one["before"] or ""])
    return aligned(rows)
