# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What status and a deploy of new code cost the controller for 1, 10, 50 and 100 hosts: time on the wall in units of one ping of the same hosts,
and CPU for a host.

scripts/bench_fleet.py [HOSTS ...]      default 1 10 50 100; the hosts are copies of the demo's server, so `make demo` comes first

Each host is a container with systemd, sshd, nginx and the guestbook, which all share the processors of this machine with the controller: wall time says
how long they take together, CPU is that of ansible-playbook, its workers and ssh alone. 100 of them take 12 GB of memory.
A deploy of new code is one whose lock file is the one before: each host has a new commit in the git repository that it serves to itself.

Fails when a limit is missed; those for CPU are limits of the largest fleet. PYWEB_BENCH_KEEP=1 leaves the hosts running.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
from bench_common import CHECKOUT, PROGRAMS, Cost, Failure, environment, run, say, timed

STATE = CHECKOUT / ".cache" / "bench-fleet"
DEMO, IMAGE, DOMAIN = "pyweb-demo", "pyweb-stack/fleet", "guestbook.localhost"
PING = "- {hosts: pyweb, gather_facts: false, become: true, vars: {ansible_pipelining: true}, tasks: [{ansible.builtin.ping: }]}\n"
LIMITS = {"status, in pings": 3.0, "status, CPU seconds a host": 0.1, "deploy, CPU seconds a host": 0.15}
INOTIFY, INOTIFY_PER_HOST = Path("/proc/sys/fs/inotify/max_user_instances"), 16
# Of those that start at a time.
STARTING = 4
# The same commit on all hosts, whatever they have deployed before.
COMMIT = """
set -e
cd /srv/git/guestbook.git
export GIT_AUTHOR_DATE=2026-01-01T12:00:00Z GIT_COMMITTER_DATE=2026-01-01T12:00:00Z
git -c user.name=bench -c user.email=bench@example.com commit-tree -m {message} -p $(git rev-list --max-parents=0 main) 'main^{{tree}}' |
    xargs git update-ref refs/heads/main
"""


def play(playbook: Path, inventory: Path) -> Cost:
    return timed(PROGRAMS / "ansible-playbook", "-i", inventory, playbook, cwd=CHECKOUT, env=environment())[1]


def names(number: int) -> list[str]:
    return [f"pyweb-fleet-{place}" for place in range(number)]


def side_by_side(what, those: list[str]) -> list:
    with concurrent.futures.ThreadPoolExecutor(STARTING) as pool:
        return list(pool.map(what, those))


def start(number: int) -> dict[str, str]:
    """Their addresses, by their names."""
    allowed, needed = int(INOTIFY.read_text()), (number + 1) * INOTIFY_PER_HOST
    if allowed < needed:
        raise Failure(f"this machine lets too few hosts start at once; as root: sysctl -w fs.inotify.max_user_instances={needed}")
    say(f"Starting {number} copies of {DEMO}")
    run("docker", "commit", DEMO, IMAGE)
    found = side_by_side(lambda name: run(CHECKOUT / "scripts" / "test-host", "start", name, f"image:{IMAGE}").split()[-1], names(number))
    return dict(zip(names(number), found))


def fleet(addresses: dict[str, str]) -> Path:
    """Their inventory: that of the demo, with other hosts, which have the host key that was copied."""
    demo = CHECKOUT / "inventories" / "demo"
    listed = run(PROGRAMS / "ansible-inventory", "-i", demo / "hosts.yml", "--list", cwd=CHECKOUT, env=environment())
    variables = json.loads(listed[listed.index("{"):].replace("{{ inventory_dir }}", str(demo)))["_meta"]["hostvars"][DEMO]
    known = STATE / "known_hosts"
    key = run("docker", "exec", names(1)[0], "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2]
    known.write_text("".join(f"{address} {' '.join(key)}\n" for address in addresses.values()), encoding="utf-8")
    reached = {
        "ansible_user": "admin", "ansible_ssh_private_key_file": run(CHECKOUT / "scripts" / "test-host", "key").strip(),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes",
    }
    path = STATE / f"hosts-{len(addresses)}.json"
    path.write_text(json.dumps({"pyweb": {
        "hosts": {name: {"ansible_host": address} for name, address in addresses.items()}, "vars": {**variables, **reached}}}), encoding="utf-8")
    return path


def settle(addresses: dict[str, str]) -> None:
    """They have started once the guestbook answers."""
    with httpx.Client(verify=False, timeout=10) as client:
        for name, address in addresses.items():
            for _attempt in range(100):
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(f"https://{address}/healthz", headers={"Host": DOMAIN}, extensions={"sni_hostname": DOMAIN}).status_code == 200:
                        break
                time.sleep(1)
            else:
                raise Failure(f"the guestbook of {name} does not answer; see: scripts/test-host journal {name}")


def measure(number: int, addresses: dict[str, str]) -> dict[str, float]:
    those = names(number)
    inventory = fleet({name: addresses[name] for name in those})
    ping = STATE / "ping.yml"
    ping.write_text(PING, encoding="utf-8")
    # The first one connects.
    play(ping, inventory)
    pinged, told = play(ping, inventory), play(CHECKOUT / "playbooks" / "status.yml", inventory)
    side_by_side(lambda name: run("docker", "exec", "-i", name, "runuser", "-u", "admin", "--", "sh", input=COMMIT.format(message=f"fleet-{number}")), those)
    deployed = play(CHECKOUT / "playbooks" / "deploy.yml", inventory)
    print(f"{number:5}  {pinged.wall:5.1f} s  {told.wall:5.1f} s  {told.wall / pinged.wall:8.1f}  {deployed.wall:6.1f} s  {deployed.wall / pinged.wall:8.1f}"
          f"  {pinged.cpu / number:9.2f} s  {told.cpu / number:7.2f} s  {deployed.cpu / number:7.2f} s", flush=True)
    return {"status, in pings": told.wall / pinged.wall, "status, CPU seconds a host": told.cpu / number, "deploy, CPU seconds a host": deployed.cpu / number}


def main() -> int:
    numbers = sorted(map(int, sys.argv[1:] or ["1", "10", "50", "100"]))
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        addresses = start(numbers[-1])
        settle(addresses)
        print("HOSTS  PING     STATUS   IN PINGS  DEPLOY    IN PINGS  CPU OF PING  OF STATUS  OF DEPLOY, FOR A HOST", flush=True)
        found = [measure(number, addresses) for number in numbers]
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("PYWEB_BENCH_KEEP"):
            for name in names(numbers[-1]):
                subprocess.run([CHECKOUT / "scripts" / "test-host", "stop", name], check=False)
    missed = 0
    for name, limit in LIMITS.items():
        value = found[-1][name] if "CPU" in name else max(each[name] for each in found)
        missed += value > limit
        print(f"{name:28} {value:6.2f}  (at most {limit}){'  MISSED' if value > limit else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
