# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of releases, whichever process manager runs them."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import hints
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.launcher import Launcher
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.logged import concise
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers import MANAGERS
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.base import Manager
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.systemd import Systemd
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Instance
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

LOG_LINES = 40
# How many lines of a log are read for each that is shown: a worker's traceback is followed by those of gunicorn's own processes.
RAW = 6
# nice(2) values: interpreters that start or end all at once would take all processors from visitors for a moment.
# With a lower priority, a busy host would not start a release in time.
NICE_START, NICE_END = 5, 19


class Processes:
    """Starts, stops and looks at them by the names of Store.instances()."""

    def __init__(self, paths: Layout, system: System, store: Store):
        self.paths = paths
        self.system = system
        self.store = store
        self.launcher = Launcher(paths, system, store)
        # Scheduled jobs are systemd's, whoever manages the processes.
        self.systemd = Systemd(paths, system, store)

    def manager(self, release: str) -> Manager:
        """The one that the release was made for: the release before it may run under another."""
        return MANAGERS[self.store.runtime(release).get("manager") or "systemd"](self.paths, self.system, self.store)

    def managers(self) -> list[Manager]:
        return [manager(self.paths, self.system, self.store) for manager in MANAGERS.values()]

    def running(self) -> set[str]:
        """Releases that have a process which is not at rest, under any manager."""
        return set[str]().union(*(manager.running() for manager in self.managers()))

    def active(self, release: str) -> bool:
        """All processes of the release are up. One that has none here, such as files alone, is never down."""
        instances = list(self.store.instances(release))
        if not instances:
            return bool(self.store.runtime(release))
        return self.manager(release).active(release, instances)

    def look(self, release: str) -> list[Instance]:
        """How each process of the release does now."""
        instances = list(self.store.instances(release))
        return self.manager(release).look(release, instances) if instances else []

    def define(self, release: str) -> None:
        """Everything from which the release starts. Files are written once and never changed."""
        self.launcher.make_directories(release)
        self.launcher.write_commands(release)
        self.manager(release).write(release, self.store.instances(release))
        self.systemd.write(release, self.store.jobs(release))

    def start(self, release: str, processes: list[str]) -> None:
        """Raises HostError with the last log lines when one does not start."""
        if not processes:
            return
        self.define(release)
        fault = self.manager(release).start(release, processes)
        if fault:
            raise HostError(f"release {release} does not start: {fault}{self.log(release, processes)}")

    def stop(self, release: str, processes: list[str] | None = None, at_once: bool = False, wait: bool = True) -> None:
        """C(at_once) is for a release that has never served anybody: nothing is worth waiting for. Without C(wait), it only begins to stop."""
        manager = self.manager(release)
        instances = [name for name in (self.store.instances(release) if processes is None else processes) if manager.defined(release, name)]
        if instances:
            manager.stop(release, instances, at_once, wait)
        if processes is None and wait:
            manager.retire(release, instances)
            shutil.rmtree(self.paths.sockets(release), ignore_errors=True)

    def ended(self, release: str, instance: str) -> str:
        """How the process ended by itself since its start; nothing as long as it is up."""
        return self.manager(release).ended(release, instance)

    def set_priority(self, release: str, nice: int) -> None:
        """Set the nice value of every process of the release."""
        with contextlib.suppress(OSError, KeyError):
            uid = self.system.account(self.paths.user).pw_uid
            # What a process starts meanwhile is as nice as that was.
            while sum(_renice(int(pid), uid, release, nice) for pid in filter(str.isdigit, os.listdir("/proc"))):
                pass

    def log(self, release: str, processes: list[str], lines: int = LOG_LINES) -> str:
        """The last lines of these processes, to stand behind a message."""
        logged, more = self.manager(release).log(release, processes, RAW * lines)
        text = concise(logged, lines)
        return f"{hints.helps(text)}\nLast log lines ({more} shows more):\n{text}" if text else f"\nIt logged nothing ({more})."

    def by_role(self, release: str | None) -> tuple[list[str], list[str], list[str]]:
        """Names of web, ordinary and single processes of a release."""
        web: list[str] = []
        ordinary: list[str] = []
        single: list[str] = []
        for name, process in self.store.instances(release).items() if release else ():
            (web if name == "web" else single if process.get("singleton") else ordinary).append(name)
        return web, ordinary, single

    def patience(self, releases: t.Iterable[str]) -> float:
        """Seconds that starting and ending these may take, all in all."""
        seconds = 0.0
        for release in set(releases):
            for process in [*self.store.instances(release).values(), *self.store.jobs(release).values()]:
                seconds += process["stop_timeout"] + (process.get("health") or {}).get("timeout", 0) + 10
        return seconds


def _renice(pid: int, uid: int, release: str, nice: int) -> bool:
    """Whether this is a process of the user and of the release that had another nice value; then it has this one. One that has ended is none."""
    with contextlib.suppress(OSError):
        if os.stat(f"/proc/{pid}").st_uid != uid or os.getpriority(os.PRIO_PROCESS, pid) == nice:
            return False
        with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/cmdline", "rb") as line:
            its_own = f"PYWEB_RELEASE={release}".encode() in environ.read().split(b"\0") or release.encode() in line.read()
        if its_own:
            os.setpriority(os.PRIO_PROCESS, pid, nice)
            return True
    return False
