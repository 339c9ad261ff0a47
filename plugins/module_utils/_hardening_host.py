# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at what of a host belongs to others, so that the role hardening leaves it to them or can put it back. Changes nothing."""

from __future__ import annotations

import glob
import os
import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_look as look

CRONTABS = "/var/spool/cron/crontabs"
COMMON_AUTH = "/etc/pam.d/common-auth"
CAP_DAC_READ_SEARCH = 2
COMMON_PASSWORD = "/etc/pam.d/common-password"
PROFILES = "/usr/share/pam-configs/pyweb-"


def originals(kept: str, files: Mapping[str, str]) -> dict[str, str]:
    """The text of files that the role replaces as a whole, as it was before; files: by path, the name of the copy in kept.

    One that is not UTF-8 is left out, since it could not come back byte for byte.
    """
    found = {}
    for path, name in files.items():
        copy = look.text_of_others(os.path.join(kept, name))
        text = copy if copy is not None else look.text_of_others(path)
        if text is not None:
            found[path] = text
    return found


def of_others(paths: Iterable[str]) -> list[str]:
    """Those of the paths that are there and not the role's."""
    texts = {path: look.read(path) for path in paths}
    return [path for path, text in texts.items() if text is not None and look.MARK not in text]


def crontab_owners() -> list[str]:
    """Names of accounts that have jobs of their own."""
    return sorted(os.path.basename(path) for path in glob.glob(f"{CRONTABS}/*"))


def is_container(run: look.Run) -> bool:
    return run(["systemd-detect-virt", "--container", "--quiet"])[0] == 0


def reads_all(status: str) -> bool:
    """Whether root here may read every file, which containers often withhold; status: the text of /proc/self/status."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> CAP_DAC_READ_SEARCH & 1)


def swap_file(path: str = "/swapfile") -> int | None:
    """The size of the swap file in MiB; None where there is none."""
    return os.stat(path).st_size >> 20 if os.path.exists(path) else None


def room(path: str = "/") -> int:
    """What is free for root on the disk of that path, in MiB."""
    disk = os.statvfs(path)
    return disk.f_bfree * disk.f_frsize >> 20


def look_at_host(run: look.Run, kept: str, options: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """options: originals (a mapping), drop_ins and look_for (lists of paths)."""
    return {
        "originals": originals(kept, options["originals"]),
        "of_others": of_others(options["drop_ins"]),
        "there": [path for path in options["look_for"] if os.path.exists(path)],
        "crontabs": crontab_owners(),
        "container": is_container(run),
        "is_named": os.path.ismount("/etc/hostname"),
        "reads_all": reads_all(look.read("/proc/self/status") or ""),
        "faillock_of_others": not os.path.exists(PROFILES + "faillock") and "pam_faillock" in (look.read(COMMON_AUTH) or ""),
        "history_of_others": not os.path.exists(PROFILES + "history") and "pam_pwhistory" in (look.read(COMMON_PASSWORD) or ""),
        "swap_file": swap_file(),
        "room": room(),
        "packages": (look.read(os.path.join(kept, "packages")) or "").split(),
    }
