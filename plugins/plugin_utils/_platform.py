# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which systems the roles are tested on, which they accept without that, and which they refuse."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping

TESTED = ("Debian 12", "Debian 13")
# As the roles' data knows them: in vars/main.yml of each, where they differ.
ACCEPTED = ("Ubuntu 22.04", "Ubuntu 24.04", "Ubuntu 26.04")
TESTED_MACHINES = ("x86_64", "amd64")


@dataclasses.dataclass(frozen=True)
class Platform:
    """The system of a host, as its facts tell it."""

    name: str
    """As people call it: C(Debian 13), C(Ubuntu 24.04)."""
    machine: str
    """The kernel's word for the processor, such as C(aarch64); empty when the facts do not tell."""

    @property
    def fault(self) -> str:
        """Why the roles refuse this host, as one sentence; empty when they do not."""
        if self.name in TESTED + ACCEPTED:
            return ""
        return (f"This host runs {self.name}; pyweb.stack supports {' and '.join(TESTED)}, and accepts "
                f"{', '.join(ACCEPTED[:-1])} and {ACCEPTED[-1]}, which it is not tested on.")

    @property
    def note(self) -> str:
        """What somebody should know of a host that is accepted; empty for one like those that the tests use."""
        if self.fault or (self.name in TESTED and self.machine in ("", *TESTED_MACHINES)):
            return ""
        on = f" on {self.machine}" if self.machine and self.machine not in TESTED_MACHINES else ""
        return f"{self.name}{on} is not among what this collection is tested on ({' and '.join(TESTED)} on {TESTED_MACHINES[0]})."


def of(facts: Mapping[str, Any]) -> Platform:
    """Facts as C(ansible_facts) has them. A release of Ubuntu is its year and month; of all others the first number tells."""
    system = str(facts.get("distribution", ""))
    version = facts.get("distribution_version" if system == "Ubuntu" else "distribution_major_version", "")
    return Platform(f"{system} {version}".strip() or "a system that its facts do not name", str(facts.get("architecture", "")))
