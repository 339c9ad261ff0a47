# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an environment."""

from __future__ import annotations

import contextlib
import csv
import glob
import hashlib
import json
import os
import re
import stat
import typing as t


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def leftovers(env: str, fresh: str) -> list[str]:
    """Files that neither a package nor a new environment has. Bytecode goes with its source."""
    (place,) = glob.glob(f"{glob.escape(env)}/lib/python3*/site-packages")
    known = {os.path.normpath(f"{env}/{os.path.relpath(path, fresh)}") for path in files_of(fresh)}
    for record in glob.glob(f"{glob.escape(place)}/*.dist-info/RECORD"):
        # Installers write more about a package than it lists.
        known.update(files_of(os.path.dirname(record)))
        with open(record, encoding="utf-8", newline="") as file:
            known.update(os.path.normpath(os.path.join(place, row[0])) for row in csv.reader(file) if row)
    return [path for path in files_of(env)
            if path not in known and re.sub(r"__pycache__/([^/.]+)\.[^/]*\.pyc$", r"\1.py", path) not in known and not path.endswith("/.lock")]


def files_of(top: str) -> list[str]:
    return [f"{root}/{name}" for root, dirs, files in os.walk(top) for name in [*files, *(name for name in dirs if os.path.islink(f"{root}/{name}"))]]


def digest(material: t.Any) -> str:
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:32]


def close_locks(home: str) -> None:
    """Nobody but the build user needs the lock files of uv, which lets everybody write to them.

    Others cannot reach them, but whoever looks for files that anybody may write to would have to find that out for each.
    """
    found = [f"{path}/.lock" for path in glob.glob(f"{glob.escape(home)}/envs/*")]
    for root, dirs, files in os.walk(f"{home}/cache"):
        # What packages have unpacked is theirs.
        dirs[:] = [name for name in dirs if not name.startswith("archive-") and name != "lib"]
        found += [f"{root}/{name}" for name in files]
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
                os.chmod(path, stat.S_IMODE(mode) & ~stat.S_IWOTH)
