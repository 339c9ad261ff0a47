# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the story share: the fleet, a visitor, and playbooks run as a person runs them."""

import json
import os
import subprocess

import playbook
import pytest
import testinfra
from load import Load
from visitor import Visitor

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
LOADS = {
    "guestbook": {"get": {"/": "Our guestbook", "/healthz": '"status":"ok"'}, "post": {"/applause": {}}, "assets": True},
    "probe": {"get": {"/": "probe "}, "post": {"/echo": {"text": "hello"}}},
}


class Guest(Visitor):
    """A visitor who knows what the applications of the story say of themselves."""

    def release(self, app):
        return self.json(f"https://{app}.example.com/healthz")["release"]


class Fleet:
    """All hosts that serve the applications."""

    inventory = INVENTORY
    visitor_at = Guest

    def __init__(self):
        environment = playbook.environment()
        listed = subprocess.run(["ansible-inventory", "-i", INVENTORY, "--list"], env=environment, stdout=subprocess.PIPE, check=True).stdout
        inventory = json.loads(listed)
        self.variables = inventory["_meta"]["hostvars"]
        self.names = inventory["pyweb"]["hosts"]
        self.shells = {}
        self.visitors = {name: Guest(self.variables[name]["ansible_host"]) for name in self.names}

    def shell(self, name):
        if name not in self.shells:
            self.shells[name] = testinfra.get_host(f"ansible://{name}", ansible_inventory=INVENTORY, sudo=True)
        return self.shells[name]

    def run(self, name, command):
        return self.shell(name).check_output(command)

    def play(self, name, *arguments, **variables):
        return playbook.play(name, "-i", INVENTORY, *arguments, **variables)

    def load(self, app, name, count=1000):
        # Two hosts and the load share the cores of one machine: no more than what still is a busy site.
        rate = 80 if count >= 1000 else 30
        return Load(f"https://{app}.example.com", connect=self.visitors[name].address, count=count, rate=rate, **LOADS[app])

    def releases(self, app):
        return {name: visitor.release(app) for name, visitor in self.visitors.items()}


@pytest.fixture(scope="session")
def fleet():
    return Fleet()


@pytest.fixture
def visitor(host, fleet):
    return fleet.visitors[host.backend.get_hostname()]
