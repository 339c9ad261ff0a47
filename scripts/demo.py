# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a Debian server on this machine, and the guestbook of examples/ on it.

scripts/demo.py up         starts the server, a container, sets it up and deploys (make demo)
scripts/demo.py up-vm      the same with a machine in QEMU, which needs no Docker (make demo-vm)
scripts/demo.py deploy     pushes the next version and deploys it while visitors come (make demo-deploy)
scripts/demo.py rollback   goes back to the version before while visitors come (make demo-rollback)
scripts/demo.py down       removes the server (make demo-down)

PYWEB_DEMO_SYSTEM=debian12 takes Debian 12 instead of 13, PYWEB_DEMO_PORT=9443 another port.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo_machine import CHECKOUT, HOST, STATE, Failure, choose, machine, run, say

PROGRAMS = Path(sys.executable).parent
APPLICATION = "guestbook"
DOMAIN = "guestbook.localhost"


def note_access() -> None:
    """How to reach it over SSH."""
    server = machine()
    key = run(CHECKOUT / "scripts" / server.maker, "key")
    address, port = server.ssh()
    for _attempt in range(100):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=2) as sock:
            if sock.recv(3) == b"SSH":
                break
        time.sleep(0.2)
    (STATE / "known_hosts").write_text(f"{HOST} {server.host_key()}\n")
    (STATE / "ssh_config").write_text(
        f"Host {HOST}\n"
        f"    HostName {address}\n"
        f"    Port {port}\n"
        f"    HostKeyAlias {HOST}\n"
        f"    User {server.user}\n"
        f'    IdentityFile "{key}"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{STATE}/known_hosts"\n'
        "    StrictHostKeyChecking yes\n"
    )


def playbook(name: str, *options: str) -> None:
    """Ansible's own output is the demo's."""
    command = [str(PROGRAMS / "ansible-playbook"), "--inventory", "inventories/demo/hosts.yml", name, *options]
    print(f"    {shlex.join(['ansible-playbook', *command[1:]])}", flush=True)
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "PYWEB_DEMO_USER": machine().user}
    if subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode:
        raise Failure(f"{name} failed; its last lines say why. The server's log: {machine().journal()}")


class Repository:
    """The guestbook's history, made from examples/; its commits are the same each time."""

    def __init__(self) -> None:
        self.folder = STATE / "guestbook"

    def git(self, *arguments: str, message: str | None = None) -> str:
        person = {"NAME": "Demo", "EMAIL": "demo@guestbook.example.com", "DATE": "2026-01-01T12:00:00Z"}
        environment = {
            **os.environ,
            **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_SSH_COMMAND": shlex.join(["ssh", "-F", str(STATE / "ssh_config")]),
        }
        return run("git", "-C", self.folder, *arguments, env=environment)

    def make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(
            CHECKOUT / "examples" / "guestbook",
            self.folder,
            ignore=shutil.ignore_patterns(".venv", "instance", "__pycache__", "style.*.css"),
        )
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", f"ssh://{HOST}/srv/git/guestbook.git")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=guestbook 1.0.0")
        self.git("tag", "v1.0.0")
        self.git("checkout", "--quiet", "-b", "next")
        self.git("apply", "--index", str(CHECKOUT / "examples" / "guestbook-2.0.0.patch"))
        self.git("commit", "--quiet", "--message=guestbook 2.0.0: hearts for greetings, a warmer colour")
        self.git("tag", "v2.0.0")

    def pushed(self) -> str | None:
        listed = self.git("ls-remote", "origin", "refs/heads/main").split()
        return listed[0] if listed else None

    def push(self, what: str) -> None:
        self.git("push", "--quiet", "--force", "origin", f"{what}:refs/heads/main")

    def push_first(self) -> None:
        """Version 1, unless what is there has come from these files already."""
        self.make()
        there = self.pushed()
        if there:
            self.git("fetch", "--quiet", "origin", "main")
            first = self.git("rev-list", "--max-parents=0", there).splitlines()
            if self.git("rev-parse", "v1.0.0") in first:
                return
        self.push("v1.0.0")

    def push_next(self) -> str:
        """Version 2; where that is there already, one more commit on top of it."""
        self.make()
        there = self.pushed()
        if there is None:
            raise Failure(f"the demo's repository is empty; run first: make {machine().target}")
        if there == self.git("rev-parse", "v1.0.0"):
            self.push("v2.0.0")
            return "guestbook 2.0.0"
        self.git("fetch", "--quiet", "origin", "main")
        self.git("checkout", "--quiet", "--detach", there)
        number = len(self.git("rev-list", there).splitlines()) - 1
        self.git("commit", "--quiet", "--allow-empty", f"--message=guestbook 2.0.{number}")
        self.push("HEAD")
        return f"guestbook 2.0.{number}, the same pages as a new release"


def fetch(path: str) -> str:
    """As a visitor: through the published port, by name."""
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", int(machine().port())), timeout=10) as plain:
        with unverified.wrap_socket(plain, server_hostname=DOMAIN) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {DOMAIN}:{machine().port()}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    head, body = answer.split("\r\n\r\n", 1)
    if " 200 " not in head.splitlines()[0]:
        raise Failure(f"{url()}{path[1:]} answers '{head.splitlines()[0]}'; see: {machine().journal()}")
    return body


def url() -> str:
    return f"https://{DOMAIN}:{machine().port()}/"


def live() -> dict:
    return json.loads(fetch("/healthz"))


def summary(title: str, further: list[tuple[str, str]]) -> None:
    now = live()
    if "<h1" not in fetch("/"):
        raise Failure(f"{url()} does not answer with the guestbook's page")
    print(f"\n{title}\n")
    print(f"  page      {url()}      (curl -k {url()})")
    print(f"  version   {now['version']}, release {now['release']}")
    print(f"  server    ssh -F .cache/demo/ssh_config {HOST}")
    print("\nNext:")
    for command, what in further:
        print(f"  {command:<20} {what}")
    print(flush=True)


DEPLOY = ("make demo-deploy", "ship the next version while visitors come")
ROLLBACK = ("make demo-rollback", "go back to the version before")
DOWN = ("make demo-down", "remove the server")


def up(kind: str = "container") -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    server = choose(kind)
    server.start()
    note_access()
    if kind == "vm":
        say("Setting the machine up: it has neither Python nor git yet")
        playbook("playbooks/provision.yml")
    say("Making a git repository on the server, and pushing examples/guestbook to it")
    playbook("inventories/demo/repository.yml")
    Repository().push_first()
    say("Setting the server up and deploying: hardening, Python, the application, nginx")
    playbook("site.yml")
    summary("The guestbook is up.", [DEPLOY, ROLLBACK, (f"make {server.target}", "run everything again: nothing changes"), DOWN])


@contextlib.contextmanager
def visitors():
    """Requests of all kinds until the block ends; tells how many failed, and fails if one did."""
    with tempfile.TemporaryDirectory(dir=STATE) as folder:
        stop, report = Path(folder, "stop"), Path(folder, "report.json")
        load = subprocess.Popen(
            [
                sys.executable,
                str(CHECKOUT / "tests" / "support" / "load.py"),
                f"https://{DOMAIN}",
                *("--connect", machine().door()),
                *("--get", "/", "<h1"),
                *("--get", "/healthz"),
                *("--post", "/applause"),
                "--assets",
                *("--count", "1000"),
                *("--until", str(stop)),
                *("--json", str(report)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield
        except BaseException:
            load.kill()
            raise
        stop.touch()
        said, _nothing = load.communicate(timeout=120)
        print("\nVisitors meanwhile (GET and POST, HTTP/1.1 and HTTP/2, kept and new connections):")
        print("\n".join(f"  {line}" for line in said.splitlines()), flush=True)
        if load.returncode:
            raise Failure("at least one request failed; the report is above")


def switch(title: str, name: str, *options: str) -> None:
    before = live()
    with visitors():
        playbook(name, *options)
    after = live()
    if before["release"] == after["release"]:
        raise Failure(f"{name} succeeded, but release {before['release']} still answers")
    summary(f"{title}: {before['version']} ({before['release']}) became {after['version']} ({after['release']}).", [DEPLOY, ROLLBACK, DOWN])


def deploy() -> None:
    note_access()
    say("Pushing the next version to the git repository")
    print(f"    {Repository().push_next()}", flush=True)
    say("Deploying it while visitors come")
    switch("Deployed", "playbooks/deploy.yml", "--extra-vars", f"app={APPLICATION}")


def rollback() -> None:
    note_access()
    say("Going back to the version before while visitors come")
    switch("Rolled back", "playbooks/rollback.yml", "--extra-vars", f"app={APPLICATION}")


def down() -> None:
    machine().stop()
    shutil.rmtree(STATE, ignore_errors=True)


def main() -> int:
    actions = {"up": up, "up-vm": lambda: up("vm"), "deploy": deploy, "rollback": rollback, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if sys.argv[1] in ("deploy", "rollback") and not (STATE / "ssh_config").exists():
            raise Failure("there is no demo yet; run first: make demo")
        actions[sys.argv[1]]()
    except Failure as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
