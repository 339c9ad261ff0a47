# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/3 is let in for those who may come by HTTPS, and for nobody else."""

from __future__ import annotations

import copy
import pathlib

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.plugin_utils import _firewall

COLLECTION = pathlib.Path(__file__).resolve().parents[4]
UDP = {"port": "443", "protocol": "udp"}
OFFICE = {"port": "443", "from": ["10.0.0.0/8"]}


@pytest.mark.parametrize("allow, more", [
    ([{"port": "80"}, {"port": "443"}], [UDP]),
    ([{"port": 443, "protocol": "tcp"}], [UDP]),
    ([{"port": "400-500"}], [UDP]),
    ([OFFICE], [{**UDP, "from": ["10.0.0.0/8"]}]),
    ([OFFICE, {"port": "443"}], [{**UDP, "from": ["10.0.0.0/8"]}, UDP]),
    # Where HTTPS is not let in, HTTP/3 is not either.
    ([{"port": "80"}], []), ([], []), ([{"protocol": "vrrp"}], []), ([{"port": "4430-4440"}], []), ([{"port": "443", "protocol": "sctp"}], []),
    # It is open already.
    ([{"port": "443"}, UDP], []), ([OFFICE, {"port": 443, "protocol": "udp"}], []), ([OFFICE, {**UDP, "from": ["10.0.0.0/8"]}], []),
    ([{"port": "443"}, {**UDP, "from": ["10.0.0.0/8"]}], [UDP]),
    # The role says what is wrong with it.
    ([{"port": "https"}], []),
])
def test_udp_is_open_to_those_to_whom_tcp_is(allow, more):
    given = {"enabled": True, "allow": allow}
    before = copy.deepcopy(given)
    assert _firewall.with_http3(given) == {"enabled": True, "allow": allow + more}
    assert given == before


def test_what_nobody_has_given_is_what_the_role_takes_then():
    defaults = yaml.safe_load((COLLECTION / "roles" / "hardening" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    allow = defaults["hardening_firewall"]["allow"]
    assert list(_firewall.DEFAULT) == allow
    assert _firewall.with_http3({}) == {"allow": [*allow, UDP]}
