# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import testinfra
import yaml

import playbook

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
EXAMPLES = playbook.CHECKOUT / "examples" / "services"


class Keeper:
    """Whoever has copied examples/services, written the address of a host into its inventory, and types commands there."""

    def __init__(self, folder: pathlib.Path):
        listed = json.loads(subprocess.run(["ansible-inventory", "-i", INVENTORY, "--list"], env=playbook.environment(), stdout=subprocess.PIPE,
                                           check=True).stdout)
        (name,) = listed["pyweb"]["hosts"]
        self.host = testinfra.get_host(f"ansible://{name}", ansible_inventory=INVENTORY, sudo=True)
        self.folder = folder / "services"
        shutil.copytree(EXAMPLES, self.folder)
        inventory = self.folder / "inventory.yml"
        text = inventory.read_text()
        assert len(text.splitlines()) <= 60
        its = yaml.safe_load(text)
        pyweb = its["all"]["children"]["pyweb"]
        pyweb["hosts"] = {"web1": {key: value for key, value in listed["_meta"]["hostvars"][name].items() if key.startswith("ansible_")}}
        pyweb["vars"]["pyweb_apps"]["gallery"]["source"] = {"path": str(playbook.CHECKOUT / "tests" / "apps" / "gallery")}
        inventory.write_text(yaml.safe_dump(its, sort_keys=False))

    def run(self, command: str) -> str:
        return self.host.check_output(command)

    def play(self, name: str, *arguments: str, exit_status: int = 0, **variables: object) -> playbook.Outcome:
        """A playbook of the collection, or of the examples, that has to end with this status."""
        where = self.folder / f"{name}.yml" if (self.folder / f"{name}.yml").exists() else name
        outcome = playbook.play(where, "-i", str(self.folder / "inventory.yml"), *arguments, cwd=self.folder, **variables)
        assert outcome.status == exit_status, outcome.output
        return outcome

    def status(self, **variables: object) -> dict:
        """What the playbook status keeps for programs, of the application."""
        self.play("status", status_file=str(self.folder / "status.json"), **variables)
        return json.loads((self.folder / "status.json").read_text())["applications"]["gallery"]["hosts"]["web1"]

    def pictures(self) -> dict:
        """What the application has, as a visitor is told."""
        return json.loads(self.run(f"python3 -c '{VISIT}' GET /pictures/"))


# Through nginx, on a host that may have no curl.
VISIT = """
import http.client, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection("gallery.example.com", context=context)
connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 60), server_hostname="gallery.example.com")
connection.request(sys.argv[1], sys.argv[2], sys.argv[2].encode() if sys.argv[1] == "POST" else None)
answer = connection.getresponse()
text = answer.read().decode()
print(text)
sys.exit(answer.status >= 400)
"""


@pytest.fixture(scope="session")
def keeper(tmp_path_factory):
    return Keeper(tmp_path_factory.mktemp("keep"))
