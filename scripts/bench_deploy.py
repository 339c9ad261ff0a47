# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy costs, beside two other ways to do the same on the same host.

scripts/bench_deploy.py [REPETITIONS]      default 5

  by hand         a shell script over one SSH connection (tests/bench/by_hand.sh)
  deploy_helper   the documented example of community.general.deploy_helper (tests/bench/deploy_helper.yml)
  ours            playbooks/deploy.yml

Each repetition deploys the same two commits in all ways, one after the other: one that changes code and one that changes a
dependency. The whole command is timed, with its connection. Nothing waits for a while after the switch in any of them.

Fails when the median of a ratio is above its limit. PYWEB_BENCH_KEEP=1 leaves the host running.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_common import CALLBACK, CHECKOUT, PINGS, PROGRAMS, Failure, environment, events, moment, run, say

sys.path.insert(0, str(CHECKOUT / "tests" / "bench"))
import application  # noqa: E402

STATE = CHECKOUT / ".cache" / "bench-deploy"
HOST = "pyweb-bench"
SYSTEM = "debian13"
REPOSITORY = "git://127.0.0.1/shop"
BY_HAND, HELPER, OURS = "by hand", "deploy_helper", "ours"
ACCOUNTS = {BY_HAND: "byhand", HELPER: "helper"}
KEEP = 5
LIMITS = {
    "code, by hand": 2.5,
    "code, deploy_helper": 0.3,
    "dependency, by hand": 2.0,
    "nothing to do": 5.0,  # pings
    "disk": 1.2,
}


def on_host(*command: str, **options) -> str:
    """Not over SSH: this is the benchmark's own business."""
    return run("docker", "exec", "-i", HOST, *command, **options)


def playbook(path: Path, *options: str, **more: str) -> str:
    return run(PROGRAMS / "ansible-playbook", "-i", STATE / "hosts.yml", path, *options, cwd=CHECKOUT, env=environment(**more))


def start() -> None:
    say(f"Starting a host with {SYSTEM}")
    address = run(CHECKOUT / "scripts" / "test-host", "start", HOST, SYSTEM).split()[-1]
    key = run(CHECKOUT / "scripts" / "test-host", "key").strip()
    (STATE / "ssh_config").write_text(
        f"Host {HOST}\n    HostName {address}\n    User admin\n    IdentityFile \"{key}\"\n    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile \"{STATE}/known_hosts\"\n    StrictHostKeyChecking accept-new\n    LogLevel ERROR\n"
    )
    # JSON is YAML. No site: there is no nginx whose connections would have to leave the old release first.
    shop = {
        "source": {"repo": REPOSITORY, "version": "main"}, "keep_releases": KEEP,
        "processes": {"web": {"wsgi": "shop.wsgi:application", "workers": 3, "health": {"path": "/healthz"}}},
    }
    (STATE / "hosts.yml").write_text(json.dumps({"pyweb": {
        "hosts": {HOST: {}}, "vars": {"ansible_ssh_common_args": f"-F \"{STATE}/ssh_config\"", "pyweb_apps": {"shop": shop}},
    }}))


def locks() -> list[str]:
    """What requirements.txt is in each state of the history, made with the host's uv and Python."""
    made = []
    for version in application.VERSIONS:
        wanted = f"{application.REQUIREMENTS}{application.CHANGING}=={version}\n"
        command = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt uv pip compile --quiet --generate-hashes --no-header --no-annotate -"
        text = on_host("sh", "-c", command, input=wanted)
        made.append(text)
    return made


def set_up(repetitions: int) -> None:
    say("Setting it up with our own playbook")
    playbook(CHECKOUT / "playbooks" / "provision.yml")
    say("Making a shop and its history")
    with tempfile.TemporaryDirectory() as folder:
        application.Shop(Path(folder), locks()[:repetitions + 1]).make(STATE / "shop.bundle", KEEP)
    playbook(CHECKOUT / "tests" / "bench" / "prepare.yml", "-e", json.dumps({"bundle": str(STATE / "shop.bundle"), "accounts": list(ACCOUNTS.values())}))
    push("fill-0")
    say("Filling the caches")
    warm(repetitions)


def warm(repetitions: int) -> None:
    """All versions of the dependency are in the cache of both uvs and of pip: no download is measured."""
    script = f"""
        set -e
        export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_CACHE_DIR="$2"
        cd "$1"
        for number in $(seq 0 {repetitions - 1}); do
            git --git-dir=/opt/git/shop -c safe.directory='*' show refs/bench/lock-$number:requirements.txt > lock.txt
            uv venv --quiet --clear throwaway
            uv pip sync --quiet --require-hashes --python throwaway/bin/python lock.txt
        done
        if [ "$(id -u)" = 0 ]; then
            uv venv --quiet --clear --seed throwaway
            for version in {" ".join(application.VERSIONS[:repetitions + 1])}; do
                throwaway/bin/pip --quiet download --no-deps --dest throwaway/wheels "{application.CHANGING}==$version"
            done
        fi
        rm -rf throwaway lock.txt
    """
    on_host("runuser", "-u", "shop-build", "--", "sh", "-c", script, "sh", "/srv/shop/build", "/srv/shop/build/cache")
    on_host("sh", "-c", script, "sh", "/srv/byhand", "/srv/byhand/cache")


def push(commit: str) -> None:
    on_host("git", "--git-dir=/opt/git/shop", "update-ref", "refs/heads/main", f"refs/bench/{commit}")


def timed(command: list[str | Path], sockets: str, **options) -> float:
    """The wall-clock time of a command, with a connection of its own."""
    begun = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=CHECKOUT,
                          env=environment(ANSIBLE_SSH_CONTROL_PATH_DIR=sockets), **options)
    seconds = time.monotonic() - begun
    for path in Path(sockets).iterdir():
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={path}", HOST], capture_output=True, check=False)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-40:]), file=sys.stderr)
        raise Failure(f"'{' '.join(str(word) for word in command)}' failed; what it said is above")
    return seconds


def ansible(path: Path, variables: dict) -> list[str | Path]:
    return [PROGRAMS / "ansible-playbook", "-i", STATE / "hosts.yml", path, "-e", json.dumps(variables)]


def again() -> float:
    """A deploy with nothing to do, over the connection that a command before has left open: the ping is counted without one, too."""
    with tempfile.TemporaryDirectory() as sockets:
        playbook(STATE / "pings.yml", ANSIBLE_SSH_CONTROL_PATH_DIR=sockets)
        return timed(ansible(CHECKOUT / "playbooks" / "deploy.yml", {"app": "shop", "version": "main"}), sockets)


def deploy(way: str) -> float:
    with tempfile.TemporaryDirectory() as sockets:
        if way == BY_HAND:
            with (CHECKOUT / "tests" / "bench" / "by_hand.sh").open() as script:
                return timed(["ssh", "-F", STATE / "ssh_config", HOST, f"sudo bash -s {ACCOUNTS[way]} {REPOSITORY} main"], sockets, stdin=script)
        if way == HELPER:
            variables = {"name": ACCOUNTS[way], "repository": REPOSITORY, "version": "main"}
            return timed(ansible(CHECKOUT / "tests" / "bench" / "deploy_helper.yml", variables), sockets)
        # Like the other two, it does not watch the new release for a while.
        return timed(ansible(CHECKOUT / "playbooks" / "deploy.yml", {"app": "shop", "version": "main", "__appserver_watch": 0}), sockets)


def nothing() -> float:
    """A play without tasks: Ansible's own start, which every command pays."""
    (STATE / "empty.yml").write_text("---\n- name: Nothing\n  hosts: pyweb\n  gather_facts: false\n  become: true\n  tasks: []\n")
    with tempfile.TemporaryDirectory() as sockets:
        return timed([PROGRAMS / "ansible-playbook", "-i", STATE / "hosts.yml", STATE / "empty.yml"], sockets)


def ping() -> float:
    tasks = "".join(f"    - {{name: ping {number}, ansible.builtin.ping: }}\n" for number in range(PINGS))
    (STATE / "pings.yml").write_text(
        f"---\n- name: Ping\n  hosts: pyweb\n  gather_facts: false\n  become: true\n  vars: {{ansible_pipelining: true}}\n  tasks:\n{tasks}"
    )
    told = events(playbook(STATE / "pings.yml", ANSIBLE_STDOUT_CALLBACK=CALLBACK))
    moments = [moment(event) for event in told if event["_event"] == "v2_playbook_on_task_start"]
    # The first pings pay for the connection.
    return statistics.median(after - before for before, after in zip(moments[2:], moments[3:], strict=False))


def used(*paths: str) -> int:
    """Bytes on the disk, each file counted once however many names it has."""
    return int(on_host("du", "--summarize", "--total", "--block-size=1", *paths).splitlines()[-1].split()[0])


def disk() -> tuple[int, int]:
    return used("/srv/shop", "/var/lib/pyweb/shop", "/etc/pyweb/shop"), used("--exclude=.venv", on_host("readlink", "/srv/shop/current").strip())


def fill() -> float:
    """As many releases as are kept, in all ways. What a release takes, over the size of its own source and bytecode."""
    say(f"Deploying {KEEP} releases in each way")
    sizes = []
    for number in range(KEEP):
        push(f"fill-{number}")
        for way in (BY_HAND, OURS) if number < KEEP - 1 else (BY_HAND, HELPER, OURS):
            deploy(way)
        sizes.append(disk())
    # The first one brings the environment; from the second one on only code changes, and nothing is deleted yet.
    growth = [after - before for (before, _own), (after, _own_after) in zip(sizes[1:], sizes[2:], strict=False)]
    factor = statistics.median(grown / own for grown, (_whole, own) in zip(growth, sizes[2:], strict=True))
    print(f"    a release of {sizes[-1][1] / 1e6:.1f} MB takes {statistics.median(growth) / 1e6:.1f} MB")
    return factor


def measure(repetitions: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        figures.setdefault(what, []).append(seconds)

    for number in range(repetitions):
        ways = [BY_HAND, HELPER, OURS]
        ways = ways[number % 3:] + ways[:number % 3]
        push(f"code-{number}")
        for way in ways:
            note(f"code, {way}", deploy(way))
        push(f"lock-{number}")
        for way in ways:
            if way != HELPER:
                note(f"dependency, {way}", deploy(way))
        note("ping", ping())
        note("empty", nothing())
        note("again", again())
        print(f"    {number + 1}: " + ", ".join(f"{what} {seconds[-1]:.2f}" for what, seconds in figures.items()), flush=True)
    return figures


def report(figures: dict[str, list[float]], disk_factor: float) -> bool:
    def ratio(one: str, other: str) -> float:
        return statistics.median(mine / its for mine, its in zip(figures[one], figures[other], strict=True))

    def seconds(what: str) -> str:
        return f"{statistics.median(figures[what]):.2f} s"

    again = [(whole - empty) / one for whole, empty, one in zip(figures["again"], figures["empty"], figures["ping"], strict=True)]
    rows = [
        ("code, by hand", "code only, over the script by hand", f"{seconds('code, ours')} / {seconds('code, by hand')}", ratio("code, ours", "code, by hand")),
        ("code, deploy_helper", "code only, over deploy_helper", f"{seconds('code, ours')} / {seconds('code, deploy_helper')}",
         ratio("code, ours", "code, deploy_helper")),
        ("dependency, by hand", "one dependency changed, over the script by hand", f"{seconds('dependency, ours')} / {seconds('dependency, by hand')}",
         ratio("dependency, ours", "dependency, by hand")),
        ("nothing to do", "nothing to do, in pings", f"({seconds('again')} - {seconds('empty')}) / {seconds('ping')}", statistics.median(again)),
        ("disk", "disk of a release of code only, over its source and bytecode", "", disk_factor),
    ]
    print(f"\n{'medians':62} {'':>22} {'ratio':>7} {'limit':>7}")
    for key, what, parts, value in rows:
        print(f"{what:62} {parts:>22} {value:7.2f} {LIMITS[key]:7.2f}{'' if value <= LIMITS[key] else '  ABOVE'}")
    return all(value <= LIMITS[key] for key, _what, _parts, value in rows)


def main() -> int:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if not 1 <= repetitions < len(application.VERSIONS):
        print(f"bench: REPETITIONS is {repetitions}: 1 to {len(application.VERSIONS) - 1} are accepted", file=sys.stderr)
        return 2
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    try:
        start()
        set_up(repetitions)
        disk_factor = fill()
        say(f"Measuring {repetitions} times; the load of this machine is {os.getloadavg()[0]:.1f}")
        figures = measure(repetitions)
        return 0 if report(figures, disk_factor) else 1
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("PYWEB_BENCH_KEEP"):
            subprocess.run([CHECKOUT / "scripts" / "test-host", "stop", HOST], check=False)


if __name__ == "__main__":
    sys.exit(main())
