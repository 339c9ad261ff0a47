# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of the demo: a container with systemd and sshd, or a machine in QEMU."""

from __future__ import annotations

import abc
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
HOST = "pyweb-demo"
SYSTEM = os.environ.get("PYWEB_DEMO_SYSTEM", "debian13")
PORT = 8443
STATE = CHECKOUT / ".cache" / "demo"
KIND = STATE / "kind"


class Failure(Exception):
    """One sentence for the user."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def run(*command: str | Path, **options) -> str:
    """Its standard output; what it says on standard error is for the user."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        raise Failure(f"'{shlex.join(str(word) for word in command)}' failed; what it said is above")
    return done.stdout.strip()


def free_port() -> int:
    """The usual one, else any other: it stays the server's until make demo-down."""
    if "PYWEB_DEMO_PORT" in os.environ:
        return int(os.environ["PYWEB_DEMO_PORT"])
    for candidate in (PORT, 0):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", candidate))
            return sock.getsockname()[1]
    raise Failure("there is no free port on 127.0.0.1")


def script(name: str, *arguments: str) -> str:
    return run(CHECKOUT / "scripts" / name, *arguments)


class Machine(abc.ABC):
    """What the demo needs to know of its server."""

    # The script that makes such servers, the make target, and who logs in.
    maker: str
    target: str
    user: str

    @abc.abstractmethod
    def start(self) -> None:
        """Make it, or start it again; nothing if it runs."""

    @abc.abstractmethod
    def ssh(self) -> tuple[str, int]:
        """Address and port of its sshd."""

    @abc.abstractmethod
    def door(self) -> str:
        """ADDRESS[:PORT] of its nginx, for HTTPS from this machine."""

    @abc.abstractmethod
    def port(self) -> str:
        """Where 127.0.0.1 has its nginx."""

    @abc.abstractmethod
    def host_key(self) -> str:
        """Type and key of its sshd."""

    @abc.abstractmethod
    def exists(self) -> bool: ...

    def stop(self) -> None:
        if self.exists():
            say("Removing the server")
            script(self.maker, "stop", HOST)

    def journal(self) -> str:
        """The command that shows what it says."""
        return f"scripts/{self.maker} journal {HOST}"

    def missing(self) -> Failure:
        return Failure(f"the demo's server does not run; start it with: make {self.target}")


class Container(Machine):
    maker, target, user = "test-host", "demo", "admin"

    def inspect(self, form: str) -> str | None:
        done = subprocess.run(["docker", "inspect", "--format", form, HOST], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def start(self) -> None:
        script("docker-engine")
        running = self.inspect("{{.State.Running}}")
        if running == "true":
            return
        if running == "false":
            say("Starting the server again")
            run("docker", "start", HOST)
            return
        say(f"Starting a {SYSTEM.replace('debian', 'Debian ')} server with systemd and sshd")
        script("test-host", "start", HOST, SYSTEM, "--restart", "unless-stopped", "--publish", f"127.0.0.1:{free_port()}:443")

    def ssh(self) -> tuple[str, int]:
        return self.door(), 22

    def door(self) -> str:
        found = self.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
        if not found:
            raise self.missing()
        return found

    def port(self) -> str:
        return self.inspect('{{(index (index .HostConfig.PortBindings "443/tcp") 0).HostPort}}') or str(PORT)

    def host_key(self) -> str:
        """Taken from the container and not from the network."""
        return " ".join(run("docker", "exec", HOST, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    def exists(self) -> bool:
        return shutil.which("docker") is not None and self.inspect("{{.Name}}") is not None


class VirtualMachine(Machine):
    """With a kernel of its own, and nothing on it but sshd and root's key."""

    maker, target, user = "test-vm", "demo-vm", "root"

    def start(self) -> None:
        if self.exists():
            script("test-vm", "boot", HOST)
            return
        say(f"Starting a machine with {SYSTEM.replace('debian', 'Debian ')} in QEMU (a minute; where there is no KVM, a quarter of an hour for all of it)")
        script("test-vm", "start", HOST, SYSTEM, f"{free_port()}:443")

    def addresses(self) -> list[str]:
        """Of its sshd and of its nginx, each as ADDRESS:PORT."""
        if not self.exists():
            raise self.missing()
        return script("test-vm", "address", HOST).splitlines()

    def ssh(self) -> tuple[str, int]:
        address, _colon, port = self.addresses()[0].partition(":")
        return address, int(port)

    def door(self) -> str:
        return self.addresses()[1]

    def port(self) -> str:
        return self.door().partition(":")[2]

    def host_key(self) -> str:
        """Nobody is between this machine and its own QEMU."""
        address, port = self.ssh()
        return " ".join(run("ssh-keyscan", "-t", "ed25519", "-p", str(port), address, stderr=subprocess.DEVNULL).split()[1:3])

    def exists(self) -> bool:
        return (CHECKOUT / ".cache" / "test-vm" / f"machine-{HOST}.image").exists()


KINDS: dict[str, type[Machine]] = {"container": Container, "vm": VirtualMachine}


def chosen() -> str:
    return KIND.read_text() if KIND.exists() else "container"


def machine() -> Machine:
    """The one that is there, else a container."""
    return KINDS[chosen()]()


def choose(kind: str) -> Machine:
    """One of this kind from now on; refuses while there is one of another."""
    now = machine()
    if chosen() != kind and now.exists():
        raise Failure(f"the demo has a server that was started with make {now.target}; remove it first: make demo-down")
    KIND.write_text(kind)
    return machine()
