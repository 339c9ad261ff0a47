# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook status costs the controller for 1, 10, 50 and 100 hosts: time on the wall in units of one ping of the same hosts, and CPU for a host.

scripts/bench_fleet.py [HOSTS ...]      default 1 10 50 100; uses the demo's server, so `make demo` comes first

The hosts are the demo's server under as many names, each with an SSH connection of its own: what the controller does is that of so many hosts,
while one machine answers all of them. CPU is that of ansible-playbook, its workers and ssh.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench_common import CHECKOUT

STATE = CHECKOUT / ".cache" / "bench"
PING = "- {hosts: pyweb, gather_facts: false, become: true, vars: {ansible_pipelining: true}, tasks: [{ansible.builtin.ping: }]}\n"


@dataclasses.dataclass
class Cost:
    """Of one run of a playbook, in seconds."""

    wall: float
    cpu: float


def run(playbook: Path, inventory: Path) -> Cost:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, playbook], cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"bench_fleet: {playbook.name} failed:\n{done.stdout}")
    return Cost(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def fleet(number: int) -> Path:
    """An inventory of so many hosts, all of them the demo's server."""
    listed = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "-i", "inventories/demo/hosts.yml", "--list"], cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}, stdout=subprocess.PIPE, text=True, check=True,
    )
    told = json.loads(listed.stdout.replace("{{ inventory_dir }}", str(CHECKOUT / "inventories" / "demo")))
    name = told["pyweb"]["hosts"][0]
    demo = {"ansible_host": name, **told["_meta"]["hostvars"][name]}
    directory = STATE / "fleet"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "hosts.json"
    hosts = {f"host{place}": {**demo, "ansible_control_path": f"/tmp/.pyweb-bench-{os.getpid()}-{place}"} for place in range(number)}
    path.write_text(json.dumps({"pyweb": {"hosts": hosts}}), encoding="utf-8")
    path.chmod(0o600)
    return path


def main() -> int:
    ping = STATE / "ping.yml"
    STATE.mkdir(parents=True, exist_ok=True)
    ping.write_text(PING, encoding="utf-8")
    status = CHECKOUT / "playbooks" / "status.yml"
    print("HOSTS  PING     STATUS   IN PINGS  CPU OF STATUS FOR A HOST", flush=True)
    for number in map(int, sys.argv[1:] or ["1", "10", "50", "100"]):
        inventory = fleet(number)
        # The first one connects.
        run(ping, inventory)
        pinged, told = run(ping, inventory), run(status, inventory)
        print(f"{number:5}  {pinged.wall:5.1f} s  {told.wall:5.1f} s  {told.wall / pinged.wall:8.1f}  {told.cpu / number:.2f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
