# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pyweb.stack.plugins.filter.of_hosts import json_of_hosts, of_hosts
from jinja2.runtime import Undefined

LOOPED = {"results": [{"item": "shop", "live": "a"}, {"item": "blog", "live": "b"}]}
HOSTS = {
    "web1": {"app_info": {"shop": {"live": "a"}}, "found": {"results": [{"lines": []}]}, "looped": LOOPED},
    "web2": {"app_info": {"blog": {"live": None}}, "found": {"results": []}, "looped": {"results": [{"item": "shop", "live": "c"}]}},
    "web3": {"app_info": Undefined(name="app_info"), "found": None},
    "web4": {},
}


@pytest.mark.parametrize("path, found", [
    (["app_info", "shop"], {"web1": {"live": "a"}}),
    (["app_info", "shop", "live"], {"web1": "a"}),
    (["app_info", "blog"], {"web2": {"live": None}}),
    (["app_info", "blog", "live"], {}),
    (["found", "results", 0, "lines"], {"web1": []}),
    (["found", "results", 0], {"web1": {"lines": []}}),
    (["found", "results", "lines"], {}),
    (["app_info", "shop", "live", 0], {}),
    (["nowhere"], {}),
    (["looped", "results", {"item": "blog"}], {"web1": {"item": "blog", "live": "b"}}),
    (["looped", "results", {"item": "blog", "live": "b"}, "live"], {"web1": "b"}),
    (["looped", "results", {"item": "blog", "live": "c"}], {}),
    (["looped", "results", {"item": "shop"}, "live"], {"web1": "a", "web2": "c"}),
    (["looped", "results", {"other": "shop"}], {}),
    (["looped", {"item": "shop"}], {}),
])
def test_hosts_that_have_it(path, found):
    assert of_hosts(list(HOSTS), HOSTS, *path) == found


def test_only_those_that_are_named_in_their_order():
    given = {name: {"x": number} for number, name in enumerate("abc")}
    assert list(of_hosts(["c", "a"], given, "x").items()) == [("c", 2), ("a", 0)]


def test_variables_of_a_host_are_put_together_once():
    class Hosts(dict):
        asked = 0

        def __getitem__(self, name):
            self.asked += 1
            return super().__getitem__(name)

    hosts = Hosts(HOSTS)
    of_hosts(list(HOSTS), hosts, "app_info", "shop")
    assert hosts.asked == len(HOSTS)


def test_a_variable_has_to_be_named():
    with pytest.raises(AnsibleFilterError):
        of_hosts(list(HOSTS), HOSTS)


class Raw(dict):
    """As hostvars, which has what no template has been rendered in."""

    def __getitem__(self, name):
        raise AssertionError("renders all templates of a variable")

    def raw_get(self, name):
        return super().__getitem__(name)


def test_as_json_nothing_is_rendered():
    names = ["web2", "web1", "web4"]
    assert json_of_hosts(names, Raw(HOSTS), "app_info", "shop") == '{"web1": {"live": "a"}}'
    assert json.loads(json_of_hosts(names, Raw(HOSTS), "found", "results")) == of_hosts(names, HOSTS, "found", "results")


def test_as_json_a_variable_has_to_be_named():
    with pytest.raises(AnsibleFilterError):
        json_of_hosts(list(HOSTS), Raw(HOSTS))
