# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import json
import os
import signal
import subprocess

import httpx
import pytest
import testinfra

import playbook
from load import Load
from plugin import address, until

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
NAME = "adopt-debian13"
# Read only: a database that is not there yet must not be made by root.
_COUNT = """
import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("SELECT count(*) FROM orders").fetchone()[0])
"""


class Server:
    """The host, who visits it, and who runs playbooks against it."""

    def __init__(self):
        self.host = testinfra.get_host(f"ansible://{NAME}", ansible_inventory=INVENTORY, sudo=True)
        # Orders that were answered well, by application.
        self.ordered = {"orders": 0, "till": 0, "ledger": 0}

    def play(self, name, *arguments, exit_status=0, **variables):
        outcome = playbook.play(name, "-i", INVENTORY, *arguments, **variables)
        assert outcome.status == exit_status, outcome.output
        return outcome

    def until_killed(self, name, when, **variables):
        """A playbook whose controller dies as soon as C(when) holds."""
        command = ["ansible-playbook", str(playbook.CHECKOUT / "playbooks" / f"{name}.yml"), "-i", INVENTORY, "--extra-vars", json.dumps(variables)]
        with subprocess.Popen(command, cwd=playbook.CHECKOUT, env=playbook.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            try:
                until(lambda: when() or process.poll() is not None, 600)
                assert process.poll() is None, "it has ended before"
            finally:
                for pid in playbook.family(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def visit(self, app, method="GET", **more):
        name = f"{app}.example.com"
        with httpx.Client(verify=False, timeout=200) as client:
            return client.request(method, f"https://{address(NAME)}/", headers={"Host": name}, extensions={"sni_hostname": name}, **more)

    def release(self, app):
        """Which release a visitor meets; before is the old server's."""
        answer = self.visit(app)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Release"]

    def orders_until(self, over, app):
        """One order after another; the status of each."""
        answers = []
        while not over.wait(0.5):
            answers.append(self.visit(app, "POST", data={"item": "tea"}).status_code)
        return answers

    def under_load(self, app, name, **variables):
        """A playbook while visitors come, none of whom may notice."""
        with Load(f"https://{app}.example.com", connect=address(NAME), rate=25, workers=1, count=300, get={"/": "Our shop"},
                  post={"/": {"item": "tea"}}) as load:
            outcome = self.play(name, app=app, **variables)
        assert load.result.failed == 0, f"{load.result.summary()}\n{outcome.output}"
        self.ordered[app] += sum(number for (dummy, method), number in load.result.kinds.items() if method == "POST")
        return outcome, load.result

    def orders(self, directory):
        """How many orders the database in a directory has."""
        return int(self.host.check_output("python3 -c %s %s", _COUNT, f"{directory}/orders.sqlite3"))

    def unit(self, name):
        return self.host.run("systemctl is-active %s", name).stdout.strip(), self.host.run("systemctl is-enabled %s", name).stdout.strip()


@pytest.fixture(scope="session")
def server():
    return Server()
