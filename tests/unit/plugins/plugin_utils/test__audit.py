# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import yaml
from ansible_collections.pyweb.stack.plugins.plugin_utils import _audit

LYNIS = """# Lynis Report
hardening_index=66
lynis_tests_done=240
suggestion[]=FILE-6310|To decrease the impact of a full /home file system, place /home on a separate partition|-|-|
warning[]=PKGS-7392|Found one or more vulnerable packages.|-|-|
"""
ACCEPTED = [{"grader": "lynis", "test": "FILE-63*", "reason": "partitions"}, {"grader": "ssh-audit", "test": "PKGS*", "reason": "of another grader"}]


def test_findings_are_accepted_or_open():
    found = _audit.audit({"lynis": LYNIS}, ACCEPTED)
    assert (found["open"], found["accepted"]) == (1, 1)
    assert found["lines"][0] == "lynis: hardening index 66, 240 tests"
    assert "ssh-audit: not run, it is not installed" in found["lines"]
    assert found["lines"][-1] == "open: lynis PKGS-7392: Found one or more vulnerable packages."
    assert any(line.startswith("accepted: lynis FILE-6310:") and line.endswith("[partitions]") for line in found["lines"])


def test_failures_and_warnings_of_ssh_audit_count():
    report = {"kex": [{"algorithm": "good", "notes": {"info": ["since 9"]}}], "mac": [{"algorithm": "bad", "notes": {"fail": ["SHA-1"], "warn": ["tag"]}}]}
    found = _audit.audit({"ssh-audit": json.dumps(report)}, [])
    assert found["open"] == 2
    assert "ssh-audit: 1 of 2 algorithms" in found["lines"] and found["ran"] == ["ssh-audit"]


def test_a_host_that_ssh_audit_cannot_reach_is_a_finding():
    found = _audit.audit({"ssh-audit": "\x1b[0;31m[exception] cannot connect to 192.0.2.1 port 22: [Errno 111] Connection refused\x1b[0m\n"}, [])
    assert found["open"] == 1
    assert found["lines"][-1] == "open: ssh-audit FAILED: cannot connect to 192.0.2.1 port 22: [Errno 111] Connection refused"


def test_suggestions_with_a_detail_are_told_apart():
    line = "suggestion[]=SSH-7408|Consider hardening SSH configuration|{}|-|\n"
    found = _audit.audit({"lynis": line.format("MaxSessions (set 10 to 2)") + line.format("Port (set 22 to )") + line.format("Port (set 22 to )")}, [])
    assert [one["text"] for one in found["findings"]] == [
        "Consider hardening SSH configuration: MaxSessions (set 10 to 2)", "Consider hardening SSH configuration: Port (set 22 to )"]


def test_what_hosts_have_in_common_stands_once():
    units = json.dumps([{"unit": f"pyweb.blog.worker{number}.20261129T013910Z-d16263c.service", "exposure": "1.2"} for number in ("", "-2", "-3")])
    audits = {
        "web1": _audit.audit({"lynis": LYNIS, "systemd": units}, ACCEPTED),
        "web2": _audit.audit({"lynis": LYNIS.replace("PKGS-7392", "PKGS-9999")}, ACCEPTED),
    }
    lines = _audit.table(audits)
    assert lines[:3] == [
        "HOST  LYNIS                          SSH-AUDIT      OPENSCAP       ACCEPTED  OPEN",
        "web1  hardening index 66, 240 tests  not installed  not installed  1         1",
        "web2  hardening index 66, 240 tests  not installed  not installed  1         1",
    ]
    assert "EXPOSED: pyweb.blog.worker 1.2 of 10 by systemd-analyze security (web1)" in lines
    assert sum(line.startswith("ACCEPTED: lynis FILE-6310: ") and line.endswith("[partitions]") for line in lines) == 1
    found = "Found one or more vulnerable packages."
    assert lines[-2:] == [f"OPEN: lynis PKGS-7392: {found} (web1)", f"OPEN: lynis PKGS-9999: {found} (web2)"]


def test_units_are_shown_with_their_exposure():
    report = json.dumps([{"unit": name, "exposure": "9.6", "predicate": "UNSAFE", "happy": ":("} for name in ("getty@tty1.service", "ssh.service")])
    assert _audit.from_systemd(report) == "systemd-analyze security (10 is worst): ssh.service 9.6"


def test_everything_that_is_accepted_has_a_reason():
    path = Path(__file__).resolve().parents[4] / "playbooks/vars/accepted.yml"
    for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["__pyweb_accepted"]:
        assert set(rule) == {"grader", "test", "reason"}
        assert rule["grader"] in ("lynis", "ssh-audit", "openscap", "cis") and rule["reason"].endswith(".")


def test_rules_that_no_grader_here_checks_are_told_with_their_reason():
    found = _audit.audit({}, [{"grader": "cis", "test": "9.9", "reason": "Nobody can."}])
    assert found["lines"][-1] == "by choice: cis 9.9 [Nobody can.]"
    assert (found["open"], found["accepted"]) == (0, 0)


SCAP = """profile: cis_level1_server
xccdf_org.ssgproject.content_rule_package_aide_installed:pass
xccdf_org.ssgproject.content_rule_sshd_set_keepalive:fail
xccdf_org.ssgproject.content_rule_file_ownerships_var_log:error
xccdf_org.ssgproject.content_rule_partition_for_home:notapplicable
score: 41.666668
profile: cis_level2_server
xccdf_org.ssgproject.content_rule_sshd_set_keepalive:fail
profile: nonsense
"""


def test_rules_of_openscap_are_passed_accepted_or_open():
    found = _audit.audit({"openscap": SCAP}, [{"grader": "openscap", "test": "sshd_set_*", "reason": "stricter"}])
    assert "openscap: cis_level1_server 1 of 3 rules (score 41.7), cis_level2_server 0 of 1 rules, nonsense not in the content" in found["lines"]
    assert "accepted: openscap sshd_set_keepalive: cis_level1_server, cis_level2_server [stricter]" in found["lines"]
    assert found["lines"][-1] == "open: openscap file_ownerships_var_log: cis_level1_server"
    assert (found["open"], found["accepted"]) == (1, 1)
