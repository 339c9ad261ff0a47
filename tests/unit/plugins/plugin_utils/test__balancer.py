# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What balancers and their members are told, from the inventory alone."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _balancer

GROUPS = {"pyweb": ["web1", "web2"], "pyweb_balancers": ["lb1"], "few": ["web2"], "db": ["db1"]}
BALANCING = {"balancers": {"lb1": "10.0.0.10"}, "members": {"web1": "10.0.0.11", "web2": "fd00::12"}, "tls": False}
SITE = {
    "domains": ["shop.example.com"], "tls": {"source": "acme"}, "limits": {"requests": "10r/s"}, "headers": {"X-Shop": "1"}, "read_timeout": "2m",
    "http3": True, "client_max_body_size": "50m", "static": {"/static/": "static"}, "access": {"/admin/": {"allow": ["192.0.2.0/24"]}}, "probes": ["/up"],
}
SHOP = {"source": {"path": "/src"}, "processes": {"web": {"wsgi": "shop:app"}}, "site": SITE}


def site(host, shop=None, **changes):
    everything, chosen = _apps.survey({"shop": {**SHOP, **(shop or {})}}, host=host, groups=GROUPS, balancing={**BALANCING, **changes})
    return everything[0]["site"], chosen


def test_a_balancer_has_the_members_and_what_visitors_see_of_the_domain():
    found, chosen = site("lb1")
    assert chosen == [], "nothing is built or switched on a balancer"
    assert found == {
        "name": "shop", "state": "present", "domains": ["shop.example.com"], "probes": ["/up"], "client_max_body_size": "50m",
        "tls": {"source": "acme"}, "http3": True, "limits": {"requests": "10r/s", "burst": 0, "connections": 0},
        "members": ["http://10.0.0.11:80", "http://[fd00::12]:80"], "read_timeout": "125s",
    }


def test_a_member_leaves_certificate_and_limits_to_the_balancer():
    found, chosen = site("web1")
    assert found["upstream"].startswith("unix:") and found["headers"] and found["static"] and found["access"]
    assert not {"tls", "http3", "limits"} & set(found)
    assert [item["name"] for item in chosen] == ["shop"]


def test_by_tls():
    assert site("lb1", tls=True)[0]["members"] == ["https://10.0.0.11:443", "https://[fd00::12]:443"]


@pytest.mark.parametrize("shop", [{"hosts": ["few"]}, {"processes": {"web": {"wsgi": "shop:app", "hosts": ["web2"]}}}])
def test_the_members_are_the_hosts_of_the_application(shop):
    assert site("lb1", shop)[0]["members"] == ["http://[fd00::12]:80"]


def test_below_a_path_it_is_the_member_that_takes_the_path_off():
    found, _chosen = site("lb1", {"site": {"domains": ["shop.example.com"], "path": "/api"}})
    assert found["path"] == "/api" and found["keep_path"] is True


@pytest.mark.parametrize("host, hosts", [("lb1", ["lb1"]), ("web1", ["web1", "lb1"]), ("web2", ["web2"])])
def test_a_balancer_has_what_app_names(host, hosts):
    _apps.survey({"shop": {**SHOP, "hosts": ["few"]}}, app="shop", host=host, groups=GROUPS, balancing=BALANCING, hosts=hosts)


def test_a_member_that_lacks_what_app_names():
    with pytest.raises(AppsError, match="^app is 'shop', which none of these hosts has: web1; it is on web2: correct --limit.$"):
        _apps.survey({"shop": {**SHOP, "hosts": ["few"]}}, app="shop", host="web1", groups=GROUPS, balancing=BALANCING, hosts=["web1"])


@pytest.mark.parametrize("shop", [{"state": "absent"}, {"site": None}])
def test_a_site_that_is_to_go(shop):
    assert site("lb1", shop)[0]["state"] == "absent"


@pytest.mark.parametrize("host", ["lb1", "web1"])
@pytest.mark.parametrize("shop, changes, message", [
    ({}, {"members": {"web1": "10.0.0.11", "web2": "web2.example.com"}}, "pyweb_address of web2 is 'web2.example.com': the address by which"),
    ({}, {"balancers": {"lb1": "lb1"}}, "pyweb_address of lb1 is 'lb1': the address by which"),
    ({}, {"members": {"lb1": "10.0.0.10"}}, "lb1 is in the groups pyweb and pyweb_balancers"),
    ({"hosts": ["db"]}, {}, "pyweb_apps.shop.hosts has db1, which is not in the group pyweb"),
    ({"hosts": ["web1"], "processes": {"web": {"wsgi": "shop:app", "hosts": ["web2"]}}}, {}, "pyweb_apps.shop has a site, but it runs on no host"),
    ({"hosts": ["nowhere"]}, {}, "pyweb_apps.shop.hosts has 'nowhere': neither a group nor a host"),
])
def test_what_cannot_work_is_refused(host, shop, changes, message):
    with pytest.raises(AppsError) as refused:
        site(host, shop, **changes)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("text, seconds", [("500ms", 0.5), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172800)])
def test_times_as_nginx_writes_them(text, seconds):
    assert _balancer.seconds(text) == seconds


def test_the_firewall_of_a_member_opens_to_its_balancers_alone():
    assert _balancer.firewall({}, ["10.0.0.10"]) == {"allow": [{"port": "80", "from": ["10.0.0.10"]}, {"port": "443", "from": ["10.0.0.10"]}]}
    given = {"enabled": True, "allow": [{"port": 443}, {"port": "443", "from": ["192.0.2.1"]}, {"port": "9000"}, {"protocol": "vrrp"}]}
    assert _balancer.firewall(given, ["10.0.0.10"]) == {
        "enabled": True,
        "allow": [{"port": 443, "from": ["10.0.0.10"]}, {"port": "443", "from": ["192.0.2.1"]}, {"port": "9000"}, {"protocol": "vrrp"}],
    }
