# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as units of systemd."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import machine
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.base import Instances
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Instance
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import unit_text

# What systemd says when a main process has not ended well.
EXITED = "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15"


class Systemd:
    """Each instance of a release is a unit: written once for it, never enabled."""

    def __init__(self, paths: Layout, system: System, store: Store):
        self.paths = paths
        self.system = system
        self.store = store

    def unit(self, release: str, instance: str) -> str:
        return f"{self.paths.instance(release, instance)}.service"

    def path(self, release: str, instance: str) -> str:
        return f"{self.paths.units}/{self.unit(release, instance)}"

    def defined(self, release: str, instance: str) -> bool:
        return os.path.exists(self.path(release, instance))

    def write(self, release: str, instances: Instances) -> None:
        for instance, process in instances.items():
            if not self.defined(release, instance):
                write_file(self.path(release, instance), unit_text(self.paths, release, instance, process), 0o644)

    def remove(self, release: str, instances: t.Iterable[str]) -> None:
        for instance in instances:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(release, instance))

    def retire(self, release: str, instances: t.Iterable[str]) -> None:
        """After the whole release was stopped. Its units stay: nobody starts them by mistake."""

    def reload(self) -> None:
        """After instances were removed. systemd has forgotten a unit that is at rest."""

    def start(self, release: str, instances: list[str]) -> str:
        """What keeps them from starting; nothing when they did."""
        units = [self.unit(release, instance) for instance in instances]
        self.system.run(["systemctl", "reset-failed", *units])
        started = self.system.run(["systemctl", "start", *units])
        if started.returncode == 5:
            # It finds new units by itself, unless the clock went back since it looked. A reload takes longer than the start.
            self.system.run(["systemctl", "daemon-reload"])
            started = self.system.run(["systemctl", "start", *units])
        return started.stdout.strip() if started.returncode != 0 else ""

    def stop(self, release: str, instances: list[str], at_once: bool, wait: bool) -> None:
        units = [self.unit(release, instance) for instance in instances]
        if not wait:
            self.system.run(["systemctl", "stop", "--no-block", *units])
            return
        if at_once:
            self.system.run(["systemctl", "kill", "--signal=SIGKILL", *units])
        self.system.run(["systemctl", "stop", *units])
        self.system.run(["systemctl", "reset-failed", *units])

    def running(self) -> set[str]:
        listed = self.system.run(["systemctl", "list-units", "--plain", "--no-legend", "--full", "--state=active,activating,deactivating,reloading",
                                  f"pyweb.{self.paths.name}.*.service"])
        found = set()
        for line in listed.stdout.splitlines():
            parts = line.split()[0].split(".")
            if len(parts) == 5 and parts[1] == self.paths.name:
                found.add(parts[3])
        return found

    def active(self, release: str, instances: list[str]) -> bool:
        units = [self.unit(release, instance) for instance in instances]
        return all(state == "active" for state in self.system.run(["systemctl", "is-active", *units]).stdout.split())

    def ended(self, release: str, instance: str) -> str:
        """How the process ended, if it did by itself since it was started; nothing as long as it is up."""
        shown = self.system.run(["systemctl", "show", "-p", "ActiveState,SubState,NRestarts,Result,ExecMainStatus", self.unit(release, instance)])
        state = {"ActiveState": "", "SubState": "", "NRestarts": "0", "Result": "", "ExecMainStatus": ""}
        state.update((name, value) for name, found, value in (line.partition("=") for line in shown.stdout.splitlines()) if found)
        if state["NRestarts"] != "0" or state["ActiveState"] in ("failed", "inactive") or state["SubState"] == "auto-restart":
            if state["Result"] != "success":
                return f"{state['Result']}, exit status {state['ExecMainStatus']}"
            # It runs again, and only the journal knows how the one before ended.
            logged = self.system.run(["journalctl", "-q", "--no-pager", "-o", "cat", "-n", "1", EXITED, f"UNIT={self.unit(release, instance)}"]).stdout
            found = re.search(r"code=(\w+), status=(\d+)/(\w+)", logged)
            return f"terminated by SIG{found[3]}" if found and found[1] != "exited" else f"exit status {found[2] if found else 0}"
        return ""

    def look(self, release: str, instances: list[str]) -> list[Instance]:
        units = [self.unit(release, instance) for instance in instances]
        asked = "Id,ActiveState,SubState,NRestarts,ControlGroup,ActiveEnterTimestampMonotonic"
        shown = self.system.run(["systemctl", "show", "-p", asked, *units]).stdout
        blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n")]
        states, now = {block.get("Id", ""): block for block in blocks}, self.system.monotonic()
        found: list[Instance] = []
        for instance, unit in zip(instances, units):
            state = states.get(unit, {})
            active, entered = state.get("ActiveState") == "active", state.get("ActiveEnterTimestampMonotonic", "0")
            found.append({
                "name": instance, "state": "active" if active else state.get("SubState") or "unknown",
                "since": round(now - int(entered) / 1e6) if active and entered.isdigit() else None,
                "restarts": int(state["NRestarts"]) if state.get("NRestarts", "").isdigit() else None,
                "memory": machine.memory(f"{self.paths.root}/sys/fs/cgroup{state['ControlGroup']}") if state.get("ControlGroup") else None,
            })
        return found

    def log(self, release: str, instances: list[str], lines: int) -> tuple[str, str]:
        """The last lines, and the command that shows more."""
        units = [f"_SYSTEMD_UNIT={self.unit(release, instance)}" for instance in instances]
        logged = self.system.run(["journalctl", "-q", "--no-pager", "-o", "cat", "-n", str(lines), *units]).stdout.strip()
        return logged, f"journalctl -u {self.unit(release, instances[0])}"
