# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an authority is asked, and what certbot's answers mean."""

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._tls import certbot, plan
from ansible_collections.pyweb.stack.plugins.module_utils._tls.certificate import Certificate, covers, renewal

DAY = 86400
HOUR = 3600
SETTINGS = certbot.Settings.of({"directory": "letsencrypt", "fallback": "https://ca.example.com/dir", "webroot": "/var/lib/challenges"})
SITE = plan.Site("shop", ("shop.example.com", "www.shop.example.com"), False, SETTINGS)


def lineage(names=SITE.domains, server=certbot.DIRECTORIES["letsencrypt"], key_type="ecdsa", lifetime=90 * DAY):
    return plan.Lineage(Certificate(tuple(names), "CN=X", 0, lifetime, False, b"", 2), server, key_type)


@pytest.mark.parametrize("days, fraction", [(90, 2 / 3), (47, 2 / 3), (11, 2 / 3), (10, 1 / 2), (6, 1 / 2)])
def test_the_lifetime_says_when_to_renew(days, fraction):
    assert renewal(1000, 1000 + days * DAY) == pytest.approx(1000 + fraction * days * DAY)


@pytest.mark.parametrize("have, now, wanted", [
    (None, 0, "there is none yet"),
    (lineage(), 0, ""),
    (lineage(), 61 * DAY, ""),  # certbot's timer renews
    (lineage(), 76 * DAY, "it was not renewed and expires 1970-04-01"),
    (lineage(SITE.domains[:1]), 0, "www.shop.example.com is not in it"),
    (lineage((*SITE.domains, "old.example.com")), 0, "old.example.com is still in it"),
    (lineage(server=certbot.DIRECTORIES["staging"]), 0, "it comes from https://acme-staging"),
    (lineage(server="https://ca.example.com/dir"), 0, ""),  # the fallback's
    (lineage(key_type="rsa"), 0, "its key is of type rsa"),
])
def test_a_reason_to_ask(have, now, wanted):
    found = plan.reason(SITE, SITE.domains, have, now)
    assert found.startswith(wanted) and bool(found) == bool(wanted)


def test_nothing_is_asked_for_when_no_name_leads_here():
    assert plan.reason(SITE, [], None, 0) == ""


def test_failures_hold_back_the_same_request_only():
    refused = certbot.Answer(fault="no", failed_names=frozenset({"shop.example.com"}))
    memory = plan.Memory()
    for moment in (1000, 2000, 3000):
        assert plan.next_try(memory, "a") <= moment
        memory = plan.after(memory, "a", refused, moment)
    assert plan.next_try(memory, "a") == 3000 + HOUR
    assert plan.next_try(memory, "b") == 0
    memory = plan.after(memory, "a", refused, 9000)
    assert plan.next_try(memory, "a") == 9000 + 2 * HOUR
    for moment in range(10000, 20000, 1000):
        memory = plan.after(memory, "a", refused, moment)
    assert plan.next_try(memory, "a") == 19000 + 24 * HOUR
    assert plan.after(memory, "a", certbot.Answer(), 1) == plan.Memory()


def test_an_authority_that_is_down_counts_no_failure():
    memory = plan.Memory()
    for moment in range(10):
        memory = plan.after(memory, "a", certbot.Answer(fault="down", unreachable=True), moment)
    assert plan.next_try(memory, "a") == 0


def test_a_limit_is_kept_for_every_request():
    memory = plan.after(plan.Memory(), "a", certbot.Answer(fault="too many", limited=True, not_before=5000), 10)
    assert (plan.next_try(memory, "a"), plan.next_try(memory, "b")) == (5000, 5000)
    assert plan.next_try(plan.after(plan.Memory(), "a", certbot.Answer(fault="x", limited=True), 10), "b") == 10 + HOUR


@pytest.mark.parametrize("failed, have, rest", [
    ({"b.example.com"}, None, ["a.example.com"]),
    # Once more would count against the limit of duplicates and bring nothing.
    ({"b.example.com"}, lineage(["a.example.com"]), []),
    ({"b.example.com"}, lineage(["c.example.com"]), ["a.example.com"]),
    ({"a.example.com", "b.example.com"}, None, []),
    (set(), None, []),
])
def test_fewer_names_are_asked_for_where_that_brings_something(failed, have, rest):
    answer = certbot.Answer(fault="no", failed_names=frozenset(failed))
    assert plan.fewer(["a.example.com", "b.example.com"], answer, have) == rest


@pytest.mark.parametrize("names, name, wanted", [
    (["a.example.com"], "a.example.com", True),
    (["*.example.com"], "a.example.com", True),
    (["*.example.com"], "example.com", False),
    (["*.example.com"], "a.b.example.com", False),
    (["*.example.com"], "*.example.com", True),
    (["2001:db8::7"], "2001:db8:0::7", True),
])
def test_which_names_a_certificate_is_for(names, name, wanted):
    assert covers(names, name) is wanted


REFUSED = """Saving debug log to /var/log/letsencrypt/letsencrypt.log
Requesting a certificate for a.example.com and b.example.com

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: b.example.com
  Type:   connection
  Detail: 192.0.2.1: Fetching http://b.example.com/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile for details.
"""
LIMITED = """Saving debug log to /var/log/letsencrypt/letsencrypt.log
An unexpected error occurred:
Error creating new order :: too many certificates already issued for "example.com": retry after 2026-12-01 10:00:00 UTC: see https://letsencrypt.org/docs/
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile for details.
"""
DOWN = """An unexpected error occurred:
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='127.0.0.1', port=14000): Max retries exceeded with url: /dir
(Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
Ask for help or search for solutions at https://community.letsencrypt.org.
"""


def test_a_refused_challenge_names_the_name():
    answer = certbot.understand(REFUSED)
    assert answer.failed_names == {"b.example.com"}
    assert answer.fault.startswith("192.0.2.1: Fetching http://b.example.com/")
    assert not answer.unreachable and not answer.limited


def test_a_limit_says_until_when():
    answer = certbot.understand(LIMITED)
    assert answer.limited and not answer.unreachable
    assert answer.not_before == 1796119200
    assert "too many certificates already issued" in answer.fault


def test_an_authority_that_is_down():
    answer = certbot.understand(DOWN)
    assert answer.unreachable and "Connection refused" in answer.fault


@pytest.mark.parametrize("said", [
    "An unexpected error occurred:\nThe request specified an account that does not exist :: unable to find existing account\n",
    "urn:ietf:params:acme:error:accountDoesNotExist :: The request specified an account that does not exist",
])
def test_an_authority_that_does_not_know_its_account(said):
    answer = certbot.understand(said)
    assert answer.unknown_account and not answer.unreachable and not answer.limited


def test_the_command_has_no_secrets():
    settings = certbot.Settings.of({"directory": "staging", "account_file": "/etc/x/account.ini", "dns_plugin": "rfc2136", "dns_credentials": "/etc/x/dns.ini"})
    command = certbot.command("shop", ["*.example.com"], True, settings, settings.directory)
    assert command[:2] == ["certbot", "certonly"]
    assert command[command.index("--server") + 1] == certbot.DIRECTORIES["staging"]
    assert command[command.index("--config") + 1] == "/etc/x/account.ini"
    assert command[command.index("--dns-rfc2136-credentials") + 1] == "/etc/x/dns.ini"
    assert "--webroot" not in command
    # The account is the directory's, not the fallback's.
    assert "--config" not in certbot.command("shop", ["a.example.com"], False, settings, "https://ca.example.com/dir")


KEPT = """# renew_before_expiry = 30 days
version = 2.1.0
cert = /etc/letsencrypt/live/pyweb-shop/cert.pem

# Options used in the renewal process
[renewalparams]
account = 1
server = https://ca.example.com/dir
key_type = ecdsa
"""


def test_certbot_is_told_when_to_renew_once():
    once = certbot.kept(KEPT, 3 * DAY, True)
    assert once.startswith("renew_before_expiry = 72 hours\nversion")
    assert "[renewalparams]\nallow_subset_of_names = True\nautorenew = True\naccount" in once
    assert certbot.kept(once, 3 * DAY, True) == once
    assert "renew_before_expiry = 20 seconds\n" in certbot.kept(once, 20, True)
    assert certbot.remembered(once)["server"] == "https://ca.example.com/dir"


def test_an_unknown_account_is_put_aside_and_asked_for_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(certbot, "ACCOUNTS", str(tmp_path))
    (tmp_path / "ca.example.com" / "dir" / "1a2b").mkdir(parents=True)
    assert certbot.put_account_aside("https://ca.example.com/dir")
    (place,) = (tmp_path / "ca.example.com").iterdir()
    assert place.name.startswith("dir.unknown-") and (place / "1a2b").is_dir()
    assert not certbot.put_account_aside("https://ca.example.com/dir")
    assert "account" not in certbot.remembered(certbot.without_account(KEPT, "https://ca.example.com/dir"))
    assert certbot.without_account(KEPT, "https://ca.example.org/dir") == KEPT
