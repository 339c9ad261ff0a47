# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: the host, its visitors, and playbooks that are run as a person runs them, killed in the middle too."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time

import playbook
import pytest
import testinfra
from load import Load

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
NAME = "faults-host"


class Running:
    """A playbook that runs beside the test, with its output in a file."""

    def __init__(self, name, *arguments, **variables):
        self.log = tempfile.TemporaryFile("w+")
        command = ["ansible-playbook", str(playbook.CHECKOUT / "playbooks" / f"{name}.yml"), "-i", INVENTORY, *arguments]
        self.process = subprocess.Popen([*command, "--extra-vars", json.dumps(variables)], cwd=playbook.CHECKOUT, env=playbook.environment(),
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    @property
    def over(self):
        return self.process.poll() is not None

    def kill(self):
        for pid in playbook.family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def wait(self):
        self.process.wait()
        self.log.seek(0)
        return playbook.Outcome(self.process.returncode, self.log.read())


class Host:
    def __init__(self):
        # Not by SSH: it is what some of these faults take away.
        self.shell = testinfra.get_host(f"docker://{NAME}")

    def run(self, command, *arguments):
        return self.shell.check_output(command, *arguments)

    @property
    def address(self):
        """Another one after a restart."""
        argv = ["docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", NAME]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def play(self, name, *arguments, **variables):
        return playbook.play(name, "-i", INVENTORY, *arguments, **{"app": "shop", "ansible_host": self.address, **variables})

    def deploy(self, *arguments, **variables):
        return self.play("deploy", *arguments, **variables)

    def begin(self, name, *arguments, **variables):
        return Running(name, *arguments, **{"app": "shop", "ansible_host": self.address, **variables})

    def shop(self, version="one", **more):
        """The variables for a deploy of this version, with other options."""
        return {"version": version, "pyweb_app_overrides": {"shop": more}}

    def load(self, app="shop", rate=40):
        return Load(f"https://{app}.example.com", connect=self.address, rate=rate, workers=1, get={"/": "probe "}, post={"/echo": {"text": "hello"}})

    def info(self, app="shop"):
        """What release_info tells."""
        argv = ["ansible", NAME, "-i", INVENTORY, "--become", "-m", "pyweb.stack.release_info", "-a", f"name={app}",
                "-e", f"ansible_host={self.address}"]
        done = subprocess.run(argv, cwd=playbook.CHECKOUT, env=playbook.environment(ANSIBLE_CALLBACK_RESULT_FORMAT="json"), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout.partition("=>")[2])

    def live(self, app="shop"):
        return os.path.basename(self.run(f"readlink /srv/{app}/current"))

    def state(self, release, app="shop"):
        return json.loads(self.run(f"cat /var/lib/pyweb/{app}/releases/{release}/manifest.json"))["state"]

    def up(self, app="shop"):
        """Releases that have a unit which is not at rest."""
        listed = self.run(f"systemctl list-units --plain --no-legend --full --state=active,activating,deactivating 'pyweb.{app}.*.*.service'")
        return {line.split()[0].split(".")[3] for line in listed.splitlines()}

    def web(self, app="shop"):
        """The web process that serves: it must not change."""
        return self.run(f"systemctl show -p MainPID,NRestarts,ActiveEnterTimestampMonotonic pyweb.{app}.web.{self.live(app)}.service")

    def ask(self, path, app="shop", release=None):
        """As nginx would: through the link, by the socket."""
        place = f"/srv/{app}/releases/{release}" if release else f"/srv/{app}/current"
        return self.run("curl --silent --show-error --max-time 20 --unix-socket %s %s", f"{place}/.pyweb/web.sock", f"http://{app}.example.com{path}")

    def watch(self, link):
        """A process on the host that ends as soon as a link leads somewhere else."""
        script = 'import os, sys, time; was = os.readlink(sys.argv[1])\nwhile os.readlink(sys.argv[1]) == was: time.sleep(0.005)'
        return subprocess.Popen(["docker", "exec", NAME, "python3", "-c", script, link])

    def visit(self, path, app="shop"):
        """Status and content, through nginx."""
        url = f"https://{app}.example.com{path}"
        done = self.shell.run("curl --silent --insecure --max-time 20 --write-out '\n%%{http_code}' --resolve %s %s", f"{app}.example.com:443:127.0.0.1", url)
        content, _line, status = done.stdout.rpartition("\n")
        return int(status), content

    def environment(self):
        """The environment of the web process, byte for byte."""
        return {name: base64.b64decode(value) for name, value in json.loads(self.ask("/environment")).items()}

    def restart(self):
        subprocess.run(["docker", "restart", "--time", "20", NAME], check=True, stdout=subprocess.DEVNULL)
        # What systemd-run has started for these tests.
        # Before systemd answers at all, the same status means that nobody is there.
        self.until(lambda: self.shell.run("systemctl is-system-running --wait").stdout.strip() in ("running", "degraded"), 90)
        self.run("systemd-run --unit=git-daemon --property=DynamicUser=yes --setenv=GIT_CONFIG_COUNT=1 --setenv=GIT_CONFIG_KEY_0=safe.directory "
                 "'--setenv=GIT_CONFIG_VALUE_0=*' /usr/bin/git daemon --listen=127.0.0.1 --export-all --base-path=/opt/git /opt/git")

    def idle(self, app="shop"):
        """Wait until no step runs on the host any more."""
        self.run(f"flock --timeout 120 /var/lib/pyweb/{app}/lock true")

    def until(self, check, seconds=20.0):
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, f"waited for {seconds} s in vain"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def server():
    host = Host()
    host.shell.check_output("which curl || apt-get install -qq -y --no-install-recommends curl")
    return host


@pytest.fixture(scope="module", autouse=True)
def nobody_notices(server):
    """Whatever the tests of one file do: no request for either application ever fails, and the neighbour keeps its processes."""
    before = server.web("blog")
    with server.load() as shop, server.load("blog", rate=10) as blog:
        yield shop
    for load in (shop, blog):
        print(load.result.summary())
        assert load.result.failed == 0, load.result.summary()
        assert load.result.requests > 0
    assert server.web("blog") == before
