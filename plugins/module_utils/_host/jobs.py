# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduled jobs, by systemd's timers whoever manages the processes."""

from __future__ import annotations

import contextlib
import glob
import os

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_text, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.processes import Processes
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import timer_text


class Jobs:
    """Timers of the live release's jobs, and of no other."""

    def __init__(self, processes: Processes):
        self.processes = processes
        self.paths = processes.paths
        self.system = processes.system
        self.store = processes.store
        self.systemd = processes.systemd

    def timers(self) -> dict[str, str]:
        """Those that are there: name of the job to path."""
        paths = sorted(glob.glob(glob.escape(self.paths.units) + f"/pyweb.{self.paths.name}.*.schedule.timer"))
        return {os.path.basename(path).split(".")[2]: path for path in paths}

    def schedule(self, release: str | None) -> None:
        """Timers of the jobs of this release. Raises HostError when one does not start."""
        jobs, there = self.store.jobs(release), self.timers()
        if not jobs and not there:
            return
        texts = {name: timer_text(self.paths, release or "", name, job["schedule"]) for name, job in jobs.items()}
        wanted = {name: self.paths.timer(name) for name in texts}
        same = [name for name in set(texts) & set(there) if read_text(there[name]) == texts[name]]
        other = [os.path.basename(path) for name, path in there.items() if name not in same]
        if other:
            self.system.run(["systemctl", "stop", *other])
        for name, path in there.items():
            if name not in texts:
                # What was missed since then must not begin at once when a job of this name comes back.
                for file in (path, self.paths.timer_stamp(path)):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(file)
        for name in sorted(set(texts) - set(same)):
            write_file(wanted[name], texts[name], 0o644)
        if len(same) < len(texts) or other:
            self.system.run(["systemctl", "daemon-reload"])
        if texts:
            self.processes.define(release or "")
            started = self.system.run(["systemctl", "start", *(os.path.basename(path) for path in wanted.values())])
            if started.returncode != 0:
                raise HostError(f"the timers of release {release} do not start: {started.stdout.strip()}")

    def pause(self, release: str | None) -> None:
        """No job begins any more; those that run have their time to finish."""
        timers = [os.path.basename(path) for path in self.timers().values()]
        if timers:
            self.system.run(["systemctl", "stop", *timers])
        begun = self.system.monotonic()
        for name, job in self.store.jobs(release).items():
            unit = self.systemd.unit(release or "", name)
            while (self.system.run(["systemctl", "is-active", unit]).stdout.strip() in ("activating", "reloading")
                   and self.system.monotonic() - begun < job["stop_timeout"]):
                self.system.sleep(0.2)
            if self.systemd.defined(release or "", name):
                self.system.run(["systemctl", "stop", unit])
                self.system.run(["systemctl", "reset-failed", unit])

    def check(self, release: str) -> None:
        """systemd knows best which times it understands. Raises HostError for one that it does not."""
        for name, job in self.store.jobs(release).items():
            checked = self.system.run(["systemd-analyze", "calendar", "--", job["schedule"]])
            if checked.returncode != 0:
                raise HostError(f"schedule of {name} is {job['schedule']!r}, which systemd does not understand: systemd-analyze calendar shows why.")
