# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `site` costs on a host where there is nothing to do, in units of one ping task of the same run.

scripts/bench.py [RUNS]      default 3; uses the demo's server, so `make demo` comes first

Fails when the median of the runs is above the limit, or when a run changed something.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from bench_common import CALLBACK, CHECKOUT, PINGS, environment, events, moment

STATE = CHECKOUT / ".cache" / "bench"
LIMIT = 45  # pings
PLAYBOOK = f"""---
- name: Ping
  hosts: pyweb
  gather_facts: false
  become: true
  vars: {{ansible_pipelining: true}}
  tasks:
{"".join(f"    - {{name: ping {number}, ansible.builtin.ping: }}{chr(10)}" for number in range(PINGS))}
- name: Site
  ansible.builtin.import_playbook: {CHECKOUT}/playbooks/site.yml
"""


def measure() -> tuple[float, float, int, list[tuple[float, str]]]:
    """One ping and the whole of site in seconds, how many tasks changed something, and the dearest tasks."""
    (STATE / "bench.yml").write_text(PLAYBOOK)
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventories/demo/hosts.yml", STATE / "bench.yml"],
        cwd=CHECKOUT,
        env=environment(ANSIBLE_STDOUT_CALLBACK=CALLBACK),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"bench: the run failed; the same with all its output: ansible-playbook -i inventories/demo/hosts.yml {STATE / 'bench.yml'}")
    told = events(done.stdout)
    # A task lasts until the next one begins: what happens in the controller counts as well.
    starts = [
        (moment(event), event["task"]["name"]) for event in told if event["_event"] == "v2_playbook_on_task_start"
    ]
    end = next(moment(event) for event in told if event["_event"] == "v2_playbook_on_stats")
    changed = sum(event["stats"][host]["changed"] for event in told if event["_event"] == "v2_playbook_on_stats" for host in event["stats"])
    lasted = [
        (after - begin, name) for (begin, name), after in zip(starts, [begin for begin, _name in starts[1:]] + [end], strict=True)
    ]
    # The first pings pay for the connection, the last one for the change of plays.
    ping = statistics.median(seconds for seconds, _name in lasted[2 : PINGS - 1])
    return ping, end - starts[PINGS][0], changed, sorted(lasted[PINGS:], reverse=True)[:8]


def main() -> int:
    STATE.mkdir(parents=True, exist_ok=True)
    factors = []
    for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        ping, site, changed, dearest = measure()
        factors.append(site / ping)
        print(f"run {number + 1}: one ping {ping * 1000:.0f} ms, site {site:.1f} s = {site / ping:.1f} pings, {changed} changed", flush=True)
        if changed:
            print("bench: site changed something on a host that it has just set up", file=sys.stderr)
            return 1
    print("the dearest tasks, in pings: " + ", ".join(f"{name} {seconds / ping:.1f}" for seconds, name in dearest))
    middle = statistics.median(factors)
    print(f"site on a finished host: {middle:.1f} pings (limit {LIMIT})")
    return 0 if middle <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
