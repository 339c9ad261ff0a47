# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the story share: the fleet, a visitor, and playbooks run as a person runs them."""

import http.client
import json
import os
import socket
import ssl
import subprocess

import playbook
import pytest
import testinfra
from load import Load

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
LOADS = {
    "guestbook": {"get": {"/": "Our guestbook", "/healthz": '"status":"ok"'}, "post": {"/applause": {}}, "assets": True},
    "probe": {"get": {"/": "probe "}, "post": {"/echo": {"text": "hello"}}},
}


class Visitor:
    """Comes over the network to one host and asks for a site by its name."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method, url, body=None, headers=None):
        scheme, _colon, rest = url.partition("://")
        name, slash, path = rest.partition("/")
        connection = http.client.HTTPConnection(name, timeout=20)
        connection.sock = socket.create_connection((self.address, 443 if scheme == "https" else 80), timeout=20)
        if scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection.sock = context.wrap_socket(connection.sock, server_hostname=name)
        try:
            connection.request(method, slash + path or "/", body, headers or {})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, url):
        return self.ask("GET", url)

    def post(self, url, body):
        return self.ask("POST", url, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def json(self, url):
        status, _headers, content = self.get(url)
        assert status == 200, content
        return json.loads(content)

    def release(self, app):
        return self.json(f"https://{app}.example.com/healthz")["release"]


class Fleet:
    """All hosts that serve the applications."""

    inventory = INVENTORY
    visitor_at = Visitor

    def __init__(self):
        environment = playbook.environment()
        listed = subprocess.run(["ansible-inventory", "-i", INVENTORY, "--list"], env=environment, stdout=subprocess.PIPE, check=True).stdout
        inventory = json.loads(listed)
        self.variables = inventory["_meta"]["hostvars"]
        self.names = inventory["pyweb"]["hosts"]
        self.shells = {}
        self.visitors = {name: Visitor(self.variables[name]["ansible_host"]) for name in self.names}

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
