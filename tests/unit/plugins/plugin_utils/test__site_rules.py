# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role nginx refuses before it looks at the host, each with one sentence."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.plugin_utils import _certificate_rules, _site_plan, _site_rules

ROLE = Path(__file__).resolve().parents[4] / "roles" / "nginx"
GROUPS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
SERVER = GROUPS["nginx_server"]
DEFAULTS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__nginx_site_defaults"]
DOCS = {"name": "docs", "domains": ["docs.example.com"], "root": "/srv/docs"}
BLOG = {"name": "blog", "domains": ["blog.example.com"], "root": "/srv/blog"}


def merged(base, given):
    result = copy.deepcopy(base)
    for key, value in given.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else copy.deepcopy(value)
    return result


def faults(given, server=None, files=(), without_http3=""):
    plan = _site_plan.plan(given, defaults=DEFAULTS, directory="/tls", store="/acme", ca="", acme=GROUPS["nginx_acme"], paths={})
    sites, of = plan["sites"], plan["server_of"]
    return _site_rules.faults(given, sites, {**SERVER, **(server or {})}, of, list(files), without_http3)


# What is other than in DOCS, in BLOG and in nginx_server, and the sentence.
WRONG = [
    ({"name": 'Docs'}, {}, {}, "item of nginx_sites is 'Docs': begin with a small letter"),
    ({"name": 'a/b'}, {}, {}, "item of nginx_sites is 'a/b': begin with a small letter"),
    ({'domains': ['same.example.com']}, {'domains': ['same.example.com']}, {}, "more than once is 'same.example.com': leave it to one site"),
    ({}, {'name': 'docs'}, {}, "The name of several items of nginx_sites is 'docs'"),
    ({'domains': []}, {}, {}, "A site without domains in nginx_sites is 'docs'"),
    ({'domains': ['https://x.org']}, {}, {}, "A domain in nginx_sites is 'https://x.org'"),
    ({'domains': ['X.org']}, {}, {}, "A domain in nginx_sites is 'X.org'"),
    ({'path': '/a/'}, {}, {}, "A path of nginx_sites is '/a/': write / or a path such as /api"),
    ({'path': '/.pyweb'}, {}, {}, "A path of nginx_sites is '/.pyweb'"),
    ({'path': '/a', 'domains': ['blog.example.com']}, {'path': '/a'}, {},
     "more than once is 'blog.example.com/a': leave it to one site, or give another one a path"),
    ({'path': '/a', 'domains': ['blog.example.com', 'docs.example.com']}, {}, {},
     "A domain of a site with path in nginx_sites is 'docs.example.com': give such a site domains of one site alone"),
    ({'probes': ['healthz']}, {}, {}, "A path of probes in nginx_sites is 'healthz': write a path such as /healthz"),
    ({'probes': ['/up']}, {'probes': ['/up']}, {}, "A path of probes that nginx_sites has more than once is '/up': leave it to one site"),
    ({'probes': ['/up']}, {}, {'default_server': False}, "nginx_server.default_server being false is '/up'"),
    ({'root': ''}, {}, {}, "A site with neither upstream nor root in nginx_sites is 'docs'"),
    ({'upstream': 'http://127.0.0.1:80'}, {}, {}, "A site with both upstream and root in nginx_sites is 'docs'"),
    ({'root': '', 'members': ['http://web1:80']}, {}, {}, "An item of members in nginx_sites is 'http://web1:80': write an address and its port"),
    ({'root': '', 'members': ['http://10.0.0.11']}, {}, {}, "An item of members in nginx_sites is 'http://10.0.0.11'"),
    ({'root': '', 'members': ['http://10.0.0.1:80', 'https://10.0.0.2:443']}, {}, {}, "partly with TLS and partly without is 'docs': ask all of them"),
    ({'root': '', 'members': ['http://10.0.0.1:80'], 'upstream': 'http://10.0.0.1'}, {}, {}, "A site with both upstream and members in nginx_sites is 'docs'"),
    ({}, {}, {'balancers': ['lb1.example.com']}, "An item of balancers in nginx_server is 'lb1.example.com': write an address"),
    ({'root': '', 'upstream': '127.0.0.1:80'}, {}, {}, "An upstream in nginx_sites is '127.0.0.1:80': write unix:/path"),
    ({'root': '', 'upstream': 'unix:/a b'}, {}, {}, "An upstream in nginx_sites is 'unix:/a b'"),
    ({'root': '', 'upstream': 'unix:/a/../b'}, {}, {}, "A path in nginx_sites is '/a/../b'"),
    ({'root': 'srv/docs'}, {}, {}, "A path in nginx_sites is 'srv/docs': write an absolute path"),
    ({'root': '/srv/docs;'}, {}, {}, "A path in nginx_sites is '/srv/docs;'"),
    ({'root': '/srv/docs/'}, {}, {}, "A path in nginx_sites is '/srv/docs/'"),
    ({'root': '/tmp/docs'}, {}, {}, "everybody may write is '/tmp/docs': put it somewhere else"),
    ({'root': '', 'upstream': 'unix:/a', 'assets': '/srv/a'}, {}, {}, "A site with assets or fallback but without root in nginx_sites is 'docs'"),
    ({'root': '', 'upstream': 'unix:/a', 'fallback': 'index.html'}, {}, {}, "A site with assets or fallback but without root in nginx_sites is 'docs'"),
    ({'fallback': '/index.html'}, {}, {}, "A fallback in nginx_sites is '/index.html': write the path of a file in root"),
    ({'fallback': '../index.html'}, {}, {}, "A fallback in nginx_sites is '../index.html'"),
    ({'assets': 'srv/assets'}, {}, {}, "A path in nginx_sites is 'srv/assets'"),
    ({'static': [{'url': 'static', 'paths': ['/srv/x']}]}, {}, {}, "The url of static files in nginx_sites is 'static': write it with a slash at both ends"),
    ({'static': [{'url': '/s/', 'paths': []}]}, {}, {}, "without paths in nginx_sites is '/s/'"),
    ({'static': [{'url': '/s/', 'paths': ['/a']}, {'url': '/s/', 'paths': ['/b']}]}, {}, {}, "that a site has more than once is 'docs /s/'"),
    ({'static': [{'url': '/x.txt', 'paths': ['/a', '/b']}]}, {}, {}, "a single file of static in nginx_sites with several paths is '/x.txt'"),
    ({'error_pages': {'500': '/srv/a.html'}}, {}, {}, "A status in error_pages of nginx_sites is '500': write one with which nginx itself answers"),
    ({'retry_after': 0}, {}, {}, "A retry_after in nginx_sites is '0': write seconds"),
    ({}, {}, {'log_max_size': '1 GB'}, "log_max_size in nginx_server is '1 GB'"),
    ({'redirects': {'/a': '/b; include /x'}}, {}, {}, "A target of redirects in nginx_sites is '/b; include /x'"),
    ({'redirects': {'a': '/b'}}, {}, {}, "A path in redirects, access or streams of nginx_sites is 'a'"),
    ({'headers': {'X-A': 'a\\'}}, {}, {}, "A header in nginx_sites is 'a\\': write its name"),
    ({'headers': {'X-DNS-Prefetch-Control': True}}, {}, {}, "whose value is true or false is 'X-DNS-Prefetch-Control': write the word in quotes"),
    ({'redirects': {'/a/': '/b/'}, 'static': [{'url': '/a/', 'paths': ['/srv/a']}]}, {}, {}, "in several of redirects, static, streams and access is '/a/'"),
    ({'redirects': {'/a/': '/b/'}, 'streams': ['/a/'], 'root': '', 'upstream': 'http://127.0.0.1:80'}, {}, {}, "static, streams and access is '/a/': leave"),
    ({'streams': ['/a'], 'static': [{'url': '/a/', 'paths': ['/srv/a']}, {'url': '/b', 'paths': ['/srv/b']}], 'redirects': {'/b': '/c'},
      'access': {'/': {'allow': ['192.0.2.1']}}}, {}, {}, "in several of redirects, static, streams and access is '/b': leave it to one of them"),
    ({'access': {'/': {'allow': ['192.0.2.0/33']}}}, {}, {}, "An address in access of nginx_sites is '192.0.2.0/33'"),
    ({'trusted_proxies': ['300.0.2.1']}, {}, {}, "An item of trusted_proxies in nginx_server or nginx_sites is '300.0.2.1'"),
    ({'access': {'/': {'users': {'jo': 'secret'}}}}, {}, {}, "The password of a user in access of nginx_sites is 'jo': give what 'openssl passwd -6' prints"),
    ({'access': {'/': {'allow': ['all']}}}, {}, {}, "An address in access of nginx_sites is 'all'"),
    ({'access': {'/a/': {'allow': ['192.0.2.1']}}}, {}, {}, "access other than / of a site without upstream in nginx_sites is '/a/'"),
    ({'access': {'/': {}}}, {}, {}, "with neither allow nor users, or with other options is '/'"),
    ({'canonical': True, 'domains': ['*.example.com']}, {}, {}, "whose first domain is no name of its own is '*.example.com'"),
    ({'limits': {'requests': '10'}}, {}, {}, "The rate of requests in limits of nginx_sites is '10': write a rate"),
    ({'groups': ['a b']}, {}, {}, "A group in nginx_sites is 'a b'"),
    ({'client_max_body_size': '10 MB'}, {}, {}, "A client_max_body_size in nginx_sites is '10 MB'"),
    ({'read_timeout': '60'}, {}, {}, 'A read_timeout in nginx_sites'),
    ({}, {}, {'worker_shutdown_timeout': 'never'}, "worker_shutdown_timeout in nginx_server is 'never'"),
    ({}, {}, {'trusted_proxies': ['all']}, "An item of trusted_proxies in nginx_server or nginx_sites is 'all'"),
    ({"headers": {"X-A": "a\nb"}}, {}, {}, "A header in nginx_sites is 'a\nb'"),
    ({"access": {"/": "everybody"}}, {}, {}, "with neither allow nor users, or with other options is '/'"),
    ({"access": {"/": {"users": {"j o": "$6$x"}}}}, {}, {}, "A user in access of nginx_sites is 'j o'"),
]


@pytest.mark.parametrize(("change", "second", "server", "says"), WRONG, ids=[case[-1] for case in WRONG])
def test_wrong_input_is_one_sentence(change, second, server, says):
    found = faults([{**DOCS, **change}, {**BLOG, **second}], server)
    assert any(says in sentence and sentence.endswith(".") for sentence in found), found


def test_certificates_are_files_of_the_host():
    assert "A path in nginx_sites is 'etc/x.pem'" in faults([DOCS], files=["etc/x.pem"])[0]


def test_http3_is_refused_where_nginx_has_none():
    given = [{**DOCS, "http3": True}, BLOG]
    (found,) = faults(given, without_http3="Debian 12")
    assert found == "A site with http3 in nginx_sites is 'docs': nginx of Debian 12 has no HTTP/3, so take it out or serve the site from Debian 13."
    assert faults(given) == [] and faults([DOCS, BLOG], without_http3="Debian 12") == []


def test_each_value_is_named_once():
    (found,) = faults([{**DOCS, "groups": ["a b", "a b"]}, {**BLOG, "groups": ["c d"]}])
    assert found == "A group in nginx_sites is 'a b', 'c d': write the name of a group."


@pytest.mark.parametrize("change", [
    {}, {"domains": ["192.0.2.7", "2001:db8::7", "*.example.com", "localhost"]}, {"root": "", "upstream": "unix:/srv/a/current/.pyweb/web.sock"},
    {"root": "", "upstream": "http://[::1]:8000"}, {"fallback": "a/b.html"}, {"static": [{"url": "/robots.txt", "paths": ["/srv/robots.txt"]}]},
    {"access": {"/": {"allow": ["192.0.2.0/24"], "users": {"jo": "$6$salt$x/."}}}}, {"path": "/a/b.c"}, {"path": "/a", "domains": ["blog.example.com"]},
    {"error_pages": {404: "/srv/docs/404.html"}}, {"limits": {"requests": "10r/s"}}, {"client_max_body_size": "0"},
])
def test_what_is_right_is_not_refused(change):
    assert faults([{**DOCS, **change}, BLOG, {"name": "gone", "state": "absent"}]) == []


# What is other than in DOCS and in nginx_acme, and the sentence.
WRONG_CERTIFICATES = [
    ({'tls': {'certificate': '/etc/x.pem'}}, {}, "A site with half of tls in nginx_sites is 'docs': give certificate and key"),
    ({'tls': {'key': '/etc/x.pem'}}, {}, "A site with half of tls in nginx_sites is 'docs'"),
    ({'tls': {'hsts_max_age': 60}}, {}, "a self-signed certificate in nginx_sites is 'docs': browsers would lock themselves out"),
    ({'tls': {'source': 'files'}}, {}, "A site with tls.source files but without tls.certificate in nginx_sites is 'docs'"),
    ({'tls': {'source': 'acme', 'certificate': '/etc/x.pem', 'key': '/etc/x.key'}}, {}, "another tls.source than files in nginx_sites is 'docs'"),
    ({'tls': {'source': 'company-ca'}}, {}, "without nginx_ca.certificate or nginx_ca.key is 'docs': give both"),
    ({'tls': {'source': 'acme'}, 'domains': ['192.0.2.7']}, {}, "A domain of a site with tls.source acme in nginx_sites is '192.0.2.7'"),
    ({'tls': {'source': 'acme'}, 'domains': ['*.example.com']}, {}, "without nginx_acme.dns_plugin is 'docs': a wildcard needs it"),
    ({'tls': {'source': 'acme', 'hsts_max_age': 60}}, {'directory': 'staging'}, "nginx_acme.directory being staging is 'docs'"),
    ({}, {'directory': 'http://ca'}, "directory or fallback in nginx_acme is 'http://ca': write letsencrypt, staging or an address"),
    ({}, {'dns_plugin': 'godaddy', 'dns_credentials': {'a': 'b'}}, "dns_plugin in nginx_acme is 'godaddy': Debian 13 has cloudflare"),
    ({}, {'dns_plugin': 'rfc2136'}, "dns_credentials in nginx_acme is 'empty'"),
    ({}, {'eab_kid': 'x'}, 'eab_kid in nginx_acme without eab_hmac_key'),
]


def certificate_faults(change, acme, ca=None):
    site = merged(DEFAULTS, {**DOCS, **change})
    auto = "files" if site["tls"]["certificate"] else "self-signed"
    source = auto if site["tls"]["source"] == "auto" else site["tls"]["source"]
    dns = any(domain.startswith("*") for domain in site["domains"])
    return _certificate_rules.faults([site], {
        "sources": {"docs": source}, "acme": {**GROUPS["nginx_acme"], **acme}, "ca": {**GROUPS["nginx_ca"], **(ca or {})},
        "acme_sites": [{**site, "dns": dns}] if source == "acme" else [], "plugins": ["cloudflare", "rfc2136"], "system": "Debian 13",
    })


@pytest.mark.parametrize(("change", "acme", "says"), WRONG_CERTIFICATES, ids=[case[-1] for case in WRONG_CERTIFICATES])
def test_wrong_certificates_are_one_sentence(change, acme, says):
    (found,) = certificate_faults(change, acme)
    assert says in found and found.endswith(".")


@pytest.mark.parametrize(("change", "acme", "ca"), [
    ({}, {}, {}),
    ({"tls": {"certificate": "/a", "key": "/b", "hsts_max_age": 60}}, {"directory": "staging"}, {}),
    ({"tls": {"source": "acme", "hsts_max_age": 60}}, {"fallback": "https://ca.example.com/dir", "eab_kid": "a", "eab_hmac_key": "b"}, {}),
    ({"tls": {"source": "acme"}, "domains": ["*.example.com"]}, {"dns_plugin": "rfc2136", "dns_credentials": {"a": "b"}}, {}),
    ({"tls": {"source": "company-ca", "hsts_max_age": 60}}, {}, {"certificate": "a", "key": "b"}),
])
def test_right_certificates_are_not_refused(change, acme, ca):
    assert certificate_faults(change, acme, ca) == []
