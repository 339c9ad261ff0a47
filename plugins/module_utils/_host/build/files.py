# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and modes of what a build made, and environments that nothing uses."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import measure


def prune_environments(home: str, used: set[str]) -> None:
    """Environments that no kept release was made from. A release holds its own links to the files."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"{home}/envs"):
            if name not in used:
                shutil.rmtree(f"{home}/envs/{name}", ignore_errors=True)


def measured(path: str) -> dict[str, t.Any]:
    """For the manifest: C(contents), and C(size) in bytes on disk."""
    contents = dict(measure(path))
    return {"size": contents.pop("disk"), "contents": contents}


def allow(path: str, bits: int) -> None:
    mode = os.lstat(path).st_mode & 0o7777
    if mode | bits != mode:
        os.chmod(path, mode | bits)
