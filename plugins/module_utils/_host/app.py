# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One application on this host: all of the parts, put together. Whoever does something with it starts here."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import Contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.guard import Guard
from ansible_collections.pyweb.stack.plugins.module_utils._host.health import Checks
from ansible_collections.pyweb.stack.plugins.module_utils._host.jobs import Jobs
from ansible_collections.pyweb.stack.plugins.module_utils._host.launcher import Launcher
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.lock import Lock
from ansible_collections.pyweb.stack.plugins.module_utils._host.oneoff import OneOff
from ansible_collections.pyweb.stack.plugins.module_utils._host.processes import Processes
from ansible_collections.pyweb.stack.plugins.module_utils._host.secrets import Secrets
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.switch import Switcher
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System, here
from ansible_collections.pyweb.stack.plugins.module_utils._host.traffic import Traffic


class App:
    """C(is_guard) is for the host's own timer; C(alone) for whatever ends a switch whose controller is gone.

    Raises HostError for a name that is none.
    """

    def __init__(self, name: str, system: System | None = None, is_guard: bool = False, alone: bool = False):
        self.system = system or here()
        self.paths = Layout(name, self.system.root)
        self.name = name
        self.store = Store(self.paths, self.system)
        self.secrets = Secrets(self.paths, self.system)
        self.lock = Lock(self.paths, self.system)
        self.traffic = Traffic(self.paths)
        self.contents = Contents(self.paths, self.store)
        self.processes = Processes(self.paths, self.system, self.store)
        self.jobs = Jobs(self.processes)
        self.checks = Checks(self.processes)
        self.guard = Guard(self.paths, self.system, is_guard)
        self.switcher = Switcher(self.traffic, self.contents, self.lock, self.checks, self.jobs, self.guard, alone or is_guard)
        self.one_off = OneOff(self.paths, self.system, self.store, self.lock)

    @property
    def launcher(self) -> Launcher:
        return self.processes.launcher

    @property
    def live(self) -> str | None:
        """The release that serves whoever is not sent elsewhere."""
        return self.traffic.live

    @property
    def exists(self) -> bool:
        """Whether the application is set up on this host."""
        return self.store.exists

    def end(self) -> None:
        """The host shuts down, or the application goes: every process ends in its own time."""
        self.jobs.pause(self.live)
        for release in self.processes.running():
            self.processes.stop(release)
