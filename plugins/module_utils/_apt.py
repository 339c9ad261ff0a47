# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apt-get means by what it prints (with LC_ALL=C), on the host as well as on the controller."""

from __future__ import annotations

import re

# Seconds until a run gives up on an apt that somebody else uses. A fresh host's own first upgrade holds it for minutes.
LOCK_TIMEOUT = 900

_HELD = re.compile(r"Could not get lock (?P<lock>/\S+?)\.(?: It is held by process (?P<pid>\d+) \((?P<name>[^)\n]*)\))?")
_OLD_HELD = re.compile(r"(?:Unable to (?:acquire|lock)|frontend lock was locked by another process)")
_SUMMARY = re.compile(r"^(\d+) upgraded, (\d+) newly installed", re.MULTILINE)


def held_by(said: str) -> str:
    """Who uses apt, in words, when that is why apt-get refused; else empty."""
    found = _HELD.search(said)
    if found:
        return f"{found['name']} (process {found['pid']}), which holds {found['lock']}" if found["pid"] else f"somebody, who holds {found['lock']}"
    return "another program" if _OLD_HELD.search(said) else ""


def errors(said: str) -> str:
    """What is wrong, without what apt-get says while it works."""
    lines = [line.strip()[2:].strip() for line in said.splitlines() if line.startswith(("E:", "E "))]
    if not lines:
        lines = [line.strip() for line in said.splitlines() if line.strip()][-3:]
    return "; ".join(dict.fromkeys(lines)).rstrip(".") or "(nothing)"


def changed(said: str) -> bool:
    found = _SUMMARY.search(said)
    return found is not None and (found[1], found[2]) != ("0", "0")


def waited_in_vain(holder: str, seconds: float) -> str:
    return (
        f"apt is still in use by {holder} after {round(seconds / 60)} minutes, so nothing was installed:"
        " let that end, or end it when it hangs, and run again."
    )
