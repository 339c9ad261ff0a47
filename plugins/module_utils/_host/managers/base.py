# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process manager has to do for releases."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Instance
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

Instances = t.Mapping[str, t.Mapping[str, t.Any]]


class Manager(t.Protocol):
    """Runs the processes of releases, each as an instance of its own that nothing enables: the boot unit starts what is live.

    An instance is a process by its name, such as C(web), C(worker) and C(worker-2). Files of an instance are written once and never
    changed. Another manager is one more class of this kind, and a line in managers.MANAGERS.
    """

    def __init__(self, paths: Layout, system: System, store: Store): ...

    def defined(self, release: str, instance: str) -> bool:
        """Whether the manager has been told of the instance."""

    def write(self, release: str, instances: Instances) -> None:
        """Define instances; those that are there stay as they are. Raises HostError where the manager is not installed."""

    def start(self, release: str, instances: list[str]) -> str:
        """Start what does not run. Returns what keeps them from starting; nothing when they did."""

    def stop(self, release: str, instances: list[str], at_once: bool, wait: bool) -> None:
        """End them in their own time, or C(at_once). Without C(wait) only begin to."""

    def retire(self, release: str, instances: t.Iterable[str]) -> None:
        """After the whole release was stopped: nobody is to start it by mistake."""

    def remove(self, release: str, instances: t.Iterable[str]) -> None:
        """Before the release is deleted: nothing of it stays, logs neither."""

    def reload(self) -> None:
        """After instances were removed."""

    def running(self) -> set[str]:
        """Releases of the application that have an instance which is not at rest."""

    def active(self, release: str, instances: list[str]) -> bool:
        """Whether all of them are up."""

    def ended(self, release: str, instance: str) -> str:
        """How the process ended, if it did by itself since it was started; nothing as long as it is up."""

    def look(self, release: str, instances: list[str]) -> list[Instance]:
        """How each of them does now."""

    def log(self, release: str, instances: list[str], lines: int) -> tuple[str, str]:
        """The last lines, and the command that shows more."""
