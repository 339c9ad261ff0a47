# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that come by themselves, against Debian's pebble: what visitors get, and that none of them notices."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import socket
import ssl
import time

import pytest
import testinfra
from cryptography import x509

import playbook
from load import Load

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
CONVERGE = pathlib.Path(__file__).parents[1] / "converge.yml"
CERTBOT = "/etc/letsencrypt"
# pebble forgets its accounts; what failed in one test holds nothing back in the next.
RESTART = f"systemctl restart pebble && rm -rf {CERTBOT}/accounts /etc/nginx/pyweb/acme/state.json"


AUTHORITY = "https://127.0.0.1:14000/dir"
# It stands in front of the authority, and has given enough.
LIMITED = "https://127.0.0.1:14001/dir"
LIMIT = """server {
    listen 127.0.0.1:14001 ssl;
    ssl_certificate /usr/local/share/ca-certificates/pebble.crt;
    ssl_certificate_key /etc/pebble/key.pem;
    location = /order-plz {
        default_type application/problem+json;
        return 429 '{"type": "urn:ietf:params:acme:error:rateLimited", "status": 429, "detail":
            "too many certificates already issued for example.test: retry after 2036-01-02 10:00:00 UTC"}';
    }
    location / {
        proxy_pass https://127.0.0.1:14000;
        proxy_set_header Host $http_host;
    }
}
"""
REQUESTS = "ls /var/log/letsencrypt | wc -l"


class Hosts:
    """All hosts of the scenario; each has an authority of its own."""

    def __init__(self):
        found = testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)
        self.shells = {host.backend.get_hostname(): host for host in found}
        self.addresses = {name: host.ansible.get_variables()["ansible_host"] for name, host in self.shells.items()}

    def everywhere(self, command):
        """The output of a command on each host."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return dict(zip(self.shells, pool.map(lambda host: host.check_output(command), self.shells.values())))

    def play(self, **variables):
        return playbook.play(CONVERGE, "-i", INVENTORY, **variables)

    def shown(self, name):
        """The certificate that each host shows to visitors of C(name)."""
        return {host: shown(address, name) for host, address in self.addresses.items()}


def shown(address, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 443), timeout=10) as plain, context.wrap_socket(plain, server_hostname=name) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(True))


def names_of(certificate):
    return sorted(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


def by_pebble(certificate):
    return "Pebble" in certificate.issuer.rfc4514_string()


@pytest.fixture(scope="module")
def hosts():
    return Hosts()


@pytest.fixture
def visitors(hosts):
    """They come to every host throughout the test, and none of them may notice anything."""
    loads = [Load("https://page.example.test", connect=address, get={"/": "Our page"}, seconds=1, rate=20, reloads=True).__enter__()
             for address in hosts.addresses.values()]
    yield
    for load in loads:
        result = load.stop()
        assert result.requests and result.failed == 0, result.summary()


@pytest.mark.parametrize("site, names", [
    ("page.example.test", ["page.example.test", "www.page.example.test"]),
    ("any.wild.example.test", ["*.wild.example.test", "wild.example.test"]),
    ("half.example.test", ["half.example.test"]),
])
def test_the_first_run_brings_certificates(hosts, site, names):
    for certificate in hosts.shown(site).values():
        assert by_pebble(certificate) and names_of(certificate) == names


def test_other_sources(hosts):
    for certificate in hosts.shown("firm.example.test").values():
        assert certificate.issuer.rfc4514_string() == "CN=Company root"
    for certificate in hosts.shown("plain.example.test").values():
        assert certificate.issuer == certificate.subject


def test_secrets_are_root_s_alone(hosts):
    for modes in hosts.everywhere("cd /etc/nginx/pyweb/acme && stat -c '%a %U' . dns.ini page/*/privkey.pem").values():
        assert set(modes.splitlines()) == {"700 root", "600 root"}


def test_names_that_lead_elsewhere_are_told_of_and_not_asked_for(hosts):
    # certbot begins a new log at each call.
    before = hosts.everywhere(REQUESTS)
    outcome = hosts.play()
    assert outcome.status == 0 and outcome.changed == 0, outcome.output
    assert "nowhere.example.test does not resolve" in outcome.output
    assert "elsewhere.example.test leads to 192.0.2.1, which is not this host" in outcome.output
    assert hosts.everywhere(REQUESTS) == before


@pytest.fixture
def limited(hosts):
    """An authority that gives no more certificates."""
    hosts.everywhere(f"cat > /etc/nginx/conf.d/limited.conf <<'END'\n{LIMIT}END\nnginx -t && systemctl reload nginx && sleep 1")
    yield
    hosts.everywhere("rm /etc/nginx/conf.d/limited.conf && systemctl reload nginx && sleep 1; " + RESTART)


def test_a_limit_is_told_and_kept(hosts, limited, visitors):
    before = hosts.shown("page.example.test")
    outcome = hosts.play(authority=LIMITED)
    assert outcome.status == 0, outcome.output
    assert "too many certificates already issued for example.test" in outcome.output
    assert "It is tried again after 2036-01-02 10:00 UTC" in outcome.output
    requests = hosts.everywhere(REQUESTS)
    outcome = hosts.play(authority=LIMITED)
    assert outcome.status == 0 and "it is not asked again before 2036-01-02 10:00 UTC" in outcome.output, outcome.output
    assert hosts.everywhere(REQUESTS) == requests
    assert hosts.shown("page.example.test") == before


def test_a_second_authority_steps_in(hosts, limited, visitors):
    wanted = ["new.page.example.test", "page.example.test", "www.page.example.test"]
    outcome = hosts.play(authority=LIMITED, second_authority=AUTHORITY, page_domains=wanted)
    assert outcome.status == 0, outcome.output
    for certificate in hosts.shown("new.page.example.test").values():
        assert by_pebble(certificate) and names_of(certificate) == wanted


def test_domains_come_and_go(hosts, visitors):
    wanted = ["new.page.example.test", "page.example.test"]
    outcome = hosts.play(page_domains=wanted)
    assert outcome.status == 0, outcome.output
    for certificate in hosts.shown("new.page.example.test").values():
        assert by_pebble(certificate) and names_of(certificate) == wanted


def test_an_authority_that_is_down_harms_nobody(hosts, visitors):
    before = hosts.shown("page.example.test")
    hosts.everywhere("systemctl stop pebble")
    outcome = hosts.play(page_domains=["page.example.test"])
    hosts.everywhere(RESTART)
    assert outcome.status == 0, outcome.output
    assert "No new certificate for page, which keeps the one that it has" in outcome.output
    assert hosts.shown("page.example.test") == before


def test_an_authority_that_has_forgotten_its_accounts_gets_a_new_one(hosts, visitors):
    hosts.everywhere("systemctl restart pebble")
    outcome = hosts.play(page_domains=["new.page.example.test", "page.example.test"])
    assert outcome.status == 0, outcome.output
    for certificate in hosts.shown("new.page.example.test").values():
        assert by_pebble(certificate)
    outcome = hosts.play()
    assert outcome.status == 0, outcome.output
    for certificate in hosts.shown("www.page.example.test").values():
        assert by_pebble(certificate)


def test_an_external_account(hosts, visitors):
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    before = hosts.shown("page.example.test")
    hosts.everywhere("cp /etc/pebble/config.json /etc/pebble/config.before && sed -i 's/Required\": false/Required\": true, "
                     f"\"externalAccountMACKeys\": {{\"kid-1\": \"{key}\"}}/' /etc/pebble/config.json && {RESTART}")
    try:
        wanted = ["new.page.example.test", "page.example.test"]
        outcome = hosts.play(page_domains=wanted)
        assert outcome.status == 0 and "No new certificate for page" in outcome.output and "xternal" in outcome.output, outcome.output
        assert hosts.shown("page.example.test") == before
        outcome = hosts.play(page_domains=wanted, external_account={"kid": "kid-1", "key": key})
        assert outcome.status == 0 and key not in outcome.output, outcome.output
        for certificate in hosts.shown("new.page.example.test").values():
            assert by_pebble(certificate) and names_of(certificate) == wanted
        assert set(hosts.everywhere("stat -c '%a %U' /etc/nginx/pyweb/acme/account.ini").values()) == {"600 root"}
    finally:
        hosts.everywhere(f"mv /etc/pebble/config.before /etc/pebble/config.json && {RESTART}")


def test_two_inventories_on_one_host(hosts, visitors):
    outcome = hosts.play()
    assert outcome.status == 0, outcome.output
    second = [{"name": "second", "root": "/srv/page", "domains": ["second.example.test"], "tls": {"source": "acme"}}]
    outcome = hosts.play(nginx_sites=second, nginx_server={"unlisted_sites": "keep"})
    assert outcome.status == 0, outcome.output
    for certificate in hosts.shown("second.example.test").values():
        assert by_pebble(certificate)
    for said in hosts.everywhere("ls /etc/nginx/pyweb/acme/sites.d").values():
        assert said.split() == ["guestbook.json", "half.json", "page.json", "second.json", "wild.json"]
    # certbot renews for the first inventory, too, and for people who have nothing to do with either.
    for name in ("pyweb-page", "pyweb-second", "their.example.org"):
        hosts.everywhere(f"RENEWED_LINEAGE={CERTBOT}/live/{name} {CERTBOT}/renewal-hooks/deploy/pyweb-certificates")
    for said in hosts.everywhere(f"grep -c 'autorenew = True' {CERTBOT}/renewal/pyweb-page.conf").values():
        assert said == "1"


def test_a_refused_challenge_harms_nobody(hosts, visitors):
    # The name leads here for this host, and to nobody for the authority.
    name_server = "sed -i 's/127.0.0.1:[0-9]*$/127.0.0.1:PORT/' /etc/systemd/system/pebble.service && systemctl daemon-reload && " + RESTART
    hosts.everywhere(name_server.replace('PORT', '9'))
    before = hosts.shown("page.example.test")
    outcome = hosts.play(page_domains=["page.example.test"])
    hosts.everywhere(name_server.replace('PORT', '53'))
    assert outcome.status == 0 and "No new certificate for page" in outcome.output, outcome.output
    assert hosts.shown("page.example.test") == before


def test_damaged_files_are_mended(hosts, visitors):
    hosts.everywhere("echo damaged > /etc/nginx/pyweb/acme/page/current/fullchain.pem")
    hosts.everywhere(f"echo damaged > {CERTBOT}/live/pyweb-half/fullchain.pem")
    outcome = hosts.play()
    assert outcome.status == 0, outcome.output
    hosts.everywhere("nginx -t")
    for site in ("page", "half"):
        for certificate in hosts.shown(f"{site}.example.test").values():
            assert by_pebble(certificate)
    hosts.everywhere(f"openssl x509 -noout -in {CERTBOT}/live/pyweb-half/fullchain.pem")


def test_the_timer_renews_what_lives_for_a_short_time(hosts, visitors):
    # pebble refuses one nonce in twenty at random. certbot asks once more; two in a row end a renewal until the timer's next turn, which is not awaited here.
    hosts.everywhere("systemctl set-environment PEBBLE_WFE_NONCEREJECT=0")
    lifetime = "sed -i 's/ValidityPeriod\": [0-9]*/ValidityPeriod\": SECONDS/' /etc/pebble/config.json && " + RESTART
    hosts.everywhere(lifetime.replace('SECONDS', '120'))
    hosts.everywhere(f"cd {CERTBOT} && rm -r live/pyweb-page renewal/pyweb-page.conf archive/pyweb-page")
    outcome = hosts.play()
    assert outcome.status == 0 and "No new certificate for page" not in outcome.output, outcome.output
    before = hosts.shown("page.example.test")
    for said in hosts.everywhere(f"grep -c '^renew_before_expiry = [56][0-9] seconds' {CERTBOT}/renewal/pyweb-page.conf").values():
        assert said == "1"
    time.sleep(60)
    hosts.everywhere("systemctl start certbot.service || { tail -n 60 /var/log/letsencrypt/letsencrypt.log >&2; exit 1; }")
    for name, certificate in hosts.shown("page.example.test").items():
        said = "journalctl -t pyweb-certificates -n 20; tail -n 30 /var/log/letsencrypt/letsencrypt.log"
        assert certificate != before[name], hosts.shells[name].check_output(said)


def test_the_certificates_of_removed_sites_stay(hosts):
    sites = [{"name": "plain", "root": "/srv/page", "domains": ["plain.example.test"]}]
    outcome = hosts.play(nginx_sites=sites, nginx_server={"unlisted_sites": "remove"})
    assert outcome.status == 0, outcome.output
    for name, said in hosts.everywhere(f"grep -c 'autorenew = False' {CERTBOT}/renewal/pyweb-page.conf").items():
        assert said == "1"
        assert hosts.shells[name].check_output("ls /etc/nginx/pyweb/acme/sites.d") == ""
