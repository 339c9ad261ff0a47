# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import threading

import httpx
import pytest
import testinfra
import yaml

import playbook
from visitor import Visitor

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
EXAMPLES = playbook.CHECKOUT / "examples" / "services"
GALLERY = str(playbook.CHECKOUT / "tests" / "apps" / "gallery")


class Keeper:
    """Whoever has copied examples/services, written the address of a host into its inventory, and types commands there."""

    def __init__(self, folder: pathlib.Path):
        listed = json.loads(subprocess.run(["ansible-inventory", "-i", INVENTORY, "--list"], env=playbook.environment(), stdout=subprocess.PIPE,
                                           check=True).stdout)
        self.listed = listed
        (name,) = listed["pyweb"]["hosts"]
        self.host = testinfra.get_host(f"ansible://{name}", ansible_inventory=INVENTORY, sudo=True)
        self.address = listed["_meta"]["hostvars"][name]["ansible_host"]
        self.folder = folder / "services"
        # The pictures that were acknowledged before the first backup began.
        self.before: list[str] = []
        shutil.copytree(EXAMPLES, self.folder)
        self.inventory = self.folder / "inventory.yml"
        text = self.inventory.read_text()
        assert len(text.splitlines()) <= 60
        its = yaml.safe_load(text)
        pyweb = its["all"]["children"]["pyweb"]
        pyweb["hosts"] = {"web1": {key: value for key, value in listed["_meta"]["hostvars"][name].items() if key.startswith("ansible_")}}
        pyweb["vars"]["pyweb_apps"]["gallery"]["source"] = {"path": GALLERY}
        self.inventory.write_text(yaml.safe_dump(its, sort_keys=False))

    def add(self, name: str, application: dict, **variables: object) -> None:
        """One more application in the inventory, and variables of all hosts."""
        its = yaml.safe_load(self.inventory.read_text())
        its["all"]["children"]["pyweb"]["vars"]["pyweb_apps"][name] = application
        its["all"]["vars"].update(variables)
        self.inventory.write_text(yaml.safe_dump(its, sort_keys=False))

    def add_gallery(self, name: str, redis: int, *, application: dict, secrets: dict | None = None, static: dict | None = None, **variables: object) -> None:
        """The gallery once more, by another name and with a database of Redis of its own; C(application) is what else it has."""
        common = {
            "preset": "django",
            "source": {"path": GALLERY},
            "secrets": {"SECRET_KEY": "{{ secret_key }}", "REDIS_URL": f"redis://:{{{{ services_redis_password }}}}@127.0.0.1:6379/{redis}", **(secrets or {})},
            "shared": ["media"],
            "processes": {"web": {"wsgi": "gallery.wsgi:application", "health": {"path": "/healthz", "status": [200]}}},
            "site": {"domains": [f"{name}.example.com"], "static": {"/static/": "staticfiles", **(static or {})}},
        }
        self.add(name, {**common, **application}, **variables)

    def add_database(self) -> str:
        """The host for databases in the inventory; returns its address."""
        (name,) = self.listed["databases"]["hosts"]
        its, host = yaml.safe_load(self.inventory.read_text()), self.listed["_meta"]["hostvars"][name]
        its["all"]["children"]["databases"] = {"hosts": {"db1": {key: value for key, value in host.items() if key.startswith("ansible_")}}}
        self.inventory.write_text(yaml.safe_dump(its, sort_keys=False))
        return host["ansible_host"]

    def run(self, command: str) -> str:
        return self.host.check_output(command)

    def play(self, name: str, *arguments: str, exit_status: int = 0, **variables: object) -> playbook.Outcome:
        """A playbook of the collection, or of the examples, that has to end with this status."""
        where = self.folder / f"{name}.yml" if (self.folder / f"{name}.yml").exists() else name
        outcome = playbook.play(where, "-i", str(self.inventory), *arguments, cwd=self.folder, **variables)
        assert outcome.status == exit_status, outcome.output
        return outcome

    def status(self, app: str = "gallery") -> dict:
        """What the playbook status keeps for programs, of the application."""
        self.play("status", status_file=str(self.folder / "status.json"))
        return json.loads((self.folder / "status.json").read_text())["applications"][app]["hosts"]["web1"]

    def pictures(self, app: str = "gallery") -> dict:
        """What the application has, as a visitor is told."""
        return Visitor(self.address, timeout=60).json(f"https://{app}.example.com/pictures/")

    def sending(self, app: str = "gallery", first: int = 0) -> Sender:
        """Somebody who sends pictures while this lasts, numbered from C(first) on."""
        return Sender(self.address, app, first)


class Sender(threading.Thread):
    """Sends pictures one after another, and knows which of them were acknowledged."""

    def __init__(self, address: str, app: str, first: int) -> None:
        super().__init__(daemon=True)
        self.visitor, self.app, self.first, self.over = Visitor(address, timeout=60), app, first, threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        for number in itertools.count(self.first):
            if self.over.wait(0.1):
                return
            name = f"{number:06}.png"
            with contextlib.suppress(httpx.HTTPError):
                answer = self.visitor.ask("POST", f"https://{self.app}.example.com/pictures/{name}", content=os.urandom(2000))
                if answer.status_code == 201:
                    self.acknowledged.append(name)

    def __enter__(self) -> Sender:
        self.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self.over.set()
        self.join()


@pytest.fixture(scope="session")
def keeper(tmp_path_factory):
    return Keeper(tmp_path_factory.mktemp("keep"))
