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
# What people meet on hosts that are not new, and apt-get says no remedy for, or only half of it.
_REMEDIES = (
    (re.compile("dpkg was interrupted"), "do that on the host, and run again"),
    (re.compile("is not valid yet"), "the clock of the host is behind: set it, for example with 'timedatectl set-ntp true', and run again"),
    (re.compile("is expired"), "the clock of the host is ahead, or that mirror is no longer kept up: set the clock or take another mirror"),
    (re.compile(r"changed its '\w+' value"),
     "when that is meant to be, run 'sudo apt-get update --allow-releaseinfo-change' on the host once, and run again"),
    (re.compile("Unmet dependencies|unmet dependencies|held broken packages"), "'sudo apt-get --fix-broken install' on the host may mend it"),
    (re.compile("No space left on device|don't have enough free space"), "make room on the host, for example with 'sudo apt-get clean'"),
)
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
    told = "; ".join(dict.fromkeys(lines)).rstrip(".") or "(nothing)"
    remedy = next((words for pattern, words in _REMEDIES if pattern.search(told)), "")
    return f"{told}; {remedy}" if remedy else told


def changed(said: str) -> bool:
    found = _SUMMARY.search(said)
    return found is not None and (found[1], found[2]) != ("0", "0")


def waited_in_vain(holder: str, seconds: float) -> str:
    return (
        f"apt is still in use by {holder} after {round(seconds / 60)} minutes, so nothing was installed:"
        " let that end, or end it when it hangs, and run again."
    )
