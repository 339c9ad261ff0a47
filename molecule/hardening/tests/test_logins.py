# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who logs in, with what, and what a session may do."""

from __future__ import annotations

import time

import pytest
from hardened import is_strict, ssh


GOOD = "four words nobody joins"


@pytest.fixture
def colleagues(host):
    """Two people in the group sudo, who may use su in both levels. The second has a password, and the key of "admin"."""
    names = ["guesser", "guessed"]
    for name in names:
        host.check_output(f"useradd --create-home --shell /bin/bash --groups sudo {name}")
    host.check_output(f"echo 'guessed:{GOOD}' | chpasswd")
    host.check_output("cp -R /home/admin/.ssh /home/guessed/ && chown -R guessed: /home/guessed/.ssh")
    yield names
    for name in names:
        host.run(f"faillock --user {name} --reset; userdel --remove {name}")


def test_there_is_a_legal_text_before_a_login(host):
    for path in ("/etc/issue", "/etc/issue.net"):
        assert "authorised users only" in host.file(path).content_string
    banner = ssh(host, "admin", "-o", "LogLevel=INFO").stderr
    assert ("authorised users only" in banner) == is_strict(host)


def guess_three_times(host, account="guessed"):
    host.run(f"for attempt in 1 2 3; do runuser -u guesser -- sh -c 'echo wrong | su {account} -c true' & done; wait")


def test_wrong_passwords_lock_passwords_and_nothing_else(host, colleagues):
    guess_three_times(host)
    right = host.run(f"runuser -u guesser -- sh -c \"echo '{GOOD}' | su guessed -c 'id -un'\"")
    # su says, too, for how long the account is locked.
    assert ("guessed" in right.stdout.split()) != is_strict(host), right
    # Nobody's guesses take the host from the administrator.
    assert host.run(f"runuser -u guessed -- sh -c \"echo '{GOOD}' | sudo -S -p '' id -u\"").stdout == "0\n"
    guess_three_times(host)
    assert ssh(host, "guessed", command="id -un").stdout == "guessed\n"


def test_wrong_passwords_lock_root_for_a_minute_at_most(host, colleagues):
    before = host.user("root").password
    host.check_output(f"echo 'root:{GOOD}' | chpasswd")
    try:
        guess_three_times(host, "root")

        def becomes_root():
            return "0" in host.run(f"runuser -u guesser -- sh -c \"echo '{GOOD}' | su -c 'id -u'\"").stdout.split()

        assert becomes_root() != is_strict(host)
        # Four minutes: the machine may be slow, and an account of its own would be locked for fifteen.
        deadline = time.monotonic() + 240
        while not becomes_root():
            assert time.monotonic() < deadline
            time.sleep(15)
    finally:
        host.run("faillock --user root --reset")
        host.check_output("usermod --password %s root", before)


def test_nobody_leaves_dumps_of_memory(host):
    """Also not root, whom the asterisk of limits.conf does not mean. In strict nothing that is read says otherwise."""
    for name in ("root", "admin"):
        assert host.check_output(f"runuser -u {name} -- sh -c 'ulimit -Hc; ulimit -Sc'").split() == ["0", "0"]
    said = host.run(r"grep -hE '^[^#]*hard[[:space:]]+core[[:space:]]+infinity' -r /etc/security/limits.d")
    assert said.stdout == "" or not is_strict(host)


def test_wrong_passwords_let_nobody_in(host, colleagues):
    """Profiles of PAM that are in the wrong order would."""
    for program in ("sudo -S -p '' id -u", "su guessed -c 'id -un'"):
        said = host.run(f"runuser -u guessed -- sh -c \"echo wrong | {program}\"")
        assert said.rc != 0 and not said.stdout.strip(), said
    assert host.run(f"runuser -u guessed -- sh -c \"echo '{GOOD}' | su guessed -c 'id -un'\"").stdout.split()[-1:] == ["guessed"]


def test_new_passwords_are_long_and_new_in_strict(host, colleagues):
    def sets(old, new):
        before = host.user("guessed").password
        host.run(f"printf '%s\\n' '{old}' '{new}' '{new}' | runuser -u guessed -- passwd")
        return host.user("guessed").password != before

    assert sets(GOOD, "Twelve digits.") != is_strict(host)
    # root may set any.
    host.check_output(f"echo 'guessed:{GOOD}' | chpasswd")
    assert sets(GOOD, "purple mice drink 7 lakes") != is_strict(host)
    host.check_output(f"echo 'guessed:{GOOD}' | chpasswd")
    first, second = "Purple mice drink 7 lakes", "Eleven brown cows eat 5 leaves"
    assert sets(GOOD, first)
    assert sets(first, second)
    # Not one that the account had before.
    assert sets(second, first) != is_strict(host)


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
        host.check_output("mount -o remount,hidepid=ptraceable /proc && systemctl restart pyweb-mounts")
        assert "hidepid=ptraceable" in host.mount_point("/proc").options
        host.check_output("mount -o remount,hidepid=off /proc && systemctl restart pyweb-mounts")
        assert any(option.startswith("hidepid=") for option in host.mount_point("/proc").options)


def test_fstab_says_what_the_unit_does(host):
    """findmnt reads it as mount would."""
    said = host.run("findmnt --fstab --noheadings --output OPTIONS /dev/shm")
    assert set(said.stdout.strip().split(",")) == ({"nosuid", "nodev", "noexec", "nofail"} if is_strict(host) else {""})
    host.check_output("findmnt --verify")


def test_an_idle_shell_ends_in_strict(host):
    said = ssh(host, "admin", command="bash -lc 'echo $TMOUT'").stdout.strip()
    assert said == ("900" if is_strict(host) else "")


def test_who_has_jobs_may_change_them_and_in_strict_nobody_else_may(host, colleagues):
    assert host.run("runuser -u visitor -- crontab -l").stdout.strip() == "0 3 * * * true"
    for program in ("crontab -l", "atq"):
        # Debian's own list keeps nobody from at.
        said = host.run(f"runuser -u guesser -- {program}")
        assert ("not allowed" in said.stderr or "permission" in said.stderr) == is_strict(host), said
    assert host.run("atq").rc == 0
