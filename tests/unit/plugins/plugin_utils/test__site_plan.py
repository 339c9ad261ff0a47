# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sites share a server of nginx, and what each serves TLS with."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_plan


ACME = {"directory": "letsencrypt", "fallback": "", "contact": "ops@example.com", "key_type": "ecdsa", "eab_kid": "", "eab_hmac_key": "secret",
        "challenge": "http", "addresses": [], "dns_plugin": "", "dns_credentials": {"token": "secret"}, "dns_propagation": 60}
PATHS = {"account_file": "/acme/account.ini", "dns_credentials": "/acme/dns.ini", "webroot": "/webroot"}


DEFAULTS = {"state": "present", "domains": [], "path": "/", "members": [], "upstream": "", "probes": [], "http3": False, "retry_after": 300,
            "tls": {"source": "auto", "certificate": "", "key": ""}}


def site(name, *domains, tls=None, **given):
    tls = {**(tls or {}), **{key: given.pop(key) for key in ("source", "certificate", "key") if key in given}}
    return {"name": name, "domains": list(domains), **({"tls": tls} if tls else {}), **given}


def plan(*sites, ca="", refuses_nameless=True, **acme):
    return _site_plan.plan(
        list(sites), defaults=DEFAULTS, directory="/tls", store="/acme", ca=ca, acme={**ACME, **acme}, paths=PATHS, refuses_nameless=refuses_nameless)


@pytest.mark.parametrize("sites, server_of", [
    ([site("a", "a.org"), site("b", "b.org")], {"a": "a", "b": "b"}),
    # A path is in the server of its domain, whatever comes first.
    ([site("api", "a.org", path="/api"), site("a", "a.org")], {"api": "a", "a": "a"}),
    # Nobody has / there: the first one holds the server.
    ([site("api", "a.org", path="/api"), site("docs", "a.org", path="/docs")], {"api": "api", "docs": "api"}),
    ([site("api", "b.org", "a.org", path="/api"), site("a", "a.org")], {"api": "api", "a": "a"}),
    # What is refused later on: without domains, or with those of another one.
    ([site("a"), site("api", path="/api")], {"a": "a", "api": "api"}),
    ([site("a", "a.org"), site("b", "a.org")], {"a": "a", "b": "b"}),
])
def test_who_shares_a_server(sites, server_of):
    found = plan(*sites)
    assert found["server_of"] == server_of
    assert [whole["name"] for whole in found["wholes"]] == [name for name in (item["name"] for item in sites) if server_of[name] == name]


def test_what_is_not_given_has_its_default_and_absent_sites_are_only_named():
    found = plan(site("a", "a.org", key="/k", certificate="/c"), site("b", "b.org", state="absent"))
    assert found["named"] == ["a", "b"]
    assert found["sites"] == [{**DEFAULTS, "name": "a", "domains": ["a.org"], "tls": {"source": "auto", "certificate": "/c", "key": "/k"}}]


def test_names_are_as_they_are_in_a_request_and_the_first_member_tells_what_all_are():
    found = plan(site("a", "a.org", "2001:db8::1", "192.0.2.1", members=["http://10.0.0.1:80", "http://10.0.0.2:80"]), site("b", "b.org"))
    assert found["names_of"] == {"a": ["a.org", "[2001:db8::1]", "192.0.2.1"], "b": ["b.org"]}
    assert [item["upstream"] for item in found["sites"]] == ["http://10.0.0.1:80", ""]


@pytest.mark.parametrize("given, source", [
    ({}, "self-signed"), ({"certificate": "/c", "key": "/k"}, "files"), ({"source": "acme"}, "acme"), ({"source": "company-ca"}, "company-ca"),
    ({"source": "self-signed", "certificate": "/c", "key": "/k"}, "self-signed"), ({"source": "files"}, "files"),
])
def test_where_a_certificate_comes_from(given, source):
    found = plan(site("a", "a.org", **given), site("api", "a.org", path="/api", source="acme"), ca="/ca.pem")
    # Of a path it is that of its domain.
    assert found["tls_source_of"] == {"a": source}
    pair = found["certificate_of"]["a"]
    assert pair["source"] == source and set(found["certificate_of"]) == {"a"}
    assert found["self_signed"] == ([pair] if source in ("self-signed", "company-ca") else [])
    assert found["acme_pairs"] == ([pair] if source == "acme" else [])
    if source == "acme":
        assert (pair["certificate"], pair["key"]) == ("/acme/a/current/fullchain.pem", "/acme/a/current/privkey.pem")
    elif source == "files":
        assert (pair["certificate"], pair["key"]) == (given.get("certificate", ""), given.get("key", ""))


def test_other_domains_and_another_authority_get_another_certificate():
    def names(*sites, ca=""):
        return [pair["certificate"] for pair in plan(*sites, ca=ca)["self_signed"]]

    alone, more = names(site("a", "a.org")), names(site("a", "a.org", "b.org"))
    assert alone == names(site("a", "a.org"), ca="/ca.pem") and alone[0].startswith("/tls/a-") and alone[0].endswith(".crt")
    signed = [names(site("a", "a.org", source="company-ca"), ca=ca) for ca in ("/ca.pem", "/other.pem")]
    assert len({*alone, *more, *signed[0], *signed[1]}) == 4


@pytest.mark.parametrize("domain, challenge, dns", [("a.org", "http", False), ("a.org", "dns", True), ("*.a.org", "http", True)])
def test_wildcards_are_asked_for_by_dns(domain, challenge, dns):
    asked = plan(site("a", domain, source="acme"), site("b", "b.org"), challenge=challenge)["acme_sites"]
    assert [(item["name"], item["domains"], item["dns"]) for item in asked] == [("a", [domain], dns)]


@pytest.mark.parametrize("kid, account_file", [("", ""), ("abc", "/acme/account.ini")])
def test_what_is_kept_beside_the_domains_has_no_secrets(kid, account_file):
    (asked,) = plan(site("a", "a.org", source="acme"), eab_kid=kid)["acme_sites"]
    assert asked["settings"] == {
        "directory": "letsencrypt", "fallback": "", "contact": "ops@example.com", "key_type": "ecdsa", "addresses": [], "dns_plugin": "",
        "dns_propagation": 60, "account_file": account_file, "dns_credentials": "/acme/dns.ini", "webroot": "/webroot",
    }


@pytest.mark.parametrize("sites, refuses, whose", [
    ([site("a", "a.org"), site("b", "b.org")], True, None),
    ([], False, None),
    ([site("a", "a.org"), site("b", "b.org", "192.0.2.1"), site("c", "2001:db8::1")], True, "b"),
    ([site("a", "a.org"), site("b", "b.org", probes=["/healthz"])], True, "b"),
    # It is shown by the server of the domain.
    ([site("api", "a.org", path="/api", probes=["/healthz"]), site("a", "a.org")], True, "a"),
    # An older nginx shows the first one.
    ([site("a", "a.org"), site("b", "b.org", probes=["/healthz"])], False, "a"),
])
def test_whose_certificate_those_get_who_send_no_name(sites, refuses, whose):
    shown = plan(*sites, refuses_nameless=refuses)["nameless"]
    assert (shown and shown["site"]) == whose


def test_http3_is_of_those_with_a_server():
    assert plan(site("a", "a.org", http3="yes"), site("api", "a.org", path="/api", http3=True), site("b", "b.org"))["quic_sites"] == ["a"]


def test_a_file_of_several_sites_is_given_once():
    one, other = {"certificate": "/c", "key": "/k"}, {"certificate": "/d", "key": "/k"}
    assert plan(site("a", "a.org", **one), site("b", "b.org", **other), site("c", "c.org", **one))["given_files"] == ["/c", "/d", "/k"]
