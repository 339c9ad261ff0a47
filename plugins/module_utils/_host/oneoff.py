# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off commands: migrations, hooks, and what an operator types, in the sandbox and environment of a release."""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.lock import Lock
from ansible_collections.pyweb.stack.plugins.module_utils._host.sandbox import sandbox
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

# systemd takes a command that TERM has ended for one that ended well: bash tells it as 143, as any shell does.
WRAPPED = 'trap : HUP INT TERM; "$@"; exit "$?"'


class OneOff:
    """Runs commands as the application's user, each as a transient unit of systemd."""

    def __init__(self, paths: Layout, system: System, store: Store, lock: Lock):
        self.paths = paths
        self.system = system
        self.store = store
        self.lock = lock

    def argv(self, release: str | None, argv: list[str], unit: str, terminal: bool = False) -> list[str]:
        """What runs a command in the sandbox of the release's processes, with its environment and the secrets of today; without one, with neither."""
        # Code that makes machine code or uses a device does so in a one-off command as well.
        processes = self.store.runtime(release).get("processes", {}).values()
        like = {"jit": any(process.get("jit") for process in processes),
                "devices": sorted({device for process in processes for device in process.get("devices") or []})}
        launcher = ["/usr/bin/python3", "-IS", f"{self.paths.meta(release)}/launch", "-"] if release else []
        started = ["/bin/bash", "-c", WRAPPED, "bash", *launcher, *argv]
        return [
            "systemd-run", "--quiet", "--collect", "--wait", "--pty" if terminal else "--pipe", "--no-ask-password", "--service-type=exec", f"--unit={unit}",
            f"--description={self.paths.name} command ({release or 'no release'})",
            *(f"--property={line}" for line in [*sandbox(self.paths, release, like).splitlines(), "IgnoreSIGPIPE=no"]),
            # systemd replaces $NAME in the arguments of a unit, and $$ by $.
            "--", *(argument.replace("$", "$$") for argument in started),
        ]

    def run(self, release: str | None, argv: list[str], terminal: bool = False, **options: t.Any) -> subprocess.CompletedProcess[t.Any]:
        """Run such a command to its end. A signal to us is one to the command; whatever it leaves in the background ends with it."""
        if release and not os.path.exists(f"{self.paths.meta(release)}/launch"):
            raise HostError(f"release {release} is not built on this host.")
        unit = self.paths.one_off_unit(f"{os.getpid()}-{os.urandom(3).hex()}", release)

        def forward(number: int, dummy: t.Any) -> None:
            self.system.run(["systemctl", "kill", "--kill-whom=all", f"--signal={number}", unit])

        signals = () if terminal else (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, forward) for number in signals}
        # The terminal stays as it is: newer versions would colour it.
        env = {**os.environ, "SYSTEMD_TINT_BACKGROUND": "0", "SYSTEMD_ADJUST_TERMINAL_TITLE": "0"}
        try:
            # With a terminal, systemd-run passes on what is typed. Without one, ^C would end it and not the command.
            with subprocess.Popen(self.argv(release, argv, unit, terminal), env=env, start_new_session=not terminal,
                                  # However this process ends, no other step begins before the command has ended.
                                  pass_fds=[] if self.lock.handle is None else [self.lock.handle], **options) as process:
                output, errors = process.communicate()
            return subprocess.CompletedProcess(argv, process.returncode, output, errors)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
