# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host is told about the backups of an application, and what it remembers of how they went."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import check_schema

# Of the files below. Raised when code of before could no longer read what is written.
SCHEMA = 1


class Keep(t.TypedDict):
    """How many of the last backups of each day, week and month stay."""

    daily: int
    weekly: int
    monthly: int


class Config(t.TypedDict, total=False):
    """/etc/pyweb/<app>/backup.json, root's alone. The password lies beside it."""

    schema: int
    host: str  # what backups of this host are called in the repository
    repository: str
    env: dict[str, str]
    paths: list[str] | None  # below shared/; None: all of it
    exclude: list[str]
    sqlite: list[str] | None  # below shared/; None: found by their names
    postgresql: list[str]
    mysql: list[str]
    redis: bool
    schedule: str
    period: float | None  # the longest time between two backups, in seconds
    keep: Keep
    before_migrate: bool


class Good(t.TypedDict):
    """One backup that is in the repository and was verified."""

    snapshot: str
    time: str  # UTC as 20261120T201500Z
    seconds: float
    bytes: int  # of all that it holds
    release: str | None  # which was live
    before: str | None  # which migrated next


class Failure(t.TypedDict):
    time: str
    error: str


class State(t.TypedDict, total=False):
    """/var/lib/pyweb/<app>/backup.json."""

    schema: int
    repository: str  # where the last good one is
    last: Good
    failure: Failure | None  # None after a good one


def first(app: str) -> str:
    """What to do where there is no backup, as a part of a sentence."""
    return f"ansible-playbook pyweb.stack.backup -e app={app} makes the first one"


def read(paths: Layout) -> Config:
    """Raises HostError where the host was told nothing: backups are not declared, or were since, and nothing but check mode has run."""
    config: Config | None = read_json(paths.backup_config)
    if not config:
        raise HostError(f"there is no backup of {paths.name} from this host yet: {first(paths.name)}, where pyweb_apps.{paths.name}.backup says.")
    check_schema(config, paths.backup_config)
    return config


def write(paths: Layout, config: Config, password: str) -> bool:
    """Whether anything has changed."""
    wanted = {paths.backup_password: password + "\n", paths.backup_config: json.dumps({**config, "schema": SCHEMA}, indent=1, sort_keys=True) + "\n"}
    changed = [path for path, text in wanted.items() if _text(path) != text]
    for path in changed:
        write_file(path, wanted[path], 0o600)
    return bool(changed)


def differs(paths: Layout, config: Config, password: str) -> bool:
    return _text(paths.backup_password) != password + "\n" or read_json(paths.backup_config) != {**config, "schema": SCHEMA}


def remove(paths: Layout) -> None:
    for path in (paths.backup_password, paths.backup_config):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def state(paths: Layout) -> State:
    """Empty before the first backup."""
    found: State = read_json(paths.backup_state, {})
    check_schema(found, paths.backup_state)
    return found


def remember(paths: Layout, new: State) -> None:
    write_file(paths.backup_state, json.dumps({**new, "schema": SCHEMA}, indent=1, sort_keys=True) + "\n", 0o600)


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
