# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of itself: read from what apt, openssl and the kernel print."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import certificate, machine

APT = """NOTE: This is only a simulation!
Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u10 Debian-Security:12/stable-security [amd64]) []
Inst curl [7.88.1-10] (7.88.1-11 Debian:12.11/stable [amd64])
Inst brand-new (1.0 Debian:12.11/stable [amd64])
Conf libc6 (2.36-9+deb12u10 Debian-Security:12/stable-security [amd64])
"""


def test_updates_of_what_is_installed():
    assert machine.updates(APT) == {"packages": ["libc6", "curl"], "security": ["libc6"]}
    assert machine.updates("") == {"packages": [], "security": []}


KERNELS = {
    "the newest runs": ("6.1.0-28-amd64", ["6.1.0-27-amd64", "6.1.0-28-amd64"], ""),
    "an older one runs": ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-28-amd64"], "6.1.0-28-amd64"),
    "another flavour is newer": ("6.1.0-28-cloud-amd64", ["6.1.0-28-cloud-amd64", "6.1.0-30-amd64"], ""),
    "of a newer Debian": ("6.12.48+deb13-amd64", ["6.12.48+deb13-amd64", "6.12.57+deb13-amd64"], "6.12.57+deb13-amd64"),
    "a container has the kernel of its host": ("6.8.0-generic", ["6.1.0-28-amd64"], ""),
    "none is installed": ("6.8.0", [], ""),
}


@pytest.mark.parametrize("running, installed, newer", KERNELS.values(), ids=KERNELS)
def test_a_newer_kernel(running, installed, newer):
    assert machine.newer_kernel(running, installed) == newer


def test_memory_where_the_controller_is_not_delegated(tmp_path):
    (tmp_path / "cgroup.procs").write_text("self\n")
    assert 5_000_000 < machine.memory(str(tmp_path)) < 2_000_000_000
    (tmp_path / "memory.current").write_text("123\n")
    assert machine.memory(str(tmp_path)) == 123
    assert machine.memory(str(tmp_path / "none")) is None


def test_this_machine():
    told = machine.look()
    assert told["disk_total"] > told["disk_free"] > 0 and told["memory_total"] > told["memory_available"] > 0 and told["up"] > 0 and told["processors"] > 0


def test_the_certificate_that_a_site_names():
    text = '    listen 443 ssl;\n    ssl_certificate "/etc/pyweb/my site.pem";\n    ssl_certificate_key /k;\n    ssl_certificate /second;\n'
    assert certificate.named(text) == "/etc/pyweb/my site.pem"
    assert certificate.named("ssl_certificate_key /k;") == ""


SAID = {
    "signed": ("notAfter=Feb  3 05:00:00 2027 GMT\nsubject=CN = shop\nissuer=CN = CA\n", ("20270203T050000Z", False)),
    "self-signed": ("notAfter=Dec 31 23:59:59 2036 GMT\nsubject=CN = shop\nissuer=CN = shop\n", ("20361231T235959Z", True)),
    "no certificate": ("Could not read certificate from /x\n", (None, False)),
}


@pytest.mark.parametrize("output, expected", SAID.values(), ids=SAID)
def test_what_openssl_says(output, expected):
    assert certificate.said(output) == expected
