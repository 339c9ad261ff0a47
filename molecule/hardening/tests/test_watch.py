# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strict watches: guesses and files. auditd and AIDE need a kernel, or rights, that these hosts have not."""

from __future__ import annotations

import shlex

import pytest
from hardened import is_strict, ssh


@pytest.fixture
def watched(host):
    """Whether somebody watches; baseline has nothing of it."""
    if is_strict(host):
        return True
    assert not host.package("fail2ban").is_installed
    assert not host.file("/etc/systemd/system/pyweb-fail2ban.path").exists
    return False


def test_who_guesses_is_shut_out(host, watched):
    if not watched:
        return
    assert {"sshd", "nginx-http-auth", "nginx-botsearch"} <= set(host.check_output("fail2ban-client status").replace(",", " ").split())
    host.check_output("fail2ban-client set sshd banip 192.0.2.77")
    try:
        host.check_output("timeout 60 sh -c 'until nft list ruleset | grep -q 192.0.2.77; do sleep 0.5; done'")
    finally:
        host.check_output("fail2ban-client set sshd unbanip 192.0.2.77")


def test_who_runs_plays_is_never_shut_out(host, watched):
    if not watched:
        return
    client = ssh(host, "admin", command="echo $SSH_CONNECTION").stdout.split()[0]
    assert client in host.check_output("fail2ban-client get sshd ignoreip")


def test_logs_of_new_sites_are_read(host, watched):
    if not watched:
        return
    host.check_output("mkdir -p /var/log/nginx && echo > /var/log/nginx/new.access.log")
    look = "until fail2ban-client get nginx-botsearch logpath | grep -q new.access; do touch /var/log/nginx/again; sleep 3; done"
    host.check_output("timeout 120 sh -c %s", look)
    host.check_output("rm -r /var/log/nginx")


def test_logs_are_text_too(host):
    """Only in strict, and nobody else's to read."""
    assert host.package("rsyslog").is_installed == is_strict(host)
    if is_strict(host):
        host.check_output("logger --tag pyweb-test look for me")
        host.check_output("timeout 20 sh -c 'until grep -q \"pyweb-test.*look for me\" /var/log/syslog; do sleep 0.2; done'")
        assert host.file("/var/log/syslog").mode == 0o640
        assert host.package("logrotate").is_installed


def test_apparmor_comes_with_its_tools(host, watched):
    assert host.package("apparmor").is_installed == watched
    assert host.package("apparmor-utils").is_installed == watched


def test_graders_read_what_is_in_force(host, watched):
    settings = {
        "/etc/systemd/journald.conf": "Storage=persistent",
        "/etc/systemd/timesyncd.conf": "FallbackNTP=0.debian.pool.ntp.org",
        "/etc/security/faillock.conf": "deny = 3",
        "/etc/ssh/sshd_config": "MaxAuthTries 3",
    }
    for path, setting in settings.items():
        assert host.file(path).contains(f"^{setting}") == watched, path
    # It comes with a package of the role.
    assert host.file("/etc/security/pwquality.conf").exists == watched


def test_files_of_packages_can_be_compared(host, watched):
    assert host.package("debsums").is_installed == watched
    if watched:
        assert shlex.split(host.check_output("debsums --silent sudo; echo $?"))[-1] == "0"
