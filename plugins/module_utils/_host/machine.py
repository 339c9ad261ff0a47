# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What monitoring asks of a host itself: disk, memory, load, pending updates and reboot, and the memory of a cgroup. Changes nothing."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import subprocess
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, read_text, write_file

# What Debian's packages leave when a reboot is due.
REBOOT = "/run/reboot-required"
# Where apt and dpkg write whenever the answer to "what could be upgraded" may have changed.
APT = ("/var/lib/dpkg/status", "/var/lib/apt/lists", "/var/lib/apt/lists/partial", "/etc/apt/preferences.d", "/etc/apt/sources.list.d")
APT_SIMULATION = ["apt-get", "--simulate", "-o", "Debug::NoLocking=true", "dist-upgrade"]
# Under /run: gone after a reboot, and worth nothing then.
UPDATES = "/run/pyweb/updates.json"


class Updates(t.TypedDict):
    """Packages for which the package lists of this host have a newer version."""

    packages: list[str]
    security: list[str]


class Machine(t.TypedDict):
    """One host. Sizes are bytes, times are seconds."""

    disk_total: int  # of the file system of /srv
    disk_free: int  # for others than root
    inodes_free: int | None  # per cent; None where the file system does not count them
    memory_total: int
    memory_available: int
    load: float  # of the last five minutes
    processors: int
    up: float
    system: str  # such as Debian GNU/Linux 13 (trixie)
    reboot: str  # why one is due; empty when none is
    updates: Updates | None  # None where apt could not tell


def memory(cgroup: str) -> int | None:
    """Bytes that the processes of a cgroup hold, as its directory tells; None where there is no such cgroup."""
    with contextlib.suppress(OSError, ValueError):
        return int(read_text(f"{cgroup}/memory.current"))
    # Where the memory controller is not delegated, as in some containers: what each process has for itself, and its share of the rest.
    total = None
    with contextlib.suppress(OSError):
        for pid in read_text(f"{cgroup}/cgroup.procs").split():
            with contextlib.suppress(OSError):
                found = re.search(r"^Pss:\s+(\d+) kB", read_text(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
                total = (total or 0) + (int(found[1]) * 1024 if found else 0)
    return total


def updates(text: str) -> Updates:
    """Pure: from what apt-get prints when it simulates an upgrade, such as C(Inst curl [7.88.1-1] (7.88.1-2 Debian-Security:12/stable [amd64]))."""
    found: Updates = {"packages": [], "security": []}
    for name, rest in re.findall(r"^Inst (\S+) \[[^\]]*\] \((.*)", text, re.MULTILINE):
        found["packages"].append(name)
        if re.search(r"-security\b", rest, re.IGNORECASE) or "Debian-Security" in rest:
            found["security"].append(name)
    return found


def newer_kernel(running: str, installed: t.Iterable[str]) -> str:
    """Pure: the newest of the installed kernels of the flavour that runs, unless it is the one that runs. Nothing where that one is not installed."""
    def order(release: str) -> list[tuple[int, str]]:
        return [(int(number or 0), word) for number, word in re.findall(r"(\d+)|(\D+)", release)]

    def flavour(release: str) -> str:
        return re.sub(r"^[\d.+~-]+(?:deb\d+|bpo\d*|rc\d+|[\d.+~-])*-?", "", release)

    same = [release for release in installed if flavour(release) == flavour(running)]
    newest = max(same, key=order, default=running)
    return newest if running in same and newest != running else ""


def _marks() -> list[float]:
    marks = []
    for path in APT:
        try:
            marks.append(os.stat(path).st_mtime)
        except OSError:
            marks.append(0.0)
    return marks


def _updates() -> Updates | None:
    """apt takes a second to tell, so its answer is kept until its lists or the installed packages change."""
    marks = _marks()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = read_json(UPDATES, {})
        if kept["marks"] == marks:
            return t.cast(Updates, kept["updates"])
    try:
        done = subprocess.run(APT_SIMULATION, env={**os.environ, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, errors="replace", check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    found = updates(done.stdout)
    # Where nothing was ever deployed there is no directory for it.
    with contextlib.suppress(OSError):
        write_file(UPDATES, json.dumps({"marks": marks, "updates": found}), 0o644)
    return found


def _reboot() -> str:
    if os.path.exists(REBOOT):
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = sorted(set(read_text(f"{REBOOT}.pkgs").split()))
        return f"{', '.join(names) or 'a package'} asks for it"
    newer = newer_kernel(os.uname().release, [path.partition("vmlinuz-")[2] for path in glob.glob("/boot/vmlinuz-*")])
    return f"kernel {newer} is installed, {os.uname().release} runs" if newer else ""


def _meminfo() -> dict[str, int]:
    with contextlib.suppress(OSError):
        return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB", read_text("/proc/meminfo"), re.MULTILINE)}
    return {}


def look(root: str = "") -> Machine:
    """This host as it is now."""
    place = f"{root}/srv" if os.path.isdir(f"{root}/srv") else "/"
    disk, sizes = os.statvfs(place), _meminfo()
    system = ""
    with contextlib.suppress(OSError):
        system = (re.search(r'^PRETTY_NAME="?([^"\n]*)', read_text("/etc/os-release"), re.MULTILINE) or ["", ""])[1]
    return {
        "disk_total": disk.f_blocks * disk.f_frsize, "disk_free": disk.f_bavail * disk.f_frsize,
        "inodes_free": round(100 * disk.f_favail / disk.f_files) if disk.f_files else None,
        "memory_total": sizes.get("MemTotal", 0), "memory_available": sizes.get("MemAvailable", 0),
        "load": round(os.getloadavg()[1], 2), "processors": len(os.sched_getaffinity(0)), "up": round(time.clock_gettime(time.CLOCK_BOOTTIME)),
        "system": system, "reboot": _reboot(), "updates": _updates(),
    }
