# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytecode of the release before, for the files that are the same."""

from __future__ import annotations

import contextlib
import os
import re
import struct

BYTECODE = re.compile(r"[^.]+\.cpython-\d+\.pyc")


def reuse_bytecode(before: str, target: str) -> None:
    """Bytecode of the files that are the same in another release. It names the time and the size of its source, and no path that counts."""
    for root, dirs, files in os.walk(target):
        dirs[:] = [name for name in dirs if name not in (".venv", "node_modules", ".pyweb")]
        old = os.path.normpath(os.path.join(before, os.path.relpath(root, target)))
        try:
            compiled = [name for name in os.listdir(f"{old}/__pycache__") if BYTECODE.fullmatch(name)]
        except OSError:
            continue
        for name in compiled:
            source = f"{name.split('.')[0]}.py"
            if source not in files:
                continue
            with contextlib.suppress(OSError):
                status = os.stat(f"{old}/{source}")
                with open(f"{old}/{source}", "rb") as one, open(f"{root}/{source}", "rb") as other, open(f"{old}/__pycache__/{name}", "rb") as file:
                    bytecode = file.read()
                    # What Python itself compares (PEP 552): no flags, and the time and the size of the source.
                    if bytecode[4:16] != stamp(status) or one.read() != other.read():
                        continue
                    mine = stamp(os.fstat(other.fileno()))
                os.makedirs(f"{root}/__pycache__", exist_ok=True)
                with open(f"{root}/__pycache__/{name}", "xb") as file:
                    file.write(bytecode[:4] + mine + bytecode[16:])


def stamp(status: os.stat_result) -> bytes:
    return struct.pack("<III", 0, int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
