# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts the power of a host at moments of deploys and rollbacks, and looks whether a whole release serves after each boot.

scripts/power_cuts.py [--system debian13] [--moments N]      (make test-full runs it with all moments)

The host is a test host whose disk (everything that a deploy writes) lies behind a daemon of QEMU: killing the daemon loses what the
file system has not written, as a power cut does. For each moment: a deploy of the next version (or a rollback) begins, the power is cut,
the host boots, and then
  1. a release answers through nginx, and it is whole: the application looks at each of its files when it starts;
  2. the same deploy goes through without force, and what it brought is whole and answers;
  3. once more changes nothing.
Prints a line for each moment, and ends with 1 when one has failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
STATE = CHECKOUT / ".cache" / "power-cuts"
PROGRAMS = Path(sys.executable).parent
NAME = "pyweb-power"
DIRECTORIES = ("srv", "opt/pyweb", "etc/pyweb", "etc/nginx", "etc/systemd/system", "var/lib/pyweb", "usr/local")
DISK = "4G"
DOMAIN = "power.example.com"
FILES = 400
APP = '''
import hashlib, json, pathlib
PLACE = pathlib.Path(__file__).parent
VERSION, SUMS = json.loads((PLACE / "sums.json").read_text())
for name, digest in SUMS.items():
    if hashlib.sha256((PLACE / "data" / name).read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{name} is damaged")
import markupsafe, itsdangerous, jinja2


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"whole {VERSION}".encode()]
'''
# Asks as a visitor does, on a host that has no curl.
VISIT = """
import http.client, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection(sys.argv[1], timeout=5, context=context)
connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 5), server_hostname=sys.argv[1])
connection.request("GET", "/")
print(connection.getresponse().read().decode())
"""
# What has to be there on the host when the power is cut, and how many seconds later. LIVE is the release that was live before.
BUILDING = "grep -qs '\"state\": \"building\"' /var/lib/pyweb/shop/releases/*/manifest.json"
SWITCHING = "test -e /var/lib/pyweb/shop/switch.json"
SWITCHED = "test \"$(readlink /srv/shop/current)\" != \"$LIVE\""
SETTLED = f"{SWITCHED} && ! {SWITCHING}"
MOMENTS = [
    *(("deploy", BUILDING, wait) for wait in (0.0, 0.3, 0.7, 1.2, 2.0)),
    *(("deploy", SWITCHING, wait) for wait in (0.0, 0.2, 0.5, 1.0)),
    *(("deploy", SWITCHED, wait) for wait in (0.0, 0.3, 1.0, 2.0, 2.8)),
    *(("deploy", SETTLED, wait) for wait in (0.0, 0.5, 2.0, 5.0, 12.0)),
    *(("rollback", SWITCHING, wait) for wait in (0.0, 0.5)),
    *(("rollback", SWITCHED, wait) for wait in (0.0, 1.0, 2.6)),
    *(("rollback", SETTLED, wait) for wait in (0.0, 3.0)),
]


class Failure(Exception):
    """One sentence for the user."""


def run(*command: str | Path, check: bool = True, **options) -> subprocess.CompletedProcess:
    done = subprocess.run([str(item) for item in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if check and done.returncode:
        raise Failure(f"{' '.join(map(str, command))[:200]} ended with {done.returncode}: {done.stdout[-3000:]}")
    return done


class Disk:
    """A file system that can lose what it has not written."""

    def __init__(self) -> None:
        self.image, self.device, self.mount, self.pid = STATE / "disk.raw", STATE / "dev", STATE / "mnt", STATE / "daemon.pid"
        self.loop = ""

    def make(self) -> None:
        with open(self.image, "wb"):
            pass
        run("truncate", "-s", DISK, self.image)
        run("mke2fs", "-q", "-F", "-t", "ext4", self.image)
        self.attach()

    def attach(self) -> None:
        self.mount.mkdir(exist_ok=True)
        self.device.touch()
        run("qemu-storage-daemon", "--blockdev", f"driver=file,filename={self.image},node-name=disk,cache.direct=off,discard=unmap",
            "--export", f"type=fuse,id=export,node-name=disk,mountpoint={self.device},writable=on", "--pidfile", self.pid, "--daemonize")
        self.loop = run("losetup", "--find", "--show", self.device).stdout.strip()
        run("mount", self.loop, self.mount)

    def cut(self) -> None:
        os.kill(int(self.pid.read_text()), signal.SIGKILL)

    def detach(self) -> None:
        """What is still open of the old file system has to go before the disk is seen again."""
        for dummy in range(50):
            if not run("umount", self.mount, check=False).returncode:
                break
            time.sleep(0.2)
        else:
            run("umount", "-l", self.mount, check=False)
        run("losetup", "-d", self.loop, check=False)
        run("umount", "-l", self.device, check=False)


class Host:
    def __init__(self, system: str):
        self.disk = Disk()
        self.image = run(CHECKOUT / "scripts" / "test-host", "image", system).stdout.strip().splitlines()[-1]
        self.key = run(CHECKOUT / "scripts" / "test-host", "key").stdout.strip().splitlines()[-1]

    def make(self) -> None:
        self.disk.make()
        container = run("docker", "create", self.image).stdout.strip()
        volumes: list[str] = []
        for name in DIRECTORIES:
            (self.disk.mount / name).mkdir(parents=True)
            run("docker", "cp", "-q", f"{container}:/{name}/.", f"{self.disk.mount / name}/", check=False)
            volumes += ["--volume", f"{self.disk.mount / name}:/{name}"]
        run("docker", "rm", container)
        run("docker", "run", "--detach", "--name", NAME, "--hostname", NAME, "--label", "pyweb.stack=test-host",
            "--env", f"TEST_HOST_KEY={Path(self.key + '.pub').read_text()}",
            "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_NICE", "--cap-add", "SYS_PTRACE",
            "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private",
            "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec,mode=1777", "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024",
            *volumes, self.image)
        self.wait()
        # Here, packages do wait for the disk.
        self.sh("rm /etc/dpkg/dpkg.cfg.d/test-host")

    def wait(self) -> None:
        for dummy in range(150):
            if not run("ssh", *self.ssh(), "true", check=False).returncode:
                return
            time.sleep(0.4)
        raise Failure(f"the host does not answer on port 22: {self.sh('journalctl --no-pager -n 30', check=False)}")

    def address(self) -> str:
        return run("docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", NAME).stdout.strip()

    def ssh(self) -> list[str]:
        return ["-i", self.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=3",
                f"admin@{self.address()}"]

    def sh(self, command: str, check: bool = True) -> str:
        return run("docker", "exec", NAME, "sh", "-c", command, check=check).stdout.strip()

    def cut(self) -> None:
        self.disk.cut()
        run("docker", "kill", NAME)
        self.disk.detach()

    def boot(self) -> None:
        self.disk.attach()
        run("docker", "start", NAME)
        self.wait()
        for dummy in range(300):
            if self.sh("systemctl is-active pyweb.shop.service || true") in ("active", "failed"):
                return
            time.sleep(0.5)
        raise Failure(f"the boot unit does not end: {self.sh('systemctl status pyweb.shop.service', check=False)}")

    def answer(self) -> str:
        """Through nginx, as a visitor; within ten seconds."""
        said = ""
        for dummy in range(20):
            said = run("docker", "exec", NAME, "python3", "-c", VISIT, DOMAIN, check=False).stdout.strip()
            if said.startswith("whole "):
                break
            time.sleep(0.5)
        return said

    def remove(self) -> None:
        run("docker", "rm", "--force", NAME, check=False)
        if self.disk.loop:
            if self.disk.pid.exists():
                run("sh", "-c", f"kill $(cat {self.disk.pid})", check=False)
            self.disk.detach()


def write_source(version: int) -> None:
    """An application of many files, which knows how each of them must be."""
    source = STATE / "source"
    shutil.rmtree(source, ignore_errors=True)
    (source / "data").mkdir(parents=True)
    sums = {}
    for number in range(FILES):
        content = f"{version} {number}\n".encode() * 50
        (source / "data" / f"{number}.txt").write_bytes(content)
        sums[f"{number}.txt"] = hashlib.sha256(content).hexdigest()
    (source / "sums.json").write_text(json.dumps([version, sums]))
    (source / "app.py").write_text(APP)
    # Another set of packages each time: environments are what a build writes most of.
    packages = ["itsdangerous==2.2.0", "jinja2==3.1.6", "markupsafe==3.0.2", "gunicorn==23.0.0"]
    (source / "requirements.txt").write_text("\n".join(packages) + f"\n# {version}\n")


def write_inventory(host: Host) -> Path:
    inventory = STATE / "hosts.yml"
    inventory.write_text(json.dumps({"pyweb": {"hosts": {NAME: {"ansible_host": host.address()}}, "vars": {
        "ansible_user": "admin", "ansible_ssh_private_key_file": host.key,
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        "hardening_firewall": {"enabled": False},
        "pyweb_apps": {"shop": {
            "source": {"path": str(STATE / "source")}, "watch": 2.5, "processes": {"web": {"wsgi": "app:app", "workers": 1, "health": {"timeout": 20}}},
            "site": {"domains": [DOMAIN]},
        }},
    }}}))
    return inventory


def command(host: Host, name: str) -> list[str]:
    return [str(PROGRAMS / "ansible-playbook"), f"pyweb.stack.{name}", "-i", str(write_inventory(host)), *(["-e", "app=shop"] if name != "site" else [])]


def environment() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}


def play(host: Host, name: str) -> str:
    return run(*command(host, name), cwd=CHECKOUT, env=environment()).stdout


def one(host: Host, number: int, action: str, condition: str, wait: float) -> str:
    """What is wrong after a cut in this moment; nothing when all is as it should be."""
    if action == "deploy":
        write_source(number + 2)
    live = host.sh("readlink /srv/shop/current")
    with open(STATE / "cut.log", "w", encoding="utf-8") as log:
        with subprocess.Popen(command(host, action), cwd=CHECKOUT, env=environment(), stdout=log, stderr=log, start_new_session=True) as running:
            try:
                host.sh(f"LIVE={live}; for i in $(seq 24000); do {{ {condition}; }} && exit 0; sleep 0.01; done; exit 1")
                time.sleep(wait)
                host.cut()
            finally:
                try:
                    os.killpg(running.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
    host.boot()
    first = host.answer()
    if not first.startswith("whole "):
        return f"after the boot it answers {first[:200]!r}; " + host.sh("systemctl status --no-pager pyweb.shop.service | tail -n 5", check=False)
    try:
        play(host, "deploy")
        wanted = f"whole {json.loads((STATE / 'source/sums.json').read_text())[0]}"
        if host.answer() != wanted:
            return f"after the next deploy it answers {host.answer()[:200]!r} and not {wanted!r}"
        again = play(host, "deploy")
    except Failure as failure:
        return str(failure)
    return "" if "changed=0" in again else "the deploy after that has changed something"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", default="debian13", choices=["debian12", "debian13"])
    parser.add_argument("--moments", type=int, default=len(MOMENTS), help="how many of them, spread over all")
    options = parser.parse_args()
    if not shutil.which("qemu-storage-daemon"):
        run(CHECKOUT / "scripts" / "install", "qemu-system-common", "the disk whose power is cut needs qemu-storage-daemon")
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    write_source(1)
    host = Host(options.system)
    run("docker", "rm", "--force", NAME, check=False)
    failed = 0
    try:
        host.make()
        play(host, "site")
        write_source(2)
        play(host, "deploy")
        step = max(1, len(MOMENTS) // options.moments)
        for number, (action, condition, wait) in list(enumerate(MOMENTS))[::step][:options.moments]:
            fault = one(host, number + 1, action, condition, wait)
            failed += bool(fault)
            print(f"{action:<8} {wait:>5.1f} s after {condition[:60]:<60} {'FAILED: ' + fault if fault else 'whole'}", flush=True)
            if fault:
                play(host, "deploy")
    finally:
        host.remove()
    print(f"{failed} moments have failed." if failed else "After each cut a whole release served, and the next deploy went through.")
    return bool(failed)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except Failure as problem:
        raise SystemExit(f"power_cuts: {problem}") from None
