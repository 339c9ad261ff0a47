# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors notice of many deploys and rollbacks in a row, and what nginx in front of an application server costs.

scripts/bench_switch.py [--system debian13] [--manager systemd] [--server gthread] [--deploys 25] [--rate 200] [--rounds 5]

Without options everything is measured, which takes an hour and a quarter; each option may be given several times.

A host is set up by our own playbooks for each system, with one application for each manager and server. While requests
arrive at a constant rate, the playbooks deploy and rollback run by turns. The requests come through nginx and TLS: GET
and POST, some of which take half a second and some of which are streamed, over HTTP/1.1 and HTTP/2, on new and on kept
connections; to ASGI servers with WebSockets besides. A request takes as long as from the moment at which it was due.
"Switching" are those that were due while the task ran that makes a release live or goes back, "quiet" those that were
due in the pauses between the playbooks of the same run. Then h2load asks the same application on its socket and through
nginx, by turns: for a page that is a millisecond of work, and, without a limit, for an answer that is none ("bare"): all
processors are busy, so that nginx takes from the application what it needs itself.

Fails when a limit is missed. PYWEB_BENCH_KEEP=1 leaves the hosts running.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench_common import CALLBACK, CHECKOUT, PROGRAMS, Failure, environment, events, moment, run, say

sys.path.insert(0, str(CHECKOUT / "tests" / "support"))
import repositories  # noqa: E402
from load import Load, Request, Result  # noqa: E402

STATE = CHECKOUT / ".cache" / "bench-switch"
SYSTEMS = ["debian12", "debian13"]
MANAGERS = ["systemd", "supervisor"]
SERVERS = {
    "gthread": {"wsgi": "probe:app"},
    "asgi": {"asgi": "probe:asgi", "server": "gunicorn"},
    "uvicorn": {"asgi": "probe:asgi"},
}
FAST = [Request("GET", "/", expect=b"probe "), Request("POST", "/echo", b"text=hello", b"text=hello"), Request("GET", "/healthz", expect=b'"ok"')]
# At 200 a second, four of the eight threads that an application has here answer a slow one at any time.
REQUESTS = [
    *FAST * 8, Request("GET", "/slow?seconds=0.5", expect=b"slow", wait=0.5),
    *FAST * 8, Request("GET", "/stream?seconds=0.5", expect=b"part 4\nend\n", wait=0.5),
]
# One in four comes on a connection of its own.
KINDS = ["h1", "h2", "h1", "h2-new", "h1", "h2", "h2", "h1-new"]
SOCKETS = 3
QUIET = 10  # seconds before the first deploy
PAUSE = 2  # seconds after each
SETTLE = 0.5  # of them belong to nobody
CARRIED = 1.0  # seconds: the p99 above which nothing is measured but how busy the machine is
DRAIN = 2.5
# In h2load's: connections, seconds of a round, seconds before it.
CONNECTIONS, ROUND, WARM = 16, 4, 1
LIMITS = {"ratio": 2.0, "stale": 2.0, "nginx": 0.85, "rate": 0.97}


class Host:
    """A server with all applications that are to be measured on this system."""

    def __init__(self, system: str, managers: list[str], servers: list[str]) -> None:
        self.system, self.name = system, f"switch-{system}"
        self.apps = {f"{server}-{manager}": (server, manager) for manager in managers for server in servers}
        self.address = ""
        self.visited = False

    def shell(self, command: str) -> str:
        """Not over SSH: this is the benchmark's own business."""
        return run("docker", "exec", self.name, "sh", "-c", command)

    def play(self, playbook: str | Path, *arguments: str, **variables: object) -> str:
        """What ansible.posix.jsonl tells of it."""
        path = playbook if isinstance(playbook, Path) else CHECKOUT / "playbooks" / f"{playbook}.yml"
        command = [PROGRAMS / "ansible-playbook", "-i", STATE / f"{self.name}.yml", path, "-e", json.dumps(variables), *arguments]
        # Visitors do not notice a controller, which is another machine: it gets what they and the host leave. Kernels that share
        # processors among sessions ask how nice the session is.
        last = ["sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec nice -n 19 "$0" "$@"'] if self.visited else []
        done = subprocess.run(
            [*last, *map(str, command)], stdout=subprocess.PIPE, text=True, check=False, start_new_session=True, cwd=CHECKOUT,
            env=environment(ANSIBLE_STDOUT_CALLBACK=CALLBACK),
        )
        if done.returncode:
            faults = [result.get("msg") for event in events(done.stdout) if event["_event"] in ("v2_runner_on_failed", "v2_runner_on_unreachable")
                      for result in event["hosts"].values()]
            raise Failure(f"{path.name} failed on {self.name}: {faults}")
        return done.stdout

    def start(self, bundle: Path) -> None:
        say(f"Setting up a host with {self.system}: {', '.join(self.apps)}")
        self.address = run(CHECKOUT / "scripts" / "test-host", "start", self.name, self.system).split()[-1]
        key = run(CHECKOUT / "scripts" / "test-host", "key").strip()
        config = STATE / f"{self.name}.ssh"
        config.write_text(
            f"Host {self.name}\n    HostName {self.address}\n    User admin\n    IdentityFile \"{key}\"\n    IdentitiesOnly yes\n"
            f"    UserKnownHostsFile \"{STATE}/known_hosts\"\n    HostKeyAlias {self.name}-{os.getpid()}\n"
            "    StrictHostKeyChecking accept-new\n    LogLevel ERROR\n"
        )
        apps = {
            name: {
                "source": {"repo": "git://127.0.0.1/probe", "version": "one"}, "manager": manager,
                "processes": {"web": {"health": {"path": "/healthz"}, **SERVERS[server]}}, "site": {"domains": [f"{name}.example.com"]},
            }
            for name, (server, manager) in self.apps.items()
        }
        # JSON is YAML.
        (STATE / f"{self.name}.yml").write_text(json.dumps({"pyweb": {
            "hosts": {self.name: {}}, "vars": {"ansible_ssh_common_args": f"-F \"{config}\"", "pyweb_apps": apps},
        }}))
        self.play(CHECKOUT / "tests" / "bench" / "prepare.yml", repository="probe", bundle=str(bundle), accounts=[], packages=["nghttp2-client"])
        self.play("site")

    def stop(self) -> None:
        subprocess.run([CHECKOUT / "scripts" / "test-host", "stop", self.name], check=False)


@dataclasses.dataclass
class Switch:
    since: float
    until: float
    at: float
    old: str
    new: str


class Combination:
    """One application under load, and what came of it."""

    def __init__(self, host: Host, app: str) -> None:
        self.host, self.app = host, app
        self.server, self.manager = host.apps[app]
        self.switches: list[Switch] = []
        self.quiet: list[tuple[float, float]] = []
        self.rate = 0.0
        self.load: Result | None = None
        self.rates: dict[str, list[tuple[float, float]]] = {"/page": [], "/": []}
        self.memory = 0.0
        self.trips = 0

    def live(self) -> str:
        return self.host.shell(f"basename $(readlink /srv/{self.app}/current)").strip()

    def switch(self, number: int) -> None:
        old = self.live()
        if number % 2 == 0:
            said = self.host.play("deploy", app=self.app, version=f"bench-{number // 2}")
            task = "Start the release beside the live one, check its health, switch to it"
        else:
            said = self.host.play("rollback", app=self.app)
            task = "Make the older release live"
        mine = [event for event in events(said) if event.get("task", {}).get("name", "").endswith(task)]
        since = next(moment(event) for event in mine if event["_event"] == "v2_playbook_on_task_start")
        until = next(moment(event) for event in mine if event["_event"] == "v2_runner_on_ok")
        at = float(self.host.shell(f"stat --format=%.9Y /srv/{self.app}/current"))
        self.switches.append(Switch(since, until, at, old, self.live()))
        if self.switches[-1].new == old or not since < at < until:
            raise Failure(f"{self.app}: switch {number + 1} did not switch")

    def pause(self, seconds: float) -> None:
        time.sleep(SETTLE)
        begun = time.time()
        time.sleep(seconds - SETTLE)
        self.quiet.append((begun, time.time()))

    def visit(self, deploys: int, rate: int) -> None:
        self.rate = rate
        sockets = None if self.server == "gthread" else ("/ws", SOCKETS)
        gc.collect()
        gc.freeze()
        with Load(f"https://{self.app}.example.com", connect=self.host.address, requests=REQUESTS, kinds=KINDS, sockets=sockets,
                  arrivals=True, rate=rate) as load:
            self.load, self.host.visited = load.result, True
            self.pause(QUIET)
            quiet = self.load.percentile(99, self.quiet)
            if self.load.failed or math.isnan(quiet) or quiet >= CARRIED:
                raise Failure(f"this machine cannot carry {rate} requests/s: while nothing else happens, 99% are answered within {quiet:.2f} s and "
                              f"{self.load.failed} fail; make it less busy, or choose another --rate")
            for number in range(deploys):
                self.switch(number)
                self.pause(PAUSE)
                last = self.switches[-1]
                print(f"    {number + 1}: {last.old} -> {last.new} in {last.until - last.since:.1f} s, {self.load.failed} failed so far", flush=True)
        # What the processes have for themselves, and their shares of what they have in common.
        pss = self.host.shell(f"cat $(pgrep -u {self.app} | sed 's,.*,/proc/&/smaps_rollup,') | awk '/^Pss:/ {{sum += $2}} END {{print sum}}'")
        self.memory = int(pss) / 1024

    def converged(self) -> None:
        """How often a deploy asks the host where there is nothing to do."""
        text = json.loads(self.host.shell(f"curl --silent --unix-socket /srv/{self.app}/current/.pyweb/web.sock http://localhost/healthz"))["text"]
        said = self.host.play("deploy", "-vvv", app=self.app, version=text.replace(" ", "-"))
        self.trips = said.count(f"<{self.host.name}> SSH: EXEC ")

    def throughput(self, rounds: int) -> None:
        name, socket = f"{self.app}.example.com", f"/run/pyweb/{self.app}/{self.live()}/web.sock"
        ways = {"alone": (f"http://{name}", f"--base-uri=unix:{socket}"), "nginx": (f"https://{name}", "--connect-to=127.0.0.1:443")}
        for path, rates in self.rates.items():
            for number in range(rounds):
                found = {}
                for way in sorted(ways, reverse=number % 2 == 1):
                    site, option = ways[way]
                    said = self.host.shell(f"h2load --h1 --clients={CONNECTIONS} --threads=1 --duration={ROUND} --warm-up-time={WARM} {site}{path} {option}")
                    counted = re.search(r"finished in [\d.]+s, ([\d.]+) req/s", said)
                    codes = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", said)
                    if not counted or not codes or not int(codes[1]):
                        raise Failure(f"h2load says of {self.app} ({way}):\n{said}")
                    found[way] = float(counted[1])
                rates.append((found["alone"], found["nginx"]))

    def through(self, path: str) -> float:
        """How much of what the application server does alone comes through nginx: the median of the rounds."""
        return statistics.median(nginx / alone for alone, nginx in self.rates[path]) if self.rates[path] else math.nan

    # What came of it

    def stale(self) -> float:
        """The latest answer of an old release, in seconds after the switch."""
        found = 0.0
        for switch, end in zip(self.switches, [*(switch.since for switch in self.switches[1:]), math.inf], strict=True):
            late = [sample.answered for sample in self.load.samples if sample.release == switch.old and switch.at < sample.answered < end]
            found = max([found, *(moment - switch.at for moment in late)])
        return found

    def sockets(self) -> tuple[int, int]:
        """WebSockets that were ended, when the old release had to stop and with a close frame; and all."""
        proper = [
            socket for socket in self.load.sockets
            if socket.code and any(switch.old == socket.release and switch.at + DRAIN - 0.1 < socket.ended < switch.until + 0.5 for switch in self.switches)
        ]
        return len(proper), len(self.load.sockets)

    def row(self) -> tuple[list[str], list[str]]:
        """The cells of its row, and what it has missed."""
        quiet = self.load.percentile(99, self.quiet)
        switching = self.load.percentile(99, [(switch.since, switch.until) for switch in self.switches])
        proper, ended = self.sockets()
        stale, ratio = self.stale(), switching / quiet
        nginx = self.through("/page")
        reached = self.load.requests / self.load.seconds / self.rate
        missed = [
            text for text, bad in {
                f"{self.load.failed} requests failed": self.load.failed,
                f"p99 is {ratio:.2f} times the quiet one": ratio > LIMITS["ratio"],
                f"the old release has answered {stale:.2f} s after the switch": stale > LIMITS["stale"],
                f"{ended - proper} of {ended} WebSockets did not end as they should": proper < ended,
                f"{nginx:.2f} of the application server's throughput comes through nginx": nginx < LIMITS["nginx"],
                f"only {reached:.2f} of the requests could be sent: this machine is too slow or too busy": reached < LIMITS["rate"],
                f"a deploy with nothing to do has asked the host {self.trips} times": self.trips != 1,
            }.items() if bad
        ]
        cells = [
            self.host.system, self.manager, self.server, str(len(self.switches)), f"{self.load.requests:,}", str(self.load.failed),
            f"{quiet * 1000:.0f} ms", f"{switching * 1000:.0f} ms", f"{ratio:.2f}", f"{stale:.2f} s",
            f"{proper}/{ended}" if self.server != "gthread" else "-", f"{self.memory:.0f} MB",
            f"{statistics.median(switch.until - switch.since for switch in self.switches):.1f} s",
            f"{nginx:.2f}", f"{self.through('/'):.2f}",
        ]
        return cells, missed


HEADINGS = ["system", "manager", "server", "switches", "requests", "failed", "p99 quiet", "p99 switch", "ratio", "last old", "sockets", "memory",
            "activation", "nginx", "bare"]


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) if column < 3 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths)))
                     for row in [HEADINGS, *rows])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", action="append", choices=SYSTEMS)
    parser.add_argument("--manager", action="append", choices=MANAGERS)
    parser.add_argument("--server", action="append", choices=list(SERVERS))
    parser.add_argument("--deploys", type=int, default=25, help="deploys and rollbacks of each (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=200, help="requests per second (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of the throughput, 0 for none (default: %(default)s)")
    options = parser.parse_args()
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    rows, faults = [], []
    try:
        versions = {"one": ("package", "one", ""), **{f"bench-{number}": ("package", f"bench {number}", "") for number in range((options.deploys + 1) // 2)}}
        repositories.probe(STATE / "probe.bundle", versions)
        for system in options.system or SYSTEMS:
            host = Host(system, options.manager or MANAGERS, options.server or list(SERVERS))
            try:
                host.start(STATE / "probe.bundle")
                for app in host.apps:
                    say(f"{app} on {system}: {options.deploys} deploys and rollbacks at {options.rate} requests/s, "
                        f"the load of this machine is {os.getloadavg()[0]:.1f}")
                    one = Combination(host, app)
                    try:
                        one.visit(options.deploys, options.rate)
                        one.converged()
                        one.throughput(options.rounds)
                    except Failure as failure:
                        faults.append(f"{app} on {system}: {failure}")
                        print(f"    {failure}", flush=True)
                        continue
                    finally:
                        host.visited = False
                    cells, missed = one.row()
                    rows.append(cells)
                    faults += [f"{app} on {system}: {text}" for text in missed]
                    print(one.load.summary(), flush=True)
                    for path, rates in one.rates.items():
                        print(f"  requests/s of {path} alone and through nginx: {', '.join(f'{alone:.0f} {nginx:.0f}' for alone, nginx in rates)}")
                    print(table([cells]), flush=True)
            finally:
                if not os.environ.get("PYWEB_BENCH_KEEP"):
                    host.stop()
    except Failure as failure:
        faults.append(str(failure))
    print(f"\n{table(rows)}\n")
    for fault in faults:
        print(f"bench: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
