# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases are kept."""

from __future__ import annotations

from .option import Options

KEEP: Options = {
    "keep_releases": {
        "type": "int", "default": 5, "minimum": 2, "accepts": "at least 2 are needed, the live release and one to go back to",
        "description": "How many good releases are kept, the live one among them. The live release, the rollback target and pinned releases always are.",
    },
    "keep_days": {
        "type": "int", "minimum": 1, "accepts": "a whole number of days from 1 is needed",
        "description": "Days after which a good release is deleted, whatever O(keep_releases) says. By default age does not matter.",
    },
    "keep_free": {
        "type": "int", "default": 512, "minimum": 0,
        "accepts": "a number of megabytes is needed; 0 never deletes a release for want of space",
        "description": "Megabytes that are to be free, before a build and after a deploy; below, the oldest releases are deleted until they are.",
    },
}
