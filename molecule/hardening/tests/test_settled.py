# Copyright (c) 2026, the pyweb.stack authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host that has been in use keeps, and what converge.yml asks for."""

from __future__ import annotations

import pytest


def test_the_keys_of_the_host_are_the_old_ones(host):
    assert host.run("sha256sum --check --quiet /root/host_keys").rc == 0


@pytest.mark.parametrize(
    "rule",
    [
        "tcp dport 22 accept",
        "tcp dport 80 accept",
        "udp dport 443 accept",
        "ip saddr { 127.0.0.0/8, 192.0.2.0/24 } tcp dport 8100-8110 accept",
        "ip6 saddr 2001:db8::/32 tcp dport 8100-8110 accept",
        "type filter hook input priority filter; policy drop;",
    ],
)
def test_the_firewall_has_the_rules(host, rule):
    rules = [line.strip() for line in host.check_output("nft list table inet pyweb").splitlines()]
    assert rule in rules


@pytest.mark.parametrize(
    "name, value",
    [
        ("net.core.somaxconn", 2048),
        ("net.ipv4.conf.all.rp_filter", 2),
        ("net.ipv4.conf.all.accept_redirects", 0),
        ("net.ipv4.conf.all.send_redirects", 1),
        ("net.ipv4.conf.default.send_redirects", 0),
    ],
)
def test_the_kernel_has_the_settings(host, name, value):
    assert host.sysctl(name) == value
