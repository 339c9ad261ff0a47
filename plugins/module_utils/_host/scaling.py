# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many workers or instances a host has, where somebody has scaled them beside the inventory. Pure: no I/O, no clock.

The manifest of a release has an override together with the number that the inventory had then. The next release takes it over as long as the
inventory has the same: whoever changes the number there has the last word.
"""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Override
from ansible_collections.pyweb.stack.plugins.module_utils._host.releases import ReleaseError

Processes = t.Dict[str, t.Dict[str, t.Any]]
Overrides = t.Dict[str, Override]


def option_of(processes: Processes, name: str) -> str:
    """Which option of this process is its number: C(workers) or C(count). Raises ReleaseError for one that has none."""
    process = processes.get(name)
    if process is None:
        raise ReleaseError(f"process is {name!r}: what runs on this host is {', '.join(processes) or 'nothing'}.")
    if process.get("server"):
        return "workers"
    why = {"it is web, with a command that decides by itself": name == "web", "it is a singleton": process.get("singleton"),
           "it runs by the clock": process.get("schedule")}
    for reason, holds in why.items():
        if holds:
            raise ReleaseError(f"process is {name!r}, which cannot be scaled: {reason}.")
    return "count"


def rescaled(processes: Processes, overrides: Overrides, wanted: dict[str, dict[str, int | None]], by: str, now: str) -> tuple[Processes, Overrides]:
    """Processes and overrides with C(wanted): by process C(workers) or C(count), neither for what the inventory says; empty for all overrides.

    Raises ReleaseError for a process that has no such number.
    """
    processes, overrides = dict(processes), dict(overrides)
    for name, numbers in (wanted or {name: {} for name in overrides if name in processes}).items():
        option = option_of(processes, name)
        given = {key: value for key, value in numbers.items() if value is not None}
        if set(given) - {option}:
            raise ReleaseError(f"process is {name!r}, which is scaled by {option}: write -e process={name} -e {option}=…")
        inventory = overrides[name]["instead_of"] if name in overrides else processes[name].get(option)
        number = given.get(option, inventory)
        processes[name] = {**processes[name], option: number}
        overrides.pop(name, None)
        if number != inventory:
            overrides[name] = {"option": option, "number": t.cast(int, number), "instead_of": inventory, "by": by, "since": now}
    return processes, overrides


def applied(processes: Processes, overrides: Overrides) -> tuple[Processes, Overrides]:
    """What the inventory says, with those overrides that still hold; and these."""
    holding = {
        name: override for name, override in overrides.items()
        if name in processes and override["option"] in processes[name] and processes[name][override["option"]] == override["instead_of"]
    }
    return {name: {**process, holding[name]["option"]: holding[name]["number"]} if name in holding else process
            for name, process in processes.items()}, holding
