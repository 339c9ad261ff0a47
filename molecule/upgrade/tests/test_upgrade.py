# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt brings a host from Debian 12 to 13 and takes the Python away that its applications were built with; the next run builds them anew."""

from __future__ import annotations

import json
import os

import httpx
import pytest
import testinfra

import playbook
from plugin import live, until

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
NAME = "upgrade-debian12"
UPGRADE = """
set -e
export DEBIAN_FRONTEND=noninteractive
grep -rl bookworm /etc/apt | xargs sed -i s/bookworm/trixie/g
apt-get update -q
apt-get -q -y -o Dpkg::Options::=--force-confold full-upgrade
apt-get -q -y --purge autoremove
"""


class Host:
    def __init__(self):
        self.shell = testinfra.get_host(f"ansible://{NAME}", ansible_inventory=INVENTORY, sudo=True)

    def play(self, name, exit_status=0, **variables):
        outcome = playbook.play(name, "-i", INVENTORY, **variables)
        assert outcome.status == exit_status, outcome.output
        return outcome

    def page(self, app):
        name = f"{app}.example.com"
        with httpx.Client(verify=False, timeout=60) as client:
            return client.get(f"https://{self.shell.ansible.get_variables()['ansible_host']}/", headers={"Host": name}, extensions={"sni_hostname": name})

    def python(self, app, release):
        return json.loads(self.shell.check_output("cat /var/lib/pyweb/%s/releases/%s/manifest.json", app, release))["python_version"]


@pytest.fixture(scope="module")
def host():
    return Host()


@pytest.fixture(scope="module")
def before(host):
    """The live releases of a Debian 12 whose Python has gone with it."""
    found = {app: live(host.shell, app) for app in ("guestbook", "other")}
    assert {host.python(app, release) for app, release in found.items()} == {"3.11"}
    host.shell.check_output("sh -c %s", UPGRADE)
    assert host.shell.file("/etc/debian_version").content_string.startswith("13") and not host.shell.file("/usr/bin/python3.11").exists
    # As a boot would: nothing that was built with it starts again.
    for app, release in found.items():
        host.shell.run("systemctl restart pyweb.%s.web.%s.service", app, release)
        until(lambda app=app: host.page(app).status_code in (502, 503))
    return found


def test_status_says_what_is_wrong(host, before):
    said = host.play("status").output
    assert "other" in said and "guestbook" in said


def test_one_application_is_built_anew_by_its_deploy(host, before):
    host.play("deploy", app="other")
    release = live(host.shell, "other")
    assert release != before["other"] and host.python("other", release) == "3.13" and host.page("other").status_code == 200
    assert host.page("guestbook").status_code in (502, 503)


def test_site_brings_everything_back(host, before):
    host.play("site")
    release = live(host.shell, "guestbook")
    assert release != before["guestbook"] and host.python("guestbook", release) == "3.13" and "Guestbook" in host.page("guestbook").text
    assert host.play("site").changed == 0


def test_there_is_no_way_back_to_what_cannot_start(host, before):
    release = live(host.shell, "other")
    outcome = host.play("rollback", exit_status=2, app="other")
    assert live(host.shell, "other") == release and host.page("other").status_code == 200, outcome.output
