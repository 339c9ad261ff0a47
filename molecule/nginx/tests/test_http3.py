# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/3 as curl of Debian 13 speaks it. Of two sites; the others of the host have none, and Debian 12's nginx knows it not at all."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def able(host):
    if "debian12" in host.backend.get_hostname():
        pytest.skip("nginx of this system has no HTTP/3")
    return host


@pytest.fixture
def address(host):
    return host.ansible.get_variables()["ansible_host"]


def curl(host, address, name, *options, path="/"):
    """By which HTTP a site answers, its status and its body."""
    words = ["curl", "--silent", "--insecure", "--max-time", "20", "--resolve", f"{name}:443:{address}", *options]
    words += ["--write-out", "\n%{http_version} %{http_code}", f"https://{name}{path}"]
    body, _line, told = host.run(" ".join(["%s"] * len(words)), *words).stdout.rpartition("\n")
    version, status = told.split()
    return version, int(status), body


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_reach_the_application(able, address, method):
    sent = ["--data", "x" * 10_000] if method == "POST" else []
    version, status, body = curl(able, address, "guestbook.example.com", "--http3-only", *sent, path="/page?a=b")
    seen = json.loads(body)
    assert (version, status) == ("3", 200)
    assert (seen["method"], seen["path"], seen["length"]) == (method, "/page?a=b", 10_000 if sent else 0)
    headers = seen["headers"]
    assert (headers["host"], headers["x-forwarded-proto"]) == ("guestbook.example.com", "https")
    assert headers["x-forwarded-for"] == address


def test_files_and_errors_come_by_it_too(able, address):
    assert curl(able, address, "guestbook.example.com", "--http3-only", path="/static/site.css")[:2] == ("3", 200)
    assert curl(able, address, "docs.example.com", "--http3-only") == ("3", 200, "<!doctype html><title>docs</title>\n")
    version, status, body = curl(able, address, "docs.example.com", "--http3-only", path="/none")
    assert (version, status) == ("3", 404) and "not in the docs" in body


@pytest.mark.parametrize("name, path", [("guestbook.example.com", "/"), ("guestbook.example.com", "/static/site.css"), ("docs.example.com", "/none")])
def test_visitors_are_told_of_it_and_change_over(able, address, name, path):
    able.check_output("rm -f /tmp/known")
    for version in ("2", "3", "3"):
        assert curl(able, address, name, "--alt-svc", "/tmp/known", path=path)[0] == version


@pytest.mark.parametrize("name, through, told", [
    ("docs.example.com", None, True), ("docs.example.com", "127.0.0.1", False), ("limited.example.com", None, False),
])
def test_who_is_not_told_of_it(able, address, name, through, told):
    # 127.0.0.1 is a trusted proxy here: its visitors would not find this host by UDP.
    headers = curl(able, through or address, name, "--head")[2].lower()
    assert ("\r\nalt-svc: h3=\":443\"; ma=86400\r\n" in headers) is told
    assert headers.count("strict-transport-security") == (name == "docs.example.com")


@pytest.mark.parametrize("name", ["limited.example.com", "unknown.example.com"])
def test_other_sites_do_not_answer_by_it(able, address, name):
    assert curl(able, address, name, "--http3-only")[:2] == ("3", 421)


def test_each_worker_has_its_own_sockets(able):
    config = able.check_output("nginx -T 2>/dev/null")
    assert config.count(" quic reuseport") == 2
    workers = int(able.check_output("pgrep --count --full 'nginx: worker process$'"))
    assert able.check_output("ss -Huln 'sport = :443' | wc -l") == str(2 * workers)
    assert able.check_output("stat -c '%a %U %s' /etc/nginx/pyweb/quic.key") == "600 root 32"


def test_a_system_without_it_has_nothing_of_it(host):
    if "debian12" not in host.backend.get_hostname():
        pytest.skip("nginx of this system has HTTP/3")
    assert host.check_output("ss -Huln 'sport = :443'") == ""
    assert not re.search(r"\bquic\b", host.check_output("nginx -T 2>/dev/null")) and not host.file("/etc/nginx/pyweb/quic.key").exists
