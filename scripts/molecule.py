# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Molecule scenarios, several at a time, and says in one line each how they went.

scripts/molecule.py [SCENARIO...]      without names: every directory molecule/*/ with a molecule.yml

What of a scenario is left for the full run (PYWEB_FULL, which make test-full sets) is said by files in its directory:
FULL     without names, it runs there only, since it takes long
SYSTEM   elsewhere it has one host only, with the system that the file names: nothing in it depends on the system

PYWEB_HARDENING is the level, such as strict, by which hosts are hardened before a scenario begins (default: not at all).
PYWEB_JOBS says how many run at a time (default: one per processor, two at most), and never are there more hosts at once than
the machine lets start.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
CONFIG = CHECKOUT / ".config" / "molecule" / "config.yml"
LOGS = CHECKOUT / ".cache" / "molecule"
TAIL = 80
# What Ansible and pytest begin a line with that says what is wrong.
FAULT = re.compile(r"\[ERROR\]|fatal: |failed: |E   |FAILED |ERROR ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What Molecule says when a step of the scenario begins.
STEP = re.compile(r"^INFO +\[\S+ > (\w+)\] Executing$", re.MULTILINE)
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_HOST = 16
# Seconds in a run of all of them on a machine with two processors, roughly: the longest start first, so that the whole takes
# little longer than its parts. One that is not here counts as long.
SECONDS = {
    "app": 530,
    "appserver": 770,
    "celery": 420,
    "faults": 420,
    "hardening": 570,
    "nginx": 420,
    "python": 210,
    "story": 1040,
    "supervisor": 580,
}


def full() -> bool:
    return bool(os.environ.get("PYWEB_FULL"))


def clock(seconds: float) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def hosts_at_once() -> int:
    """How many hosts with systemd may run side by side: each takes some of the machine's inotify instances."""
    limit = int(INOTIFY.read_text()) if INOTIFY.exists() else 128
    return max(4, limit // INOTIFY_PER_HOST - 1)


@dataclasses.dataclass
class Scenario:
    name: str
    passed: bool = False
    seconds: float = 0.0
    faults: list[str] = dataclasses.field(default_factory=list)
    # When each step began, as its name and seconds since the scenario did.
    steps: list[tuple[str, float]] = dataclasses.field(default_factory=list)

    @property
    def directory(self) -> Path:
        return CHECKOUT / "molecule" / self.name

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    @property
    def system(self) -> str | None:
        """The one system that it runs on; None for all of its platforms."""
        marker = self.directory / "SYSTEM"
        return None if full() or not marker.exists() else marker.read_text().strip()

    @property
    def platforms(self) -> list[str]:
        """The names of all its hosts."""
        own, shared = (yaml.safe_load(path.read_text()) or {} for path in (self.directory / "molecule.yml", CONFIG))
        names = [platform["name"] for platform in own.get("platforms") or shared["platforms"]]
        return [name.replace("${MOLECULE_SCENARIO_NAME}", self.name) for name in names]

    @property
    def only(self) -> str | None:
        """The one host that it runs on; Molecule would take a name that it does not know for no host at all, and pass."""
        if not self.system:
            return None
        if (name := f"{self.name}-{self.system}") not in self.platforms:
            raise ValueError(f"molecule/{self.name}/SYSTEM names '{self.system}'; the scenario has the hosts {', '.join(self.platforms)}")
        return name

    @property
    def hosts(self) -> int:
        return 1 if self.only else len(self.platforms)

    def run(self) -> None:
        programs = str(Path(sys.executable).parent)
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
            "MOLECULE_COMMAND_BORDERS": "false",
            "NO_COLOR": "1",
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [f"{programs}/molecule", "test", "--scenario-name", self.name]
        if self.only:
            command += ["--platform-name", self.only]
        began = time.monotonic()
        with self.log.open("w") as file, self.log.open(errors="replace") as written:
            process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
            # Not by a pipe: connections that Ansible keeps open for its next run would keep that open, too.
            rest, over = "", False
            while not over:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                    over = True
                whole, newline, rest = (rest + COLOUR.sub("", written.read())).rpartition("\n")
                self.steps += [(name, time.monotonic() - began) for name in STEP.findall(whole + newline)]
            self.seconds = time.monotonic() - began
            self.passed = process.returncode == 0
            file.seek(0, os.SEEK_END)
            file.write(f"{self.timings()}\n")

    def timings(self) -> str:
        """How long each step took, to a second or two."""
        ends = [began for _name, began in self.steps[1:]] + [self.seconds]
        return ", ".join(f"{name} {clock(end - began)}" for (name, began), end in zip(self.steps, ends, strict=False))

    def line(self) -> str:
        word = "passed" if self.passed else "FAILED"
        return f"molecule {self.name:<12} {word}  {clock(self.seconds):>5} min  {self.system or 'all systems'}  ({self.timings()})"

    def explain(self) -> None:
        """Where it failed; the hosts' journals follow it in the log."""
        lines = COLOUR.sub("", self.log.read_text(errors="replace")).splitlines()
        failed = [number for number, line in enumerate(lines) if "An error occurred during the" in line]
        end = failed[0] + 1 if failed else len(lines)
        print("\n".join(f"    {line}" for line in lines[max(0, end - TAIL) : end]))
        self.faults = [line[:400] for line in lines[:end] if FAULT.match(line)][-6:]
        print(f"    all of it, with the hosts' journals: {self.log.relative_to(CHECKOUT)}", flush=True)


def too_large(scenarios: list[Scenario], hosts: int) -> str:
    """What to do when one has more hosts than the machine lets start, else nothing."""
    largest = max(scenarios, key=lambda scenario: scenario.hosts)
    if largest.hosts <= hosts:
        return ""
    needed = (largest.hosts + 1) * INOTIFY_PER_HOST
    return f"{largest.name} has {largest.hosts} hosts, of which this machine lets too few start; as root: sysctl -w fs.inotify.max_user_instances={needed}"


class Schedule:
    """Hands out scenarios, the longest first, while their hosts fit beside those that run."""

    def __init__(self, scenarios: list[Scenario], jobs: int, hosts: int) -> None:
        self.waiting = sorted(scenarios, key=lambda scenario: (-SECONDS.get(scenario.name, 3600), scenario.name))
        self.jobs, self.hosts, self.used = jobs, hosts, 0
        self.changed = threading.Condition()

    def take(self) -> Scenario | None:
        with self.changed:
            while self.waiting:
                for scenario in self.waiting:
                    # One that is larger than the machine runs alone.
                    if self.used + scenario.hosts <= self.hosts or not self.used:
                        self.waiting.remove(scenario)
                        self.used += scenario.hosts
                        return scenario
                self.changed.wait()
            return None

    def work(self) -> None:
        while scenario := self.take():
            try:
                scenario.run()
            finally:
                with self.changed:
                    self.used -= scenario.hosts
                    print(scenario.line(), flush=True)
                    if not scenario.passed:
                        scenario.explain()
                    self.changed.notify_all()

    def run(self) -> None:
        threads = [threading.Thread(target=self.work) for _number in range(self.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def chosen(names: list[str]) -> list[Scenario]:
    found = sorted(path.parent.name for path in CHECKOUT.glob("molecule/*/molecule.yml"))
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"there is no scenario '{unknown[0]}'; there are {', '.join(found)}", file=sys.stderr)
        sys.exit(2)
    return [Scenario(name) for name in names or found if names or full() or not (CHECKOUT / "molecule" / name / "FULL").exists()]


def main() -> int:
    scenarios = chosen(sys.argv[1:])
    try:
        for scenario in scenarios:
            scenario.only  # pylint: disable=pointless-statement
        if fault := too_large(scenarios, hosts_at_once()):
            raise ValueError(fault)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)

    # Once, before two scenarios want the same.
    for system in ("debian12", "debian13"):
        if subprocess.run([CHECKOUT / "scripts" / "test-host", "image", system], stdout=subprocess.DEVNULL, check=False).returncode:
            return 1

    jobs = int(os.environ.get("PYWEB_JOBS") or min(2, os.cpu_count() or 1))
    print(f"==> {len(scenarios)} scenarios, {jobs} at a time; logs in {LOGS.relative_to(CHECKOUT)}", flush=True)
    Schedule(scenarios, jobs, hosts_at_once()).run()
    passed = sum(scenario.passed for scenario in scenarios)
    # Once more at the end, where people look first.
    if len(scenarios) > 1:
        print("\n".join(scenario.line() for scenario in sorted(scenarios, key=lambda scenario: -scenario.seconds)))
    for scenario in scenarios:
        if not scenario.passed:
            print(f"molecule {scenario.name}: " + "\n    ".join(scenario.faults or ["see above"]))
    print(f"molecule: {passed} passed, {len(scenarios) - passed} failed", flush=True)
    return 0 if passed == len(scenarios) else 1


if __name__ == "__main__":
    sys.exit(main())
