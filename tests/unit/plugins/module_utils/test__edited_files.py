# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _edited_files as edited_files

STOCK = "# comment\nUMASK\t\t022\n#HOME_MODE 0700\nPASS_MAX_DAYS 99999\nSHA_CRYPT_MIN_ROUNDS 5000"


def settings(text):
    """What a program reads, with all the values of each key."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            key, value = line.split()
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [
        (STOCK, {"UMASK": "027"}, "027"),
        ("UMASK 077\n", {"UMASK": "027"}, "077"),
        # Neither is the stricter one: both together.
        ("UMASK 002\nUMASK 070\n", {"UMASK": "027"}, "077"),
        ("", {"UMASK": "027"}, "027"),
        ("UMASK nonsense\n", {"UMASK": "027"}, "027"),
    ],
)
def test_the_stricter_value_is_the_only_one(text, wanted, value):
    assert settings(edited_files.login_defs(text, wanted))["UMASK"] == [value]


@pytest.mark.parametrize(
    ("key", "now", "wanted", "value"),
    [
        ("HOME_MODE", "0700", "0750", "0700"), ("HOME_MODE", "0755", "0750", "0750"), ("SHA_CRYPT_MIN_ROUNDS", "100000", "65536", "100000"),
        ("ENCRYPT_METHOD", "SHA512", "YESCRYPT", "YESCRYPT"), ("ENCRYPT_METHOD", "YESCRYPT", "YESCRYPT", "YESCRYPT"),
    ],
)
def test_what_is_stricter_depends_on_the_key(key, now, wanted, value):
    assert settings(edited_files.login_defs(f"{key} {now}\n", {key: wanted}))[key] == [value]


@pytest.mark.parametrize("text, mode", [("UMASK 077\n", "0700"), ("UMASK 022\n", "0750"), ("UMASK 077\nHOME_MODE 0755\n", "0750"), ("UMASK x\n", "0750")])
def test_homes_are_not_opened_where_the_mask_has_made_them(text, mode):
    assert settings(edited_files.login_defs(text, {"HOME_MODE": "0750"}))["HOME_MODE"] == [mode]


@pytest.mark.parametrize("text", [STOCK, STOCK + "\n", "", "UMASK 022\r\n", "\n\n"])
def test_it_is_taken_out_byte_for_byte(text):
    changed = edited_files.login_defs(text, {"UMASK": "027", "HOME_MODE": "0750"})
    assert changed != text
    assert edited_files.restored(changed) == text
    assert edited_files.login_defs(changed, {"UMASK": "027", "HOME_MODE": "0750"}) == changed
    assert edited_files.login_defs(changed, {}) == text


def test_what_others_change_meanwhile_stays():
    changed = edited_files.login_defs(STOCK, {"UMASK": "027"}) + "\nLOG_OK_LOGINS yes\n"
    assert edited_files.restored(changed) == STOCK + "\nLOG_OK_LOGINS yes\n"


def test_a_block_stands_at_the_top_once():
    text = "auth sufficient pam_rootok.so\n"
    once = edited_files.with_block(text, ["auth required pam_wheel.so"])
    assert once.splitlines()[1] == "auth required pam_wheel.so"
    assert edited_files.with_block(once, ["auth required pam_wheel.so"]) == once
    assert edited_files.with_block(once, []) == text


SUMS = r"Checksums[ \t]*=[ \t]*H"


def test_lines_of_others_are_replaced_and_come_back_byte_for_byte():
    text = "# Checksums = H is slow\nChecksums = H\nFull = p+Checksums"
    changed = edited_files.without_lines(text, SUMS, ["Checksums = sha512"])
    assert [line for line in changed.splitlines() if not line.startswith("#")] == ["Checksums = sha512", "Full = p+Checksums"]
    assert edited_files.without_lines(changed, SUMS, ["Checksums = sha512"]) == changed
    assert edited_files.restored(changed) == text


@pytest.mark.parametrize("text", ["Checksums = sha256\n", "#Checksums = H\n", "Checksums = Heavy\n", ""])
def test_what_somebody_has_chosen_stays(text):
    assert edited_files.without_lines(text, SUMS, ["Checksums = sha512"]) == text


def test_lines_can_go_without_others_instead():
    changed = edited_files.without_lines("* soft core 0\n* hard core infinity\nroot\thard core infinity\n", r"(\*|root)\s+hard\s+core\s+infinity", [])
    assert settings_of_limits(changed) == [["*", "soft", "core", "0"]]


def settings_of_limits(text):
    return [line.split() for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        ([], ["[Journal]", "Storage=persistent", "Compress = yes"]),
        (["[Journal]\n  Storage = volatile\n"], ["[Journal]", "Compress = yes"]),
        (["#Storage=volatile\n", "Compress=no\n"], ["[Journal]", "Storage=persistent"]),
        (["Compress=no\nStorage=none\n"], []),
    ],
)
def test_what_drop_ins_set_is_left_to_them(texts, left):
    assert edited_files.without_keys_of(["[Journal]", "Storage=persistent", "Compress = yes"], texts) == left


def test_lines_that_are_no_settings_stay():
    lines = ["auth required pam_wheel.so use_uid group=sudo"]
    assert edited_files.without_keys_of(lines, ["group=wheel\nuse_uid=1\n"]) == lines


SSHD = "# comment\n\nInclude /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\nMatch User a\n  X11Forwarding no\n"


def test_sshd_reads_drop_ins_before_what_its_own_file_repeats_of_them():
    changed = edited_files.sshd_config(SSHD, ["X11Forwarding no"])
    read = [line for line in changed.splitlines() if line and not line.startswith("#")]
    assert read[:3] == ["Include /etc/ssh/sshd_config.d/*.conf", "X11Forwarding no", "X11Forwarding yes"]
    assert sum(line.startswith("Include") for line in read) == 1
    assert edited_files.sshd_config(changed, ["X11Forwarding no"]) == changed
    assert edited_files.sshd_config(changed, []) == edited_files.restored(changed) == SSHD


@pytest.mark.parametrize("text", ["", "# nothing\n", "Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\n", "Port 22"])
def test_sshd_config_that_begins_otherwise_stays_as_it_is(text):
    assert edited_files.sshd_config(text, ["X11Forwarding no"]) == text


def test_a_block_that_was_cut_short_is_left_alone():
    assert edited_files.restored(edited_files.BEGIN + "UMASK 027\n") == edited_files.BEGIN + "UMASK 027\n"


SHM = ["tmpfs /dev/shm tmpfs nosuid,nofail 0 0"]


@pytest.mark.parametrize("text", [
    "", "# UNCONFIGURED\n", "/dev/vda / ext4 defaults 0 1\n", "# tmpfs /dev/shm tmpfs defaults 0 0\n", "short\n", "LABEL=x /dev/shm2 ext4 ro",
])
def test_a_mount_point_without_a_line_gets_one(text):
    changed = edited_files.fstab(text, SHM)
    assert changed.startswith(edited_files.BEGIN + SHM[0] + "\n") and changed.endswith(text)
    assert edited_files.fstab(changed, SHM) == changed
    assert edited_files.fstab(changed, []) == text


@pytest.mark.parametrize("line", ["tmpfs /dev/shm tmpfs size=2g 0 0\n", "  none\t/dev/shm\ttmpfs\tdefaults\n"])
def test_a_line_of_somebody_for_a_mount_point_stays_the_only_one(line):
    assert edited_files.fstab(line, SHM) == line
    assert edited_files.fstab(edited_files.fstab("", SHM) + line, SHM) == line
