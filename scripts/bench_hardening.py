# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hardening a host costs: the role hardening (baseline, its default) beside os_hardening and ssh_hardening of devsec.hardening with their defaults.

scripts/bench_hardening.py [TURNS]      default 3

  first      a run on a fresh host, by each of the two
  again      the same run once more, where there is nothing to do; one of ours that changes something fails

The two take turns on a new container each, one at a time, and the medians count. How it is made fair:

  hosts       the same image; apt's lists are new and all packages that either side installs lie in apt's archive, from a turn before that does not count:
              nobody downloads, except that devsec's tasks themselves ask for new lists again, as they do for their users
  connection  each run makes its own; pipelining and the rest of ansible.cfg are the same for both, and facts are variables, as devsec needs it
  plays       as each README has them: devsec needs all facts of the host, ours gathers those it needs by itself
  containers  in them devsec leaves sysctl settings out by itself, a task with more than 50 items, and SWITCHED_OFF leaves out what fails there: that favours
              devsec, as the role sets those of the network

Fails when a limit is missed. Wall time counts; CPU is that of ansible-playbook, its workers and ssh on the controller, and tasks are those that ran.
PYWEB_BENCH_DEVSEC=DIRECTORY names a directory where ansible_collections/devsec/hardening is, for machines that reach no Galaxy.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_common import CALLBACK, CHECKOUT, PROGRAMS, Cost, Failure, environment, events, run, say, timed

STATE = CHECKOUT / ".cache" / "bench-hardening"
HOST, SYSTEM = "pyweb-bench-hardening", "debian13"
DEVSEC = "devsec.hardening:==10.5.2"
# Times of theirs.
LIMITS = {"first": 0.5, "again": 0.15}
# Their variable for tests in containers: auditd is installed and configured, but not restarted, which fails there.
SWITCHED_OFF = {"molecule_yml": {"driver": {"name": "docker"}}}
PLAYS = {
    "ours": [{"hosts": "all", "become": True, "gather_facts": False, "roles": ["pyweb.stack.hardening"]}],
    "devsec": [{"hosts": "all", "become": True, "vars": SWITCHED_OFF, "roles": ["devsec.hardening.os_hardening", "devsec.hardening.ssh_hardening"]}],
}


@dataclasses.dataclass
class Run:
    """One run of a play: what it cost, how many tasks ran on the host, and how many of them changed something."""

    cost: Cost
    tasks: int
    changed: int


def devsec() -> Path:
    """Where ansible_collections/devsec/hardening is; installed there where nobody has named a directory."""
    given = os.environ.get("PYWEB_BENCH_DEVSEC")
    found = Path(given) if given else STATE / "collections"
    if given and not (found / "ansible_collections/devsec/hardening/roles").is_dir():
        raise Failure(f"PYWEB_BENCH_DEVSEC is '{given}', where ansible_collections/devsec/hardening/roles is not; name a directory where it is")
    if not given:
        # What it depends on is in .venv.
        run(PROGRAMS / "ansible-galaxy", "collection", "install", "--no-deps", "-p", found, DEVSEC, cwd=CHECKOUT, env=environment())
    return found


def start() -> str:
    """A fresh host's address; apt's lists there are new, and it has all the host keys that Debian's package makes, which devsec asks for."""
    address = run(CHECKOUT / "scripts" / "test-host", "start", HOST, SYSTEM).split()[-1]
    run("docker", "exec", HOST, "sh", "-c", "ssh-keygen -A && apt-get -qq update")
    return address


def stop() -> None:
    """Removes the host, and keeps what it has downloaded for the next ones."""
    subprocess.run([CHECKOUT / "scripts" / "test-host", "stop", HOST], check=False)


def play(side: str, address: str, collections: Path) -> Run:
    path, inventory = STATE / f"{side}.yml", STATE / "hosts.json"
    path.write_text(json.dumps(PLAYS[side]), encoding="utf-8")
    inventory.write_text(json.dumps({"all": {"hosts": {HOST: {
        "ansible_host": address, "ansible_user": "admin", "ansible_ssh_private_key_file": run(CHECKOUT / "scripts" / "test-host", "key").strip(),
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR"}}}}), encoding="utf-8")
    # Hosts get the addresses of those before them, whose connections may still be open.
    with tempfile.TemporaryDirectory() as sockets:
        said, cost = timed(PROGRAMS / "ansible-playbook", "-i", inventory, path, cwd=CHECKOUT, env=environment(
            ANSIBLE_STDOUT_CALLBACK=CALLBACK, ANSIBLE_SSH_CONTROL_PATH_DIR=sockets, ANSIBLE_INJECT_FACT_VARS="true",
            ANSIBLE_COLLECTIONS_PATH=f"{CHECKOUT / '.collections'}:{collections}"))
    counted = next(event for event in events(said) if event["_event"] == "v2_playbook_on_stats")["stats"][HOST]
    return Run(cost, counted["ok"], counted["changed"])


def turn(side: str, collections: Path) -> dict[str, Run]:
    """A first run on a fresh host, and the same again."""
    try:
        address = start()
        found = {name: play(side, address, collections) for name in LIMITS}
    finally:
        stop()
    if side == "ours" and found["again"].changed:
        raise Failure(f"the role changed {found['again'].changed} tasks on a host that it has just hardened")
    return found


def told(name: str, side: str, one: Run) -> str:
    return f"{name:8} {side:8} {one.cost.wall:7.1f} s {one.cost.cpu:7.1f} s {one.tasks:7} {one.changed:8}"


def measure(turns: int) -> dict[str, dict[str, list[Run]]]:
    collections = devsec()
    found: dict[str, dict[str, list[Run]]] = {name: {side: [] for side in PLAYS} for name in LIMITS}
    say("Downloading what either side installs: a turn of each that does not count")
    for side in PLAYS:
        turn(side, collections)
    print("RUN      SIDE          WALL       CPU   TASKS  CHANGED", flush=True)
    for number in range(turns):
        for side in sorted(PLAYS, reverse=number % 2 == 1):
            for name, one in turn(side, collections).items():
                found[name][side].append(one)
                print(told(name, side, one), flush=True)
    return found


def main() -> int:
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    missed = 0
    for name, limit in LIMITS.items():
        ours, theirs = (statistics.median(one.cost.wall for one in found[name][side]) for side in PLAYS)
        missed += ours > limit * theirs
        print(f"{name:8} {ours:7.1f} s, {ours / theirs:.2f} of devsec's {theirs:.1f} s  (at most {limit}){'  MISSED' if ours > limit * theirs else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
