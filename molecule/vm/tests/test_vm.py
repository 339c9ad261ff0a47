# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine hardened by the level strict, with a kernel of its own, after a reboot and a power cut: it serves, and all is in force."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

VISIT = """
import http.client, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection(sys.argv[1], timeout=60, context=context)
connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 60), server_hostname=sys.argv[1])
connection.request("GET", sys.argv[2])
print(connection.getresponse().status)
"""


def test_it_serves(host):
    assert host.check_output("python3 -c %s guestbook.example.com /healthz", VISIT) == "200"


def test_nothing_has_failed(host):
    assert host.run("systemctl --failed --plain --no-legend").stdout == ""
    assert host.run("systemctl is-system-running").stdout.strip() == "running"


def test_the_journal_outlived_the_power_cut(host):
    assert "before the power cut" in host.check_output("journalctl --quiet --boot -1 --identifier vm-test --output cat")
    assert host.check_output("journalctl --quiet --boot 0 --identifier vm-test --output cat") == ""


def test_the_kernel_has_all_settings(host):
    wanted = dict(re.findall(r"^([a-z][^ =\n]*) *= *(.*)$", host.file("/etc/sysctl.d/90-pyweb.conf").content_string, re.MULTILINE))
    assert "kernel.kptr_restrict" in wanted
    found = dict(line.split(" = ") for line in host.check_output("sysctl " + " ".join(wanted)).replace("\t", " ").splitlines())
    assert found == wanted


def test_the_host_has_the_name_and_the_swap_that_it_was_given(host):
    assert host.check_output("hostname") == "web1.example.com"
    assert host.check_output("getent hosts web1.example.com").split() == ["127.0.1.1", "web1.example.com", "web1"]
    name, kind, size = host.check_output("swapon --noheadings --bytes --show=NAME,TYPE,SIZE").split()
    assert (name, kind, round(int(size) / 2**20)) == ("/swapfile", "file", 512) and host.file("/swapfile").mode == 0o600


def test_modules_that_no_server_needs_are_refused(host):
    assert host.run("modprobe sctp").rc != 0
    assert "sctp" not in host.check_output("lsmod")


def test_mounts_are_cut(host):
    assert "hidepid=invisible" in host.check_output("findmnt --noheadings --output OPTIONS /proc")
    assert {"nosuid", "nodev", "noexec"} <= set(host.check_output("findmnt --noheadings --output OPTIONS /dev/shm").split(","))
    assert host.run("runuser -u nobody -- ps -p 1").rc != 0


def test_the_firewall_stands(host):
    assert "policy drop" in host.check_output("nft list chain inet pyweb input")


def test_audit_rules_are_loaded(host):
    assert "enabled 1" in host.check_output("auditctl -s")
    assert len(host.check_output("auditctl -l").splitlines()) > 20
    host.check_output("ausearch --input-logs --start boot --message DAEMON_START --raw")


def test_apparmor_confines(host):
    host.check_output("aa-enabled")
    assert json.loads(host.check_output("aa-status --json"))["profiles"]


def test_aide_has_something_to_compare_with_or_is_making_it(host):
    """Its configuration is read, and two sums are made of each file."""
    assert host.file("/etc/aide/aide.conf").contains("^Checksums = sha256+sha512")
    host.check_output("aide --config /etc/aide/aide.conf --config-check")
    assert host.file("/var/lib/aide/aide.db").exists or host.run("systemctl is-active pyweb-aide").stdout == "active\n"


def ssh_audit(host, *arguments):
    variables = host.ansible.get_variables()
    command = ["ssh-audit", "--skip-rate-test", "--timeout", "60", "--port", str(variables["ansible_port"]), *arguments, variables["ansible_host"]]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)


def test_ssh_audit_finds_nothing(host):
    said = ssh_audit(host)
    assert said.returncode == 0, said.stdout


def test_ssh_audit_has_a_policy_that_is_kept(host):
    if host.system_info.codename == "bookworm":
        pytest.skip("the policy of Debian 12 asks for key exchange of which ssh-audit itself warns")
    said = ssh_audit(host, "--policy", "Hardened Debian 13 (version 1)")
    assert said.returncode == 0, said.stdout


def test_sandboxes_are_tight(host):
    release = host.check_output("basename $(readlink /srv/guestbook/current)")
    for unit, most in (("nginx.service", 2.9), (f"pyweb.guestbook.web.{release}.service", 1.5)):
        verdict = host.check_output("systemd-analyze security --no-pager %s", unit).splitlines()[-1]
        assert float(re.search(r": ([0-9.]+) ", verdict)[1]) <= most, verdict
