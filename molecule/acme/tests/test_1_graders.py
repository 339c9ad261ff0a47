# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others say of a site with a certificate by ACME and HSTS: testssl.sh of its TLS, Mozilla's HTTP Observatory of its headers.

Both run on the Debian 13 host, against each host. They come first: later tests change authorities and sites.
"""

from __future__ import annotations

import json
import os

import pytest
import testinfra

GRADER = "acme-debian13"
# What an authority of one's own causes, and this one gives certificates for six days.
OF_THE_AUTHORITY = {
    "cert_revocation": "names no list and no service that tells of revoked certificates",
    "cert_expirationStatus": "six days",
    "cert_notAfter": "six days",
    "cert_serialNumberLen": "its random serial numbers begin with a zero byte once in 256 times",
}
OF_THE_GRADER = {
    "engine_problem": "the OpenSSL that it asks with has no engine for GOST",
    "sessionresumption_ticket": "it could not connect a second time, seen on a busy machine and told as a warning",
}
ROOT = "import ssl, urllib.request as r; print(r.urlopen('https://127.0.0.1:15000/roots/0', context=ssl._create_unverified_context()).read().decode())"


@pytest.fixture
def grader(host):
    """A shell on the grading host, where the names of the sites lead to the host under test, whose authority lies in /root/authority.pem."""
    shell = testinfra.get_host(f"ansible://{GRADER}", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)
    address = host.ansible.get_variables()["ansible_host"]
    shell.check_output("echo %s > /root/authority.pem && cp /etc/hosts /root/hosts && echo %s >> /etc/hosts", host.check_output("python3 -c %s", ROOT),
                       f"{address} page.example.test guestbook.example.test")
    yield shell
    # Docker mounts the file, so it cannot be replaced.
    shell.check_output("cat /root/hosts > /etc/hosts")


def test_testssl_grades_a_plus(host, grader):
    address = host.ansible.get_variables()["ansible_host"]
    grader.check_output("rm -f /root/testssl.json")
    said = grader.run("testssl --warnings batch --color 0 --add-ca /root/authority.pem --jsonfile /root/testssl.json --ip %s page.example.test", address)
    found = {item["id"]: item for item in json.loads(grader.check_output("cat /root/testssl.json"))}
    assert found["overall_grade"]["finding"] == "A+", said.stdout
    assert found["cert_chain_of_trust"]["finding"] == "passed.", said.stdout
    above = {name: (item["severity"], item["finding"]) for name, item in found.items() if item["severity"] not in ("OK", "INFO")}
    expected = {**OF_THE_AUTHORITY, **OF_THE_GRADER}
    assert set(above) <= set(expected), {name: finding for name, finding in above.items() if name not in expected}


def test_the_observatory_grades_the_example_a_plus(grader):
    said = grader.run("cd /opt/node_modules/@mdn/mdn-http-observatory && NODE_EXTRA_CA_CERTS=/root/authority.pem node src/scan.js guestbook.example.test")
    report = json.loads(said.stdout)
    assert report["scan"]["grade"] == "A+" and report["scan"]["testsFailed"] == 0, said.stdout
    results = {name: test["result"] for name, test in report["tests"].items()}
    # It has come by a certificate that it trusts, and was sent from HTTP to HTTPS.
    assert results["strict-transport-security"] == "hsts-implemented-max-age-at-least-six-months", results
    assert results["redirection"] == "redirection-to-https", results
