# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.plugin_utils import _hardening_plan as plan


@pytest.mark.parametrize("item, rules", [
    ({"port": 443}, ["tcp dport 443 accept"]),
    ({"port": "8000-8010", "protocol": "udp", "from": []}, ["udp dport 8000-8010 accept"]),
    ({"protocol": "vrrp"}, ["meta l4proto 112 accept"]),
    ({"protocol": "vrrp", "from": ["10.0.0.1", "10.0.0.2"]}, ["ip saddr { 10.0.0.1, 10.0.0.2 } meta l4proto 112 accept"]),
    ({"port": 22, "from": ["2001:db8::/32", "10.0.0.0/8"]}, ["ip saddr { 10.0.0.0/8 } tcp dport 22 accept", "ip6 saddr { 2001:db8::/32 } tcp dport 22 accept"]),
])
def test_what_the_firewall_lets_in(item, rules):
    assert plan.firewall_rules([item], {"vrrp": 112}) == rules


OWN = [{"keyword": "MaxAuthTries", "strict": "3"}, {"keyword": "X11Forwarding", "value": "no"}, {"keyword": "MACs", "value": "-sha1", "strict": "sha2"}]


@pytest.mark.parametrize("strict, expected", [
    (False, [("X11Forwarding", "no"), ("MACs", "-sha1")]),
    (True, [("MaxAuthTries", "3"), ("X11Forwarding", "no"), ("MACs", "sha2")]),
])
def test_sshd_by_level(strict, expected):
    assert [(one["keyword"], one["value"]) for one in plan.ssh_settings(OWN, {}, strict)] == expected


def test_what_a_user_gives_sshd_comes_first_and_in_place_of_ours():
    settings = plan.ssh_settings(OWN, {"Port": [22, 2222], "x11forwarding": True}, False)
    assert settings == [
        {"keyword": "Port", "value": "22", "given": True}, {"keyword": "Port", "value": "2222", "given": True},
        {"keyword": "x11forwarding", "value": "yes", "given": True}, {"keyword": "MACs", "value": "-sha1", "given": False},
    ]


FORWARD = {"name": "net.ipv4.ip_forward", "value": "0", "unless": "1", "why": "no router"}
POINTERS = {"name": "kernel.kptr_restrict", "value": "1", "stricter": ["2"], "why": ""}


@pytest.mark.parametrize("found, given, expected", [
    ({}, {}, {}),
    ({"kernel.kptr_restrict": "0", "net.ipv4.ip_forward": "0"}, {}, {"net.ipv4.ip_forward": "0", "kernel.kptr_restrict": "1"}),
    ({"kernel.kptr_restrict": "2", "net.ipv4.ip_forward": "1"}, {}, {"kernel.kptr_restrict": "2"}),
    ({"kernel.kptr_restrict": "0"}, {"kernel.kptr_restrict": ""}, {}),
    ({"net.ipv4.ip_forward": "1"}, {"net.ipv4.ip_forward": 0, "vm.swappiness": 10}, {"net.ipv4.ip_forward": 0, "vm.swappiness": 10}),
], ids=["a kernel without them", "as they are", "stricter or needed", "by choice not", "by choice"])
def test_the_kernel(found, given, expected):
    assert {one["name"]: one["value"] for one in plan.sysctl_settings([FORWARD, POINTERS], given, found)} == expected


FILTER = {"name": "net.ipv4.conf.all.rp_filter", "value": "2", "stricter": ["1"], "beside": "net.ipv4.conf.*.rp_filter", "why": ""}


@pytest.mark.parametrize("everywhere, interface, expected", [("0", "0", ["2"]), ("0", "2", ["2"]), ("1", "0", ["1"]), ("0", "1", []), ("2", "1", [])])
def test_a_setting_for_all_interfaces_loosens_none_that_is_stricter(everywhere, interface, expected):
    """Of both, the kernel takes the larger: 2 lets more in than 1."""
    found = {FILTER["name"]: everywhere, "net.ipv4.conf.eth0.100.rp_filter": interface, "net.ipv4.conf.eth0.forwarding": "1"}
    assert [one["value"] for one in plan.sysctl_settings([FILTER], {}, found)] == expected
    assert [one["value"] for one in plan.sysctl_settings([FILTER], {FILTER["name"]: "2"}, found)] == ["2"]


JOBS = [{"path": "/etc/cron.allow", "program": "/usr/bin/crontab", "group": "crontab", "names": ["bob", "root"]}]


@pytest.mark.parametrize("wanted, there, of_others, expected", [
    (True, ["/usr/bin/crontab"], [], [True]),
    (True, [], [], [False]),
    (False, ["/usr/bin/crontab"], [], [False]),
    (True, ["/usr/bin/crontab"], ["/etc/cron.allow"], []),
], ids=["wanted", "without the program", "not wanted", "of others"])
def test_who_may_have_jobs(wanted, there, of_others, expected):
    files = plan.job_files(JOBS, wanted, there, of_others)
    assert [file["wanted"] for file in files] == expected
    assert all(file["content"].endswith("hardening.\nbob\nroot\n") and (file["mode"], file["group"]) == ("0640", "crontab") for file in files)


@pytest.mark.parametrize("wanted, there, of_others, expected", [
    (True, ["/usr/lib/x.conf"], [], [True]),
    (True, [], [], [False]),
    (False, ["/usr/lib/x.conf"], [], [False]),
    (True, ["/usr/lib/x.conf"], ["/etc/x.conf"], []),
], ids=["wanted", "without the package's", "not wanted", "of others"])
def test_files_of_packages_that_are_looser_are_hidden(wanted, there, of_others, expected):
    files = plan.hiding_files({"/usr/lib/x.conf": "/etc/x.conf"}, wanted, there, of_others)
    assert [file["wanted"] for file in files] == expected
    assert all(line.startswith("#") for file in files for line in file["content"].splitlines())


DEBIAN, THEIRS = "Debian GNU/Linux 13 \\n \\l\n\n", "This is the machine of Bob.\n"


@pytest.mark.parametrize("original, text, given, there, expected", [
    (DEBIAN, "Go away. ", False, [], {"/k/issue.before": DEBIAN, "/etc/issue": "Go away.\n"}),
    (THEIRS, "Go away.", False, [], {}),
    (THEIRS, "Go away.", True, [], {"/k/issue.before": THEIRS, "/etc/issue": "Go away.\n"}),
    (DEBIAN, None, True, [], {}),
    (DEBIAN, None, True, ["/k/issue.before"], {"/etc/issue": DEBIAN, "/k/issue.before": None}),
    (THEIRS, "Go away.", False, ["/k/issue.before"], {"/etc/issue": THEIRS, "/k/issue.before": None}),
], ids=["Debian's", "somebody's", "somebody's, another one given", "none", "none any more", "not given any more"])
def test_banners(original, text, given, there, expected):
    files = plan.banner_files({"/etc/issue": "issue.before", "/etc/motd": "x"}, "/k", {"originals": {"/etc/issue": original}, "there": there}, text, given)
    assert {file["path"]: file["content"] if file["wanted"] else None for file in files} == expected


def test_files_that_are_written():
    files = [{"path": "/a", "wanted": False, "content": ""}, {"path": "/b", "wanted": True, "content": "b"},
             {"path": "/c", "wanted": True, "content": "c", "mode": "0640", "group": "adm"}]
    assert plan.wanted_files(files, {"/etc/login.defs": {"content": "d", "mode": "0644"}}) == [
        {"path": "/b", "content": "b", "mode": "0644", "group": "root"}, {"path": "/c", "content": "c", "mode": "0640", "group": "adm"},
        {"path": "/etc/login.defs", "content": "d", "mode": "0644"},
    ]


@pytest.mark.parametrize("item, said", [
    ({"protocol": "tcp", "port": 5432, "by": "postgresql"}, ["tcp port 5432 (postgresql)"]),
    ({"protocol": "udp", "port": 443, "by": ""}, ["udp port 443 (the kernel)"]),
    ({"protocol": "vrrp", "port": 0, "by": "keepalived"}, ["vrrp (keepalived)"]),
    ({"protocol": "udp", "port": 22, "by": "x"}, ["udp port 22 (x)"]),
    ({"protocol": "tcp", "port": 443, "by": "nginx"}, []),
    ({"protocol": "tcp", "port": 8005, "by": "x"}, []),
    ({"protocol": "tcp", "port": 2222, "by": "sshd"}, []),
    ({"protocol": "udp", "port": 51820, "by": ""}, []),
    ({"protocol": "ospf", "port": 0, "by": "bird"}, []),
])
def test_what_the_firewall_would_shut_others_off_from(item, said):
    allowed = [{"port": "80"}, {"port": 443}, {"port": "8000-8010", "from": ["10.0.0.0/8"]}, {"protocol": "ospf"}]
    assert plan.closed_ports([item], allowed, [22, 2222], ["# Way in: wireguard wg0", "udp dport 51820 accept"]) == said
