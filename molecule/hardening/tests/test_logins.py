# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who logs in, with what, and what a session may do."""

from __future__ import annotations

import pytest
from hardened import is_strict, ssh


@pytest.fixture
def colleague(host):
    """Somebody in the group sudo, who may use su in both levels."""
    host.check_output("useradd --create-home --groups sudo colleague")
    yield "colleague"
    host.check_output("userdel --remove colleague 2>/dev/null; faillock --user admin --reset")


def test_there_is_a_legal_text_before_a_login(host):
    for path in ("/etc/issue", "/etc/issue.net"):
        assert "authorised users only" in host.file(path).content_string
    banner = ssh(host, "admin", "-o", "LogLevel=INFO").stderr
    assert ("authorised users only" in banner) == is_strict(host)


def test_wrong_passwords_lock_passwords_and_nothing_else(host, colleague):
    host.check_output("echo 'admin:a long and good password' | chpasswd")
    for _attempt in range(3):
        host.run(f"runuser -u {colleague} -- sh -c 'echo wrong | su admin -c true'")
    right = host.run(f"runuser -u {colleague} -- sh -c \"echo 'a long and good password' | su admin -c 'id -un'\"")
    assert right.stdout.strip() == ("" if is_strict(host) else "admin")
    # Nobody's guesses take the host from the administrator.
    assert ssh(host, "admin", command="sudo -n id -u").stdout == "0\n"
    host.check_output("echo 'admin ALL=(ALL) PASSWD: ALL' > /etc/sudoers.d/zz-ask")
    try:
        assert ssh(host, "admin", command="echo 'a long and good password' | sudo -S -p '' id -u").stdout == "0\n"
    finally:
        host.check_output("rm /etc/sudoers.d/zz-ask && usermod --password '*' admin")


def test_new_passwords_are_long_in_strict(host):
    before = host.user("visitor").password
    host.run("printf 'open sesame\\nten Letters7\\nten Letters7\\n' | runuser -u visitor -- passwd")
    assert (host.user("visitor").password == before) == is_strict(host)
    host.check_output("echo 'visitor:open sesame' | chpasswd")


def test_sessions_have_a_directory_of_their_own_for_temporary_files_in_strict(host):
    said = ssh(host, "admin", command="echo $TMPDIR").stdout.strip()
    assert said.startswith("/tmp/user/") == is_strict(host)


def test_others_do_not_see_who_runs_what_in_strict(host):
    seen = host.run("runuser -u nobody -- cat /proc/1/cmdline").rc == 0
    assert seen != is_strict(host)
    options = host.mount_point("/proc").options
    assert any(option.startswith("hidepid=") for option in options) == is_strict(host)


def test_what_mounts_may_is_cut_at_boot_in_strict(host):
    assert host.service("pyweb-mounts").is_enabled == is_strict(host)
    if is_strict(host):
        host.check_output("mount -o remount,hidepid=off /proc && systemctl restart pyweb-mounts")
        assert any(option.startswith("hidepid=") for option in host.mount_point("/proc").options)


def test_an_idle_shell_ends_in_strict(host):
    said = ssh(host, "admin", command="bash -lc 'echo $TMOUT'").stdout.strip()
    assert said == ("900" if is_strict(host) else "")
