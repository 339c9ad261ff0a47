# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: commands that fail with a sentence, and what Ansible tells of a run."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent
# The callback plugin whose output events() reads.
CALLBACK = "ansible.posix.jsonl"
# Tasks that do nothing, before what is measured: one of them is the unit.
PINGS = 12


class Failure(Exception):
    """One sentence for the user."""


@dataclasses.dataclass
class Cost:
    """Of one command, in seconds: time on the wall, and processor time of it and of what it has started here."""

    wall: float
    cpu: float


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def run(*command: str | Path, **options) -> str:
    """What the command prints, on either stream; Failure where it ends with another status than 0."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-40:]), file=sys.stderr)
        raise Failure(f"'{' '.join(str(word) for word in command)[:200]}' failed; what it said is above")
    return done.stdout


def timed(*command: str | Path, **options) -> tuple[str, Cost]:
    """What run() returns, and what that cost."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = run(*command, **options)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return said, Cost(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def environment(**more: str) -> dict[str, str]:
    """Of ansible-playbook, which works in the checkout."""
    return {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **more}


def events(told: str) -> list[dict]:
    """What ansible-playbook told under CALLBACK."""
    return [json.loads(line) for line in told.splitlines() if line.startswith("{")]


def moment(event: dict) -> float:
    """When it happened, in seconds since 1970."""
    return datetime.datetime.fromisoformat(event["_timestamp"].replace("Z", "+00:00")).timestamp()
