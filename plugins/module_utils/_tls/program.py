# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certbot's timer and its deploy hook call: pyweb-certificates keep | deployed. Ends with 1 where something could not be done."""

from __future__ import annotations

import os
import sys
import syslog

from .keeper import Config, Keeper


def main(store: str) -> int:
    keeper = Keeper(Config.read(store))
    outcome = keeper.deployed(os.environ.get("RENEWED_LINEAGE", "")) if sys.argv[1:] == ["deployed"] else keeper.keep()
    # certbot keeps what hooks say to itself.
    syslog.openlog("pyweb-certificates")
    for sentence in outcome.done:
        syslog.syslog(syslog.LOG_INFO, sentence)
    for sentence in outcome.faults:
        syslog.syslog(syslog.LOG_ERR, sentence)
        sys.stderr.write(f"{sentence}\n")
    return 1 if outcome.faults else 0
