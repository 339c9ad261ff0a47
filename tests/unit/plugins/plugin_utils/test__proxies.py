# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.plugin_utils import _proxies

PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize("given, names", [
    (None, []), ("", []), ([], []),
    ("a.example.com, *.example.net,,10.0.0.0/8", ["a.example.com", ".example.net", "10.0.0.0/8"]),
    (["*.example.com", " b ", ""], [".example.com", "b"]),
    (["a*.example.com", "*"], ["a*.example.com", "*"]),
])
def test_what_is_reached_directly(given, names):
    assert _proxies.direct_hosts(given) == names
    assert _proxies.variables(PROXY, given)["no_proxy"] == ",".join(["localhost", "127.0.0.1", "::1", *names])


def test_the_variables_are_there_in_small_letters_and_in_capitals():
    found = _proxies.variables(PROXY, "a")
    assert {name: found[name] for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} == dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), PROXY)
    assert found["NO_PROXY"] == found["no_proxy"] and len(found) == 6


@pytest.mark.parametrize("proxy", [None, ""])
def test_without_a_proxy_there_are_none(proxy):
    assert _proxies.variables(proxy, "a") == _proxies.of_tasks(proxy, "a") == {}


def test_a_password_is_in_no_environment_that_sudo_logs():
    assert _proxies.of_tasks("http://user:geheim@proxy.example.com:3128", "a") == {"PYWEB_PROXY_FILE": "/etc/pyweb/proxy.env"}
    assert _proxies.of_tasks(PROXY, "a") == _proxies.variables(PROXY, "a")
