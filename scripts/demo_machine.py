# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of the demo: a container with systemd and sshd."""

from __future__ import annotations

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


def inspect(form: str) -> str | None:
    done = subprocess.run(["docker", "inspect", "--format", form, HOST], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def address() -> str:
    found = inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    if not found:
        raise Failure("the demo's server does not run; start it with: make demo")
    return found


def port() -> str:
    return inspect('{{(index (index .HostConfig.PortBindings "443/tcp") 0).HostPort}}') or str(PORT)


def free_port() -> int:
    """The usual one, else any other: it stays the server's until make demo-down."""
    if "PYWEB_DEMO_PORT" in os.environ:
        return int(os.environ["PYWEB_DEMO_PORT"])
    for candidate in (PORT, 0):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", candidate))
            return sock.getsockname()[1]
    raise Failure("there is no free port on 127.0.0.1")


def start() -> None:
    run(CHECKOUT / "scripts" / "docker-engine")
    running = inspect("{{.State.Running}}")
    if running == "true":
        return
    if running == "false":
        say("Starting the server again")
        run("docker", "start", HOST)
        return
    say(f"Starting a {SYSTEM.replace('debian', 'Debian ')} server with systemd and sshd")
    run(CHECKOUT / "scripts" / "test-host", "start", HOST, SYSTEM, "--restart", "unless-stopped", "--publish", f"127.0.0.1:{free_port()}:443")


def host_key() -> str:
    """Its type and the key itself, taken from the container and not from the network."""
    return " ".join(run("docker", "exec", HOST, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])


def stop() -> None:
    if shutil.which("docker") and inspect("{{.Name}}") is not None:
        say("Removing the server")
        run(CHECKOUT / "scripts" / "test-host", "stop", HOST)
