# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _summary

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-5d6e7f8"


def told(previous, release, activate=True, **urls):
    return {"releases": {"shop": {"previous": previous, "release": release, "activate": activate}}, "urls": urls}


def test_hosts_that_went_the_same_way_share_a_line():
    lines = _summary.summary({
        "web1": told(A, B, shop="https://shop.example.com/"), "web2": told(A, B, shop="https://shop.example.com/"), "web3": told(None, B),
    })
    assert [line.split() for line in lines] == [
        ["APPLICATION", "FROM", "TO", "HOSTS", "URL"],
        ["shop", "(none)", B, "live", "web3"],
        ["shop", A, B, "live", "web1,", "web2", "https://shop.example.com/"],
    ]
    assert len({line.index(B) for line in lines[1:]} | {lines[0].index("TO")}) == 1, "columns"


def test_a_build_tells_its_seconds_those_of_the_slowest_host():
    def built(**durations):
        one = told(A, B)
        one["releases"]["shop"]["durations"] = durations
        return one

    lines = _summary.summary({"web1": built(fetch=0.3, environment=4.2, build=1.1), "web2": built(fetch=1.0, environment=41.4, build=3.6), "web3": told(A, B)})
    assert lines[0].split() == ["APPLICATION", "FROM", "TO", "BUILT", "IN", "HOSTS", "URL"]
    assert lines[1].split("  ")[-2:] == ["46 s (environment 41)", "web1, web2, web3"]
    assert "  1 s  " in _summary.summary({"web1": built(copy=0.6)})[1]


def test_what_did_not_happen():
    assert _summary.summary({"web1": told(A, A, activate=False)})[1].split() == ["shop", A, A, "nothing", "to", "do", "web1"]
    assert "would go live" in _summary.summary({"web1": told(A, B)}, check=True)[1]
    assert _summary.summary({}) == ["No application is placed on these hosts."]


def test_address():
    assert _summary.url({"domains": ["*.example.com", "shop.example.com"]}) == "https://shop.example.com/"
    assert _summary.url({"domains": ["*.example.com"]}) == _summary.url(None) == ""
