# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apt-get means by what it prints (with LC_ALL=C), on the host as well as on the controller."""

from __future__ import annotations

import itertools
import re

# Seconds until a run gives up on an apt that somebody else uses. A fresh host's own first upgrade holds it for minutes.
LOCK_TIMEOUT = 900
# Who waits is the run, which says for whom: with a time of the host's own, which may have no end, apt-get would wait in silence.
NO_WAITING = "DPkg::Lock::Timeout=0"

_HELD = re.compile(r"Could not get lock (?P<lock>/\S+?)\.(?: It is held by process (?P<pid>\d+) \((?P<name>[^)\n]*)\))?")
_OLD_HELD = re.compile(r"(?:Unable to (?:acquire|lock)|frontend lock was locked by another process)")
# Nobody holds it: this user may not have it, or nobody can write there.
_NO_LOCK = "Could not open lock file"
# What comes before a refusal names the packages that it is about, on this line and those below that are indented.
_DETAIL = re.compile("dpkg: error|.*(?:packages have unmet dependencies|held packages will be changed):$")
_WITHOUT_WORTH = re.compile(r"Sub-process /usr/bin/dpkg returned an error code|.*:$")
# What people meet on hosts that are not new, and apt-get says no remedy for, or only half of it.
_REMEDIES = (
    (re.compile("dpkg was interrupted"), "do that on the host, and run again"),
    (re.compile("is not valid yet"), "the clock of the host is behind: set it, for example with 'timedatectl set-ntp true', and run again"),
    (re.compile("is expired"), "the clock of the host is ahead, or that mirror is no longer kept up: set the clock or take another mirror"),
    (re.compile(r"changed its '\w+' value"),
     "when that is meant to be, run 'sudo apt-get update --allow-releaseinfo-change' on the host once, and run again"),
    (re.compile("error processing package"), "mend or purge that package on the host ('sudo dpkg --configure -a' tries it again), and run again"),
    (re.compile("Held packages were changed"), "when that hold is no longer meant, end it by 'sudo apt-mark unhold' on the host, and run again"),
    (re.compile("held broken packages"),
     "a pin, a hold or a repository of another release is in the way: see 'apt-cache policy' and 'apt-mark showhold' on the host"),
    (re.compile("Unmet dependencies"), "'sudo apt-get --fix-broken install' on the host may mend it"),
    (re.compile("are you root"), "root is needed: set become: true"),
    (re.compile("Read-only file system"), "that file system can only be read: see 'findmnt' and 'journalctl -k' on the host"),
    (re.compile("No space left on device|don't have enough free space"), "make room on the host, for example with 'sudo apt-get clean'"),
)
_SIMULATED = re.compile(r"^Inst (\S+) ", re.MULTILINE)
_SUMMARY = re.compile(r"^(\d+) upgraded, (\d+) newly installed", re.MULTILINE)


def held_by(said: str) -> str:
    """Who uses apt, in words, when that is why apt-get refused; else empty."""
    if _NO_LOCK in said:
        return ""
    found = _HELD.search(said)
    if found:
        return f"{found['name']} (process {found['pid']}), which holds {found['lock']}" if found["pid"] else f"somebody, who holds {found['lock']}"
    return "another program" if _OLD_HELD.search(said) else ""


def _details(lines: list[str]) -> list[str]:
    """What dpkg says is wrong, and which packages are in the way; apt-get's own errors name neither."""
    found = []
    for number, line in enumerate(lines):
        if _DETAIL.match(line):
            below = itertools.takewhile(lambda other: other.startswith(" "), lines[number + 1 :])
            found.append(" ".join([line.strip(), ", ".join(other.strip() for other in below)]).strip())
    return found


def errors(said: str) -> str:
    """What is wrong, without what apt-get says while it works."""
    all_lines = said.splitlines()
    own = [line.strip()[2:].strip() for line in all_lines if line.startswith(("E:", "E "))]
    details = _details(all_lines)
    lines = details + [line for line in own if not details or not _WITHOUT_WORTH.match(line)]
    if not lines:
        lines = [line.strip() for line in all_lines if line.strip()][-3:]
    told = "; ".join(dict.fromkeys(lines)).rstrip(".") or "(nothing)"
    remedy = next((words for pattern, words in _REMEDIES if pattern.search(told)), "")
    return f"{told}; {remedy}" if remedy else told


def simulated(said: str) -> list[str]:
    """The packages that C(apt-get --simulate) would install or upgrade."""
    return _SIMULATED.findall(said)


def changed(said: str) -> bool:
    found = _SUMMARY.search(said)
    return found is not None and (found[1], found[2]) != ("0", "0")


def waited_in_vain(holder: str, seconds: float) -> str:
    return (
        f"apt is still in use by {holder} after {round(seconds / 60)} minutes, so nothing was installed:"
        " let that end, or end it when it hangs, and run again."
    )
