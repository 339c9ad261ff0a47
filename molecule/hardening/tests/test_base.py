# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new machine gets by choice. The name of a container is the engine's affair: scenario vm has one."""

from __future__ import annotations

import pytest
from hardened import ssh


@pytest.fixture
def chosen(host):
    if "hardening_base" not in host.ansible.get_variables():
        pytest.skip("nothing was chosen for this host")


def test_the_administrator_logs_in_by_key_and_becomes_root(host, chosen):
    assert ssh(host, "deputy", command="sudo -n id -un").stdout == "root\n"
    assert ssh(host, "deputy", command="echo $SHELL; stat -c %a ~").stdout.split() == ["/bin/bash", "700"]


def test_the_host_has_its_time_zone(host, chosen):
    assert host.check_output("date +%Z") in ("NZST", "NZDT")


def test_logins_have_the_locale(host, chosen):
    assert ssh(host, "deputy", command="LC_ALL= LANG= ; . /etc/default/locale; export LANG; locale -k decimal_point").stdout == 'decimal_point=","\n'
    assert "LANG=de_AT.UTF-8" in ssh(host, "deputy", command="sudo -n -i -u deputy env").stdout.split()


def test_the_engine_names_a_container(host, chosen):
    assert host.check_output("hostname") != host.ansible.get_variables()["hardening_base"]["hostname"]


def test_a_container_gets_no_swap(host, chosen):
    assert not host.file("/swapfile").exists and "swapfile" not in host.file("/etc/fstab").content_string
