# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What monitoring is told of applications and hosts, and the table that a person reads."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _findings, _status

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))

from looked import A, B, NOW, host, one, process  # noqa: E402


def said(hosts):
    return [(item["level"], item["app"], item["host"], item["text"]) for item in _findings.findings(hosts, NOW)]


def test_all_is_well():
    told = _status.report({"web1": host(shop=one()), "web2": host(shop=one())}, NOW, {"shop": "https://shop.example.com/"})
    assert told["well"] and told["findings"] == [] and told["applications"]["shop"]["url"] == "https://shop.example.com/"
    assert json.loads(json.dumps(told)) == told
    lines = _status.table(told)
    assert [line.split() for line in lines[:3]] == [
        "WELL APPLICATION HOST LIVE RELEASE VERSION SINCE BY HEALTH PROCESSES CERTIFICATE".split(),
        f"yes shop web1 {B} v2 2 h she@there 200 in 12 ms web 24 MB 61 d".split(),
        f"yes shop web2 {B} v2 2 h she@there 200 in 12 ms web 24 MB 61 d".split(),
    ]
    assert lines[5].split() == "yes web1 Debian 13 1 d 0.2 of 2 1.5 GB of 4.0 GB 40.0 GB (40 %) none no".split()
    assert len(lines) == 7


PROBLEMS = {
    "nothing is live": (one(live=None, processes=[], health=None, visitor=None), "nothing is live: deploy it"),
    "a process is down": (one(processes=[process("web"), process("worker-2", state="failed")]), "its process worker-2 is failed"),
    "unwell": (one(health={"path": "/", "status": 500, "seconds": 1, "fault": "GET / answers 500"}), "GET / answers 500"),
    "not through nginx": (one(visitor="https://shop.example.com/ through nginx answers 502"), "https://shop.example.com/ through nginx answers 502"),
    "damaged": (one(damage="release x is damaged: 3 files are missing."), "release x is damaged: 3 files are missing"),
    "expires soon": (one(certificate={"path": "/c", "expires": "20261113T060000Z", "self_signed": False}), "its certificate expires in 10 days"),
    "expired": (one(certificate={"path": "/c", "expires": "20261103T040000Z", "self_signed": False}), "its certificate has expired"),
    "unreadable certificate": (one(certificate={"path": "/c", "expires": None, "self_signed": False}), "its certificate /c cannot be read"),
    "unreadable state": ({"exists": True, "live": None, "fault": "manifest.json has schema 9"}, "it cannot be looked at: manifest.json has schema 9"),
}


@pytest.mark.parametrize("told, text", PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_of_an_application(told, text):
    hosts = {"web1": host(shop=told)}
    assert said(hosts) == [("problem", "shop", "web1", text)]
    report = _status.report(hosts, NOW)
    assert not report["well"]
    table = _status.table(report)
    assert table[1].startswith("NO ") and table[-1] == f"PROBLEM: shop on web1: {text}."


NOTICES = {
    "restarts": (one(processes=[process("web", restarts=3)]), "its process web has ended by itself and was restarted 3 times"),
    "a failed release": (one(failure={"release": B, "state": "failed", "error": "it does not start\nTraceback"}),
                         f"release {B}, which came after the live one, failed: it does not start"),
    "a switch": (one(switch={"release": B, "by": "he@here", "since": "x"}, lease={"until": NOW + 9, "by": "he@here"}),
                 f"a switch to {B} is under way, by he@here since x"),
    "a deploy": (one(lease={"until": NOW + 9, "by": "he@here", "since": "x"}), "he@here is deploying since x"),
}


@pytest.mark.parametrize("told, text", NOTICES.values(), ids=NOTICES)
def test_a_notice_is_no_problem(told, text):
    hosts = {"web1": host(shop=told)}
    assert said(hosts) == [("notice", "shop", "web1", text)] and _status.report(hosts, NOW)["well"]


def test_the_lease_of_a_controller_that_is_gone_is_nothing():
    assert said({"web1": host(shop=one(lease={"until": NOW - 9, "by": "he@here"}))}) == []


def test_hosts():
    machine = {"disk_free": 5e9, "inodes_free": 3, "reboot": "linux-image-amd64 asks for it", "updates": {"packages": ["a", "b"], "security": ["a"]}}
    assert said({"web1": host(machine, others=["old"]), "web2": None}) == [
        ("problem", "", "web1", "its disk has 5 % free"),
        ("problem", "", "web1", "its disk has 3 % of its inodes free"),
        ("problem", "", "web2", "it cannot be reached"),
        ("notice", "", "web1", "a reboot is due: linux-image-amd64 asks for it"),
        ("notice", "", "web1", "1 security updates are pending: a"),
        ("notice", "", "web1", "it has an application old, which the inventory does not place there"),
    ]
    lines = _status.table(_status.report({"web1": host(machine), "web2": None}, NOW))
    assert lines[0] == "No application is placed on these hosts." and "2, 1 security  due" in lines[3] and lines[4].split() == ["NO", "web2", "UNREACHABLE"]


def test_hosts_that_differ():
    hosts = {"web1": host(shop=one()), "web2": host(shop=one(live=A)), "web3": host(shop=one())}
    assert said(hosts) == [("problem", "shop", "web2", f"{A} is live there, but {B} on 2 other hosts")]
    del hosts["web3"]
    assert said(hosts) == [("problem", "shop", "web2", f"{A} is live there, but {B} on web1")]


def test_instances_of_one_process_are_shown_together():
    its = [process("web"), process("worker"), process("worker-2", restarts=2), process("beat", state="dead", memory=None)]
    assert _status.grouped(its) == "web 24 MB, worker 2x 48 MB (2 restarts), beat DEAD"
