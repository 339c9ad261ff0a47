# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has of a configuration, short enough to be told: so that config_files need not be sent where all is in place.

`found()` runs on the host, `in_place()` on the controller. Where the two leave a doubt, all is not in place: config_files then looks itself.
"""

from __future__ import annotations

import glob
import grp
import hashlib
import pathlib
import pwd
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _config_files as config_files

# The lock and the journal of an unfinished run; only root can reach them.
JOURNAL_DIRECTORY = "/var/lib/pyweb-config-files"


class Told(t.TypedDict):
    """What is at a path: C(owner) and C(group) by name where they have one, C(mode) as four octal digits, C(digest) of a file's content as SHA-256."""

    kind: str
    owner: str
    group: str
    mode: str
    digest: str


class Found(t.TypedDict):
    patterns: list[str]
    unfinished: bool
    paths: dict[str, Told]


def _name(find: t.Callable[[int], t.Any], number: int) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _told(path: str) -> Told:
    state = config_files.look(path)
    return {
        "kind": state.kind,
        "owner": _name(pwd.getpwuid, state.uid),
        "group": _name(grp.getgrgid, state.gid),
        "mode": f"{state.mode:04o}",
        "digest": _digest(state.content) if state.kind == config_files.FILE else "",
    }


def found(patterns: t.Sequence[str], journal: str = JOURNAL_DIRECTORY) -> Found:
    """What the patterns match, links themselves and not where they lead; and whether a run of config_files was killed before its end."""
    paths = sorted({path for pattern in patterns for path in glob.glob(pattern)})
    return {
        "patterns": list(patterns),
        "unfinished": config_files.Journal(journal).exists(),
        "paths": {path: _told(path) for path in paths},
    }


def _wanted(kind: str, item: t.Mapping[str, t.Any]) -> Told:
    content = item.get("secret_content") or item.get("content") or ""
    return {
        "kind": kind,
        "owner": item.get("owner", "root"),
        "group": item.get("group", "root"),
        "mode": item.get("mode", "0755" if kind == config_files.DIRECTORY else "0644"),
        "digest": _digest(content.encode("utf-8")) if kind == config_files.FILE else "",
    }


def _matches(path: str, pattern: str) -> bool:
    return pathlib.PurePosixPath(path).match(pattern)


def in_place(
    there: Found, directories: t.Iterable[t.Mapping[str, t.Any]], files: t.Iterable[t.Mapping[str, t.Any]], absent: t.Iterable[str]
) -> bool:
    """Whether config_files, with these options, would find nothing to do. What no pattern of C(there) matches has not been looked at."""
    wanted = {item["path"]: _wanted(config_files.DIRECTORY, item) for item in directories}
    wanted.update({item["path"]: _wanted(config_files.FILE, item) for item in files})
    if there["unfinished"] or any(there["paths"].get(path) != told for path, told in wanted.items()):
        return False
    others = [path for path in there["paths"] if path not in wanted]
    for pattern in absent:
        looked_at = pattern in there["patterns"] or not glob.has_magic(pattern) and any(_matches(pattern, known) for known in there["patterns"])
        if not looked_at or any(_matches(path, pattern) for path in others):
            return False
    return True
