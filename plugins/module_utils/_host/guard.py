# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead man's switch: the host itself completes a switch, or returns from it, when the controller does not go on."""

from __future__ import annotations

import contextlib
import json
import os
import time

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

# Seconds that the host waits for the controller to go on.
DEADLINE = 90


class Guard:
    """A transient timer of systemd, which starts the copy of this code that armed it."""

    def __init__(self, paths: Layout, system: System, is_this: bool = False):
        self.paths = paths
        self.system = system
        # The guard's own service is the very process that runs this.
        self.is_this = is_this

    def arm(self, seconds: float) -> None:
        """Raises HostError when systemd refuses the timer: nothing is switched without it."""
        self.disarm()
        armed = self.system.run(["systemd-run", "--quiet", "--collect", f"--unit={self.paths.guard_unit}", f"--on-active={seconds:.0f}",
                                 "--timer-property=AccuracySec=1s", "/usr/bin/python3", "-I", self.system.program(), "settle", self.paths.name])
        if armed.returncode != 0:
            raise HostError(f"systemd-run refused the timer that guards the switch: {armed.stdout.strip()}")

    def due(self) -> str | None:
        """When the timer elapses, UTC as 20261120T201500Z; None where none is armed."""
        listed = self.system.run(["systemctl", "list-timers", "--all", "--output=json", f"{self.paths.guard_unit}.timer"]).stdout
        with contextlib.suppress(ValueError, LookupError, TypeError):
            microseconds = json.loads(listed)[0]["next"]
            return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(microseconds / 1e6)) if microseconds else None
        return None

    def disarm(self) -> None:
        units = [f"{self.paths.guard_unit}.timer"] + ([] if self.is_this else [f"{self.paths.guard_unit}.service"])
        units = [unit for unit in units if os.path.exists(f"{self.paths.transient_units}/{unit}")]
        if units:
            self.system.run(["systemctl", "stop", *units])
