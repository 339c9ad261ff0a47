# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts without Python that reach the outside through a proxy alone, which asks for a password."""

from __future__ import annotations

import os

import playbook
import pytest
import testinfra
import yaml
from visitor import Visitor

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
PASSWORD = "s3same-0pen"
# For what looks for it: sudo logs these commands, too.
PATTERN = "s3same[-]0pen"
APPS = ["directory", "repository", "archive"]


@pytest.fixture(scope="module")
def outside():
    return testinfra.get_host("docker://proxy-outside")


@pytest.mark.parametrize("app", APPS)
def test_every_source_is_served(host, app):
    answer = Visitor(host.ansible.get_variables()["ansible_host"]).get(f"https://{app}.example.com/")
    assert (answer.status_code, answer.text) == (200, "hello\n")


def test_nothing_else_leads_out(host):
    done = host.run("/usr/bin/python3 -c 'import urllib.request as u; u.urlopen(\"http://deb.debian.org/\", timeout=20)'")
    assert done.rc != 0, done.stdout


def test_the_proxy_was_asked_for_all_of_it(outside):
    asked = outside.check_output("cat /var/log/tinyproxy/tinyproxy.log")
    assert "git.example.com" in asked and "files.example.com" in asked


@pytest.mark.parametrize("unit", ["pyweb.repository.backup.service"])
def test_what_the_host_does_by_itself_goes_through_it_too(host, unit):
    assert "/etc/pyweb/proxy.env" in host.check_output(f"systemctl show -p EnvironmentFiles --value {unit}")
    said = host.check_output("systemd-run --quiet --wait --pipe -p EnvironmentFile=/etc/pyweb/proxy.env /usr/bin/python3 -c %s",
                             "import urllib.request as u; print(u.urlopen('http://files.example.com/hello.git/HEAD', timeout=60).read().decode())")
    assert said.strip() == "ref: refs/heads/main"


def test_apt_goes_through_it_without_any_environment(host):
    assert host.run("env -i PATH=$PATH apt-get -o Acquire::Retries=3 update -qq").rc == 0


def test_nobody_else_reads_the_password(host):
    found = host.check_output("grep --recursive --files-with-matches %s /etc /srv /var/lib/pyweb /opt /usr/local || true", PATTERN).split()
    assert found
    for path in found:
        assert (host.file(path).user, oct(host.file(path).mode)) == ("root", "0o600"), path


def test_no_log_has_the_password(host):
    """sudo logs each command with what Ansible puts before it."""
    assert "COMMAND=" in host.check_output("journalctl --no-pager _COMM=sudo")
    assert host.run("journalctl --no-pager | grep %s", PATTERN).rc == 1
    assert host.run("grep --recursive %s /var/log --exclude-dir journal", PATTERN).rc == 1


def test_a_deploy_goes_on_without_the_rest_of_the_site():
    inventory = yaml.safe_load(open(INVENTORY))
    assert len(inventory["pyweb"]["hosts"]) == 2
    outcome = playbook.play("deploy", "-i", INVENTORY, app="repository")
    assert outcome.status == 0 and outcome.changed == 0, outcome.output
    assert PASSWORD not in outcome.output
