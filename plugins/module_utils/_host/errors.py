# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when something fails: one sentence for the user."""

from __future__ import annotations

import errno


class HostError(Exception):
    """One sentence for the user, with the last log lines behind it where there are any."""


class HostStops(HostError):
    """What ends now says nothing about a release."""

    def __init__(self, release: str):
        super().__init__(f"the host shuts down in the middle of the switch to {release}: it completes it, or returns from it, when it is up again.")


class Refused(HostError):
    """What supervisord said, such as C(NOT_RUNNING: name)."""


class BuildError(Exception):
    """One sentence for the user, with the last output behind it where there is any."""


def said(error: BaseException) -> str:
    """What a person can do about it, for the one error of the system that is likely: a full disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{f' ({error.filename})' if error.filename else ''}: free some space and deploy again."
    return str(error)
