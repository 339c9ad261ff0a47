# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: hosts, applications on them, who visits them, and what they have noted."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

import httpx
import playbook
import testinfra
import yaml
from plugin import address, until
from visitor import Visitor

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
HOSTS = sorted(yaml.safe_load(pathlib.Path(INVENTORY).read_text())["pyweb"]["hosts"])
# Addresses of today: a host may have another one after a restart.
ADDRESSES = pathlib.Path(tempfile.mkdtemp()) / "addresses.yml"


def arguments():
    ADDRESSES.write_text(yaml.dump({"pyweb": {"hosts": {name: {"ansible_host": address(name)} for name in HOSTS}}}))
    return ["-i", INVENTORY, "-i", str(ADDRESSES)]


def together(function, items):
    """The same for each, side by side."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(function, items))


class App:
    """An application on a host."""

    def __init__(self, name, host, manager):
        self.name, self.host, self.manager = name, host, manager
        # Not by SSH: it goes on when the host starts again.
        self.shell = testinfra.get_host(f"docker://{host}")

    def run(self, command, *values):
        return self.shell.check_output(command, *values)

    @property
    def live(self):
        return os.path.basename(self.run(f"readlink /srv/{self.name}/current"))

    @property
    def switch(self):
        return self.shell.file(f"/var/lib/pyweb/{self.name}/switch.json").exists

    def idle(self):
        """No step runs on the host any more."""
        self.run(f"flock --timeout 120 /var/lib/pyweb/{self.name}/lock true")

    def state(self, release):
        return json.loads(self.run(f"cat /var/lib/pyweb/{self.name}/releases/{release}/manifest.json"))["state"]

    def releases(self):
        return self.run(f"ls /srv/{self.name}/releases").split()

    def ask(self, path, method="GET", body=None):
        """As a visitor: status and content."""
        answer = Visitor(address(self.host), timeout=30).ask(method, f"https://{self.name}.example.com{path}", content=body)
        return answer.status_code, answer.text

    def answers(self):
        """The live release does, and no other."""
        try:
            status, text = self.ask("/healthz")
        except httpx.HTTPError:
            return False
        return status == 200 and json.loads(text)["release"] == self.live

    def notes(self, what=None):
        """What the application has noted: all of it, or of one kind."""
        notes = [json.loads(line) for line in self.run(f"cat /srv/{self.name}/shared/notes").splitlines()]
        return [item for item in notes if what in (None, item["what"])]

    def done(self):
        return collections.Counter(item["number"] for item in self.notes("done"))

    def log(self, process):
        """What all releases of a process have said."""
        if self.manager == "supervisor":
            return self.run(f"cat /var/log/pyweb/{self.name}/{process}.*.log")
        return self.run(f"journalctl -q -o cat --no-pager -t {self.name}-{process}")

    def up(self):
        """Process and release of all that runs."""
        if self.manager == "supervisor":
            states = [line.split()[:2] for line in self.shell.run("supervisorctl status").stdout.splitlines()]
            names = [name for name, state in states if state in ("STARTING", "RUNNING", "BACKOFF", "STOPPING") and name.startswith(f"pyweb.{self.name}.")]
        else:
            listed = self.run("systemctl list-units --plain --no-legend --full --state=active,activating,deactivating %s", f"pyweb.{self.name}.*.*.service")
            names = [line.split()[0].removesuffix(".service") for line in listed.splitlines()]
        return {tuple(name.split(".")[2:4]) for name in names}

    def whole(self):
        """All processes of the live release run, and nothing else."""
        return self.up() == {(process, self.live) for process in ("web", "worker", "beat")}

    def pid(self, process):
        """Of its main process; 0 when there is none."""
        if self.manager == "supervisor":
            return int(self.shell.run(f"supervisorctl pid pyweb.{self.name}.{process}.{self.live}").stdout.strip() or 0)
        return int(self.run(f"systemctl show -p MainPID --value pyweb.{self.name}.{process}.{self.live}.service"))

    def beats_alone(self):
        """At no time were there two of its beat: what they note does not overlap."""
        spans = {}
        for item in self.notes("beats"):
            process = item["release"], (item["pid"], item["since"])
            begun, dummy = spans.get(process, (item["at"], None))
            spans[process] = (begun, item["at"])
        assert spans
        ordered = sorted(spans.values())
        assert all(end < begun for (dummy, end), (begun, dummy) in zip(ordered, ordered[1:])), spans
        return spans

    def play(self, name, **changes):
        """A playbook for this application alone."""
        return playbook.play(name, *arguments(), "--limit", self.host, app=self.name, pyweb_app_overrides={self.name: changes})

    def killed(self, when, **changes):
        """A deploy whose controller is killed as soon as something is so."""
        extra = json.dumps({"app": self.name, "pyweb_app_overrides": {self.name: changes}})
        command = ["ansible-playbook", str(playbook.CHECKOUT / "playbooks/deploy.yml"), *arguments(), "--limit", self.host, "--extra-vars", extra]
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, cwd=playbook.CHECKOUT, env=playbook.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                until(lambda: when() or process.poll() is not None, 120)
            finally:
                for pid in playbook.family(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            assert process.returncode == -signal.SIGKILL, output.read()


class Orders(threading.Thread):
    """A visitor who orders something again and again; an order that was accepted has to be done, once."""

    def __init__(self, app):
        super().__init__(daemon=True)
        self.app, self.begun, self.over = app, time.time(), threading.Event()
        self.accepted, self.faults = [], []

    def run(self):
        while not self.over.is_set():
            number = f"{self.app.name}-{self.begun:.0f}-{len(self.accepted)}"
            try:
                status, text = self.app.ask(f"/orders/{number}", "POST")
            except httpx.HTTPError as error:
                status, text = 0, str(error)
            if status == 200:
                self.accepted.append(number)
            else:
                self.faults.append((status, text))
            self.over.wait(0.05)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.over.set()
        self.join()


APPS = [App("shop", HOSTS[-1], "systemd"), App("mart", HOSTS[0], "supervisor")]
