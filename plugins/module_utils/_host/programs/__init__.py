# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that a release keeps as files of its own: they are written once for it, and started for as long as it lives."""

from __future__ import annotations

import os


def text(name: str, **values: str) -> str:
    """The text of one of the files here, with C(@name@) replaced by a value. Other text between two @ stays, what is said to shellcheck goes."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        found = "".join(line for line in file if not line.startswith("# shellcheck "))
    for key, value in values.items():
        found = found.replace(f"@{key}@", value)
    return found
