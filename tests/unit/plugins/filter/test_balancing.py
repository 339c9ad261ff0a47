# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.filter.balancing import balancing

GROUPS = {"pyweb": ["web1", "web2"], "pyweb_balancers": ["door1", "door2"], "others": ["mail"]}
HOSTS = {
    "web1": {"ansible_host": "192.0.2.11", "pyweb_address": "10.0.0.11"}, "web2": {"ansible_host": "192.0.2.12"},
    "door1": {"pyweb_address": "10.0.0.1"}, "door2": {},
}


@pytest.mark.parametrize("groups", [{}, {"pyweb": ["web1"]}, {"pyweb": ["web1"], "pyweb_balancers": []}])
def test_without_balancers_nobody_stands_in_front_of_anybody(groups):
    assert balancing(groups, {}) == {}


def test_the_address_of_a_host_is_that_among_them_then_that_of_ansible_then_its_name():
    found = balancing(GROUPS, HOSTS)
    assert found["members"] == {"web1": "10.0.0.11", "web2": "192.0.2.12"}
    assert found["balancers"] == {"door1": "10.0.0.1", "door2": "door2"}


def test_their_order_is_that_of_the_inventory():
    assert list(balancing({**GROUPS, "pyweb_balancers": ["door2", "door1"]}, HOSTS)["balancers"]) == ["door2", "door1"]


@pytest.mark.parametrize("given, tls", [(True, True), ("yes", True), ("false", False), (0, False), (None, False)])
def test_the_first_balancer_says_whether_members_are_asked_by_tls(given, tls):
    hosts = {**HOSTS, "door1": {**HOSTS["door1"], "pyweb_balancer_tls": given}, "door2": {"pyweb_balancer_tls": not tls}}
    assert balancing(GROUPS, hosts)["tls"] is tls
    assert balancing(GROUPS, HOSTS)["tls"] is False
