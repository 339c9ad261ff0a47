# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and modes of what a build made, and environments that nothing uses."""

from __future__ import annotations

import contextlib
import os
import shutil


def prune_environments(home: str, used: set[str]) -> None:
    """Environments that no kept release was made from. A release holds its own links to the files."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"{home}/envs"):
            if name not in used:
                shutil.rmtree(f"{home}/envs/{name}", ignore_errors=True)


def size(path: str) -> int:
    """Bytes on disk that nobody else has: what is deleted with the release."""
    total, waiting = os.lstat(path).st_blocks, [path]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                if status.st_nlink == 1 or entry.is_dir(follow_symlinks=False):
                    total += status.st_blocks
    return total * 512


def allow(path: str, bits: int) -> None:
    mode = os.lstat(path).st_mode & 0o7777
    if mode | bits != mode:
        os.chmod(path, mode | bits)
