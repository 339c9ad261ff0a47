# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _sshd_strictness as strictness

LINES = {
    # keyword: ours, theirs, what the drop-in says
    "the looser is replaced": ("LoginGraceTime", "30", "120", "30"),
    "the stricter stays theirs": ("LoginGraceTime", "30", "20", None),
    "zero is no limit": ("ClientAliveInterval", "300", "0", "300"),
    "minutes": ("ClientAliveInterval", "300", "60", None),
    "as strict": ("MaxAuthTries", "4", "4", "4"),
    "root is out": ("PermitRootLogin", "prohibit-password", "no", None),
    "root by commands only": ("PermitRootLogin", "prohibit-password", "forced-commands-only", None),
    "root by password": ("PermitRootLogin", "prohibit-password", "yes", "prohibit-password"),
    "a synonym": ("PermitRootLogin", "prohibit-password", "without-password", "prohibit-password"),
    "a banner": ("Banner", "/etc/issue.net", "none", "/etc/issue.net"),
    "a banner of theirs": ("Banner", "/etc/issue.net", "/etc/welcome", None),
    "forwarding one way": ("AllowTcpForwarding", "local", "no", None),
    "more in the log": ("LogLevel", "VERBOSE", "DEBUG", None),
    "longer keys": ("RequiredRSASize", "2048", "3072", None),
    "keys are needed": ("PubkeyAuthentication", "yes", "no", "yes"),
    "of each part the stricter": ("MaxStartups", "10:30:60", "5:10:100", "5:30:60"),
    "all parts stricter": ("MaxStartups", "10:30:60", "3:50:10", None),
    "a list of theirs is cut": ("MACs", "-hmac-sha1*", "hmac-sha1,hmac-sha2-512-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
    "a strict list of theirs": ("MACs", "-hmac-sha1*", "hmac-sha2-512-etm@openssh.com", None),
    "nothing would be left": ("MACs", "-hmac-sha1*", "hmac-sha1", None),
    "a default list": ("MACs", "-hmac-sha1*", "hmac-sha1,umac-128-etm@openssh.com", "-hmac-sha1*"),
    "ours in full, theirs is the default": ("MACs", "umac-128-etm@openssh.com", "hmac-sha1,umac-128-etm@openssh.com", "umac-128-etm@openssh.com"),
    "the same in another order, theirs is the default": ("Ciphers", "c,b,a", "a,b,c", "c,b,a"),
    "ours in full, theirs has less": ("Ciphers", "a,b", "b", None),
}


@pytest.mark.parametrize("case", LINES)
def test_nothing_gets_looser(case):
    keyword, ours, theirs, said = LINES[case]
    stock = {"macs": ["hmac-sha1,umac-128-etm@openssh.com"], "ciphers": ["a,b,c"]}
    line = strictness.line_for(strictness.Setting(keyword, ours), {keyword.lower(): [theirs]}, stock)
    assert line.value == said
    if said is None:
        assert theirs in line.why


def test_what_somebody_asks_for_stands():
    given = strictness.Setting("LoginGraceTime", "60", given=True)
    assert strictness.line_for(given, {"logingracetime": ["20"]}, {}).value == "60"


def test_a_promise_that_another_file_undoes_is_found():
    lines = [
        strictness.Line("PasswordAuthentication", "no"),
        strictness.Line("PermitRootLogin", None, "is no here"),
        strictness.Line("PubkeyAuthentication", "yes"),
        strictness.Line("X11Forwarding", "no"),
    ]
    effective = {"passwordauthentication": ["yes"], "permitrootlogin": ["no"], "pubkeyauthentication": ["no"], "x11forwarding": ["yes"]}
    assert strictness.undone(lines, effective) == ["passwordauthentication yes instead of no", "pubkeyauthentication no instead of yes"]


def test_whatever_is_looser_than_before_is_told():
    before = {"maxsessions": ["2"], "gatewayports": ["no"], "ciphers": ["a"], "maxauthtries": ["3"]}
    effective = {"maxsessions": ["10"], "gatewayports": ["clientspecified"], "ciphers": ["a,b"], "maxauthtries": ["2"]}
    assert strictness.loosened(effective, before, given=["GatewayPorts"]) == ["ciphers a,b instead of a", "maxsessions 10 instead of 2"]


def test_a_configuration_without_one_file(tmp_path):
    for name in ("00-pyweb.conf", "10-cloud.conf", "50 admin.conf"):
        (tmp_path / name).write_text("")
    text = f"Port 22\nInclude {tmp_path.name}/[0-4]*.conf nowhere/*.conf # ours\nMatch User x\n  X11Forwarding no\n"
    assert strictness.without_file(text, str(tmp_path / "00-pyweb.conf"), str(tmp_path.parent)) == (
        f'Port 22\nInclude "{tmp_path}/10-cloud.conf"\nMatch User x\n  X11Forwarding no\n'
    )


def test_what_would_shut_root_out_waits():
    setting = strictness.Setting
    who = [setting("allowgroups", "sudo", True), setting("DenyUsers", "root"), setting("DenyUsers", "bob"), setting("PermitRootLogin", "no", True)]
    settings = [*who, setting("X11Forwarding", "no")]
    found, waits = strictness.root_first(settings)
    assert found == [setting("PermitRootLogin", "prohibit-password"), setting("X11Forwarding", "no")]
    assert waits == ["allowgroups", "DenyUsers", "PermitRootLogin"]


def test_a_configuration_with_a_file_that_is_not_there_yet(tmp_path):
    for name in ("10-cloud.conf", "00-admin.conf"):
        (tmp_path / name).write_text("")
    text = f"Include {tmp_path}/*.conf /nowhere/*.conf {tmp_path}/../*.conf\nPort 22\n"
    found = strictness.with_file(text, str(tmp_path / "00-pyweb.conf"), "/tmp/ours")
    assert found == f'Include "{tmp_path}/00-admin.conf"\nInclude "/tmp/ours"\nInclude "{tmp_path}/10-cloud.conf"\nPort 22\n'
    (tmp_path / "00-pyweb.conf").write_text("")
    assert strictness.with_file(text, str(tmp_path / "00-pyweb.conf"), "/tmp/ours") == found
    assert strictness.with_file("Port 22\n", str(tmp_path / "00-pyweb.conf"), "/tmp/ours") == "Port 22\n"


def test_the_drop_in_has_no_line_for_what_is_left_to_others():
    lines = [strictness.Line("StrictModes", "yes"), strictness.Line("MaxSessions", None, "is 2 here")]
    assert strictness.drop_in(lines) == "StrictModes yes\n"
