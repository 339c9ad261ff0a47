# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an authority is asked, and for what. Pure: no I/O, no clock."""

from __future__ import annotations

import dataclasses
import typing as t

from .certbot import Answer, Settings
from .certificate import Certificate, covers, day

HOUR = 3600
# Let's Encrypt takes five failures per name and hour.
FAILURES_IN_A_ROW = 3


@dataclasses.dataclass(frozen=True)
class Site:
    """A site with a certificate by ACME."""

    name: str
    domains: tuple[str, ...]
    dns: bool
    settings: Settings

    @classmethod
    def of(cls, given: dict[str, t.Any]) -> Site:
        return cls(given["name"], tuple(given["domains"]), bool(given["dns"]), Settings.of(given["settings"]))


@dataclasses.dataclass(frozen=True)
class Lineage:
    """What certbot has for a site."""

    certificate: Certificate
    server: str
    key_type: str


@dataclasses.dataclass(frozen=True)
class Memory:
    """How the last requests for a site went; kept in the state file of the store. Moments are seconds since the epoch."""

    # Of what was asked for: another request is not held back by the failures of this one.
    request: str = ""
    failures: int = 0
    fault: str = ""
    at: float = 0
    # The authority does not want to be asked before.
    not_before: float = 0


def reason(site: Site, names: t.Sequence[str], lineage: Lineage | None, now: float) -> str:
    """Why a certificate for C(names) is to be asked for; empty when nothing is to be done."""
    if not names:
        return ""
    if lineage is None:
        return "there is none yet"
    settings = site.settings
    have = set(lineage.certificate.names)
    if set(names) - have:
        return f"{', '.join(name for name in names if name not in have)} is not in it"
    if have - set(site.domains):
        return f"{', '.join(sorted(have - set(site.domains)))} is still in it"
    if lineage.server not in (settings.directory, settings.fallback):
        return f"it comes from {lineage.server}"
    if lineage.key_type != settings.key_type:
        return f"its key is of type {lineage.key_type}"
    left, whole = lineage.certificate.not_after - now, lineage.certificate.not_after - lineage.certificate.renewal
    # certbot's timer has tried in vain for half of the time that it had.
    return f"it was not renewed and expires {day(lineage.certificate.not_after)}" if left < whole / 2 else ""


def next_try(memory: Memory, request: str) -> float:
    """Before when the same request is not sent again: it would count against the authority's limits."""
    if memory.request != request:
        return memory.not_before
    if memory.failures < FAILURES_IN_A_ROW:
        return memory.not_before
    return max(memory.not_before, memory.at + min(24, 2 ** (memory.failures - FAILURES_IN_A_ROW)) * HOUR)


def after(memory: Memory, request: str, answer: Answer, now: float) -> Memory:
    """What is remembered after an answer."""
    if not answer.fault:
        return Memory()
    failures = memory.failures if memory.request == request else 0
    if not answer.unreachable:
        failures += 1
    wait = answer.not_before or (now + HOUR if answer.limited else 0)
    return Memory(request, failures, answer.fault, now, wait)


def fewer(names: t.Sequence[str], answer: Answer, lineage: Lineage | None) -> list[str]:
    """The names to ask for after some have failed; none where that would bring nothing that is not there."""
    rest = [name for name in names if name not in answer.failed_names]
    if len(rest) == len(names) or (lineage and all(covers(lineage.certificate.names, name) for name in rest)):
        return []
    return rest
