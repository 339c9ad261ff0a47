# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import subprocess

import pytest
import testinfra

import playbook

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]


class Fleet:
    """All hosts of the scenario, and whoever runs playbooks against them."""

    def __init__(self):
        listed = subprocess.run(["ansible-inventory", "-i", INVENTORY, "--list"], env=playbook.environment(), stdout=subprocess.PIPE, check=True).stdout
        self.names = sorted(json.loads(listed)["pyweb"]["hosts"])
        self.hosts = {name: testinfra.get_host(f"ansible://{name}", ansible_inventory=INVENTORY, sudo=True) for name in self.names}

    def run(self, name, command):
        return self.hosts[name].check_output(command)

    def play(self, playbook_name, *arguments, exit_status=0, **variables):
        """A playbook that has to end with this status."""
        outcome = playbook.play(playbook_name, "-i", INVENTORY, *arguments, **variables)
        assert outcome.status == exit_status, outcome.output
        return outcome

    def address(self, name):
        """Where visitors find this host."""
        return self.hosts[name].backend.get_variables()["ansible_host"]

    def live(self, app):
        return {name: self.run(name, f"basename $(readlink /srv/{app}/current)") for name in self.names}

    def status(self, tmp_path, **variables):
        """What the playbook status keeps for programs."""
        outcome = self.play("status", status_file=str(tmp_path / "status.json"), **variables)
        return json.loads((tmp_path / "status.json").read_text()), outcome

    @staticmethod
    def findings(told):
        """Those of applications: Debian may have security updates for a host on any day."""
        return [item for item in told["findings"] if item["app"]]


@pytest.fixture(scope="session")
def fleet():
    return Fleet()
