# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said of an nginx from outside: does it run, and with the configuration that is on disk?"""

from __future__ import annotations

import dataclasses
import glob
import grp
import os
import pwd
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _nginx_config as nginx_config
from ansible_collections.pyweb.stack.plugins.module_utils._tls import certificate as certificates

WORKER_TITLE = "nginx: worker process"


@dataclasses.dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    title: str
    started: float
    groups: frozenset[int]


@dataclasses.dataclass(frozen=True)
class Membership:
    """How a user stands to the groups that it should be in."""

    missing: list[str]
    to_join: list[str]
    joined: frozenset[int]


def workers_of(processes: t.Iterable[Process], master: int) -> list[Process]:
    """The workers that take requests. Those that only finish their last ones belong to an older configuration."""
    return [
        process
        for process in processes
        if process.parent == master and process.title.startswith(WORKER_TITLE) and "shutting down" not in process.title
    ]


def reload_needed(workers: t.Sequence[Process], newest_change: float, required: frozenset[int]) -> bool:
    """Whether some worker is older than the configuration, or started before its user joined a group."""
    return any(worker.started < newest_change or not required <= worker.groups for worker in workers)


def restart_needed(master: Process | None, newest_change: float) -> bool:
    return master is not None and master.started < newest_change


def membership(
    groups: t.Iterable[str], primary: int, members: t.Mapping[str, tuple[int, t.Collection[str]]], user: str
) -> Membership:
    """`members` has the number and the members of each group that exists."""
    missing, to_join, joined = [], [], set()
    for name in groups:
        if name not in members:
            missing.append(name)
            continue
        number, names = members[name]
        if user in names or number == primary:
            joined.add(number)
        else:
            to_join.append(name)
    return Membership(missing, to_join, frozenset(joined))


def serious_lines(log: str, limit: int = 3) -> list[str]:
    """The last lines of an error log that say why nginx could not take a configuration."""
    lines = [line for line in log.splitlines() if "[emerg]" in line or "[alert]" in line]
    # nginx tries to bind five times.
    return list(dict.fromkeys(lines))[-limit:]


def parse_status(text: str) -> tuple[int, frozenset[int]]:
    """Parent and supplementary groups from /proc/<pid>/status."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(fields["PPid"]), frozenset(int(number) for number in fields.get("Groups", "").split())


def parse_start(text: str, ticks_per_second: int) -> float:
    """Seconds after boot at which a process started, from /proc/<pid>/stat."""
    # The name in parentheses may itself have spaces and parentheses.
    return int(text.rpartition(")")[2].split()[19]) / ticks_per_second


def read_processes(pids: t.Iterable[int]) -> list[Process]:
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = os.sysconf("SC_CLK_TCK")
    processes = []
    for pid in pids:
        try:
            title = _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
            parent, groups = parse_status(_read(f"/proc/{pid}/status"))
            started = boot + parse_start(_read(f"/proc/{pid}/stat"), ticks)
        except (FileNotFoundError, ProcessLookupError):
            # It has ended meanwhile.
            continue
        processes.append(Process(pid, parent, title, started, groups))
    return processes


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]
    except FileNotFoundError:
        return []


def read_membership(user: str, groups: t.Iterable[str]) -> Membership:
    try:
        primary = pwd.getpwnam(user).pw_gid
    except KeyError:
        primary = -1
    members = {}
    for name in groups:
        try:
            entry = grp.getgrnam(name)
        except KeyError:
            continue
        members[name] = (entry.gr_gid, entry.gr_mem)
    return membership(groups, primary, members, user)


def newest_content(patterns: t.Iterable[str]) -> float:
    """When the newest of the files was written. A file that was put back with its time counts as the old one."""
    return max((status.st_mtime for status in _statuses(expand(patterns), os.stat)), default=0.0)


def newest_change(paths: t.Collection[str]) -> float:
    """When the newest of the files came to its place, even if it was copied with its times; also a moved link."""
    statuses = _statuses(paths, os.stat) + _statuses(paths, os.lstat)
    return max((status.st_ctime for status in statuses), default=0.0)


def _statuses(paths: t.Iterable[str], look: t.Callable[[str], os.stat_result]) -> list[os.stat_result]:
    statuses = []
    for path in paths:
        try:
            statuses.append(look(path))
        except (FileNotFoundError, NotADirectoryError):
            # A dangling link, or it has gone meanwhile.
            continue
    return statuses


def expand(patterns: t.Iterable[str]) -> list[str]:
    return sorted({path for pattern in patterns for path in glob.glob(pattern)})


def read_tail(path: str, size: int = 65536) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - size))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def look_at_config(wanted: bool) -> dict[str, t.Any]:
    """The configuration as it is on disk, of whoever."""
    config = nginx_config.read() if wanted else []
    return {
        "user": nginx_config.user_of(config),
        "includes": nginx_config.includes(config),
        "foreign": dataclasses.asdict(nginx_config.foreign(config)),
    }


def look_at_sites(pattern: str | None) -> list[dict[str, t.Any]]:
    sites = []
    for path in expand([pattern] if pattern else []):
        before, after = (pattern or "").split("*", 1)
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        config = nginx_config.directives(path, text)
        listens = nginx_config.quic(config)
        sites.append({"name": path[len(before):len(path) - len(after)], "path": path, "names": nginx_config.names_of(config),
                      "record": nginx_config.record_of(text),
                      "live": nginx_config.answers(*nginx_config.reaches(text)), "http3": bool(listens),
                      "reuseport": any("reuseport" in item.args for item in listens)})
    return sites


def look_at_certificates(items: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    # Asking takes its time, too.
    if not items or not certificates.available():
        return []
    found = []
    client = certificates.browser()
    for item in items:
        if not os.path.exists(item["certificate"]):
            continue
        judged = certificates.judge(item["certificate"], item["key"], item["domains"], time.time(), client)
        damaged = any(kind in ("damaged", "key") for kind, _text in judged.faults)
        record = {**item, "faults": judged.said(), "damaged": damaged, "trusted": judged.trusted, "due": False}
        if judged.certificate:
            leaf = judged.certificate
            record.update(names=list(leaf.names), issuer=leaf.issuer, expires=int(leaf.not_after), renewal=int(leaf.renewal), due=leaf.renewal <= time.time())
        found.append(record)
    return found
