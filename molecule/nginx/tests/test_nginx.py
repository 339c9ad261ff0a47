# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a visitor, and what a process of nginx, gets from the sites of this scenario."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import re
import socket
import ssl
import time

import httpx
import pytest
from plugin import until

RELEASES = ["20261120T201500Z-1a2b3c4", "20261120T211500Z-5d6e7f8"]
# The connection is closed or reset.
NO_ANSWER = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.fixture
def address(host):
    return host.ansible.get_variables()["ansible_host"]


@pytest.fixture
def visit(address):
    """Requests a URL of a site; the name goes into SNI and Host, the connection to the host under test."""
    clients = []

    def request(url, method="GET", http2=False, headers=None, **more):
        url = httpx.URL(url)
        client = httpx.Client(verify=False, http2=http2, timeout=10)
        clients.append(client)
        return client.request(
            method,
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode(), **(headers or {})},
            extensions={"sni_hostname": url.host},
            **more,
        )

    yield request
    for client in clients:
        client.close()


def switch(host, release):
    host.check_output(f"ln -sfn releases/{release} /srv/guestbook/next && mv -T /srv/guestbook/next /srv/guestbook/current")


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_requests_reach_the_application(visit, method, http2):
    content = b"x" * 100_000 if method in ("POST", "PUT") else None
    answer = visit("https://guestbook.example.com/page?a=b", method, http2=http2, content=content)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1")
    assert (answer.json()["method"], answer.json()["path"]) == (method, "/page?a=b")
    assert answer.json()["length"] == len(content or b"")


def test_an_application_on_a_port_is_reached(visit):
    assert visit("https://tcp.example.com/").json()["headers"]["host"] == "tcp.example.com"


@pytest.mark.parametrize("name", ["guestbook", "www.guestbook", "docs", "empty"])
def test_http_leads_to_https(visit, name):
    answer = visit(f"http://{name}.example.com/page?a=b")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{name}.example.com/page?a=b"


@pytest.mark.parametrize("name", ["unknown.example.com", "leaving.example.com", "gone.example.com"])
def test_unknown_names_get_no_answer(visit, name):
    with pytest.raises(NO_ANSWER):
        visit(f"http://{name}/")
    # Not refused in the handshake, since this scenario has a site with an address, whose visitors send no name.
    answer = visit(f"https://{name}/")
    assert (answer.status_code, "release" in answer.text) == (421, False)


@pytest.mark.parametrize("http2", [False, True])
def test_a_known_name_in_tls_does_not_let_an_unknown_host_in(visit, http2):
    answer = visit("https://guestbook.example.com/", headers={"Host": "evil.example.org"}, http2=http2)
    assert answer.status_code == 421


def test_what_a_client_claims_about_itself_is_not_passed_on(visit):
    claims = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Port": "1",
        "X-Real-IP": "203.0.113.9",
        "X-Script-Name": "/evil",
        "Forwarded": "for=203.0.113.9;host=evil.example.org",
        "Proxy": "http://evil.example.org",
        "Upgrade": "h2c",
        "Connection": "Upgrade, HTTP2-Settings",
    }
    headers = visit("https://guestbook.example.com/", headers=claims).json()["headers"]
    assert "evil" not in repr(headers) and "203.0.113.9" not in repr(headers)
    assert not {"forwarded", "proxy", "upgrade", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"} & headers.keys()
    assert headers["host"] == "guestbook.example.com"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"] == headers["x-real-ip"]
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])


# On the host itself, which this scenario trusts as a proxy. Without a name there is no SNI.
ASK = """
import http.client, json, socket, ssl, sys
url, name, headers = json.loads(sys.argv[1])
tls, address, path = url.startswith("https"), *url.split("/", 3)[2:]
context = ssl._create_unverified_context()
context.check_hostname = False
connection = http.client.HTTPConnection(address)
connection.sock = socket.create_connection((address, 443 if tls else 80))
if tls:
    connection.sock = context.wrap_socket(connection.sock, server_hostname=name)
connection.request("GET", "/" + path, headers=headers)
answer = connection.getresponse()
print(json.dumps([answer.status, dict(answer.getheaders()), answer.read().decode(), tls and connection.sock.getpeercert(True).hex()]))
"""


@pytest.fixture
def ask(host):
    def request(url, name=None, **headers):
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        return json.loads(host.check_output("python3 -c %s %s", ASK, json.dumps([url, name, given])))

    return request


def test_a_trusted_proxy_is_believed(ask):
    dummy, dummy, body, dummy = ask("https://127.0.0.1/", "tcp.example.com", Host="tcp.example.com", X_Forwarded_For="203.0.113.9")
    headers = json.loads(body)["headers"]
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "203.0.113.9"


def test_tls_that_a_trusted_proxy_has_taken_off_is_not_asked_for_again(ask):
    status, headers, body, dummy = ask("http://127.0.0.1/", Host="guestbook.example.com", X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.9")
    assert status == 200
    seen = json.loads(body)["headers"]
    assert (seen["x-forwarded-proto"], seen["x-forwarded-for"], seen["host"]) == ("https", "203.0.113.9", "guestbook.example.com")
    assert ask("http://127.0.0.1/static/site.css", Host="guestbook.example.com", X_Forwarded_Proto="https")[0] == 200
    status, headers, dummy, dummy = ask("http://127.0.0.1/", Host="docs.example.com", X_Forwarded_Proto="https")
    assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=3600")


@pytest.mark.parametrize("scheme", ["http", "ftp", "", "https, http"])
def test_what_a_trusted_proxy_has_not_had_over_tls_is_sent_to_https(ask, scheme):
    status, headers, dummy, dummy = ask("http://127.0.0.1/a", Host="docs.example.com", X_Forwarded_Proto=scheme)
    assert (status, headers["Location"]) == (301, "https://docs.example.com/a")
    assert "Strict-Transport-Security" not in headers


def test_a_client_that_says_https_is_not_believed(visit):
    answer = visit("http://guestbook.example.com/", headers={"X-Forwarded-Proto": "https"})
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://guestbook.example.com/")


@pytest.mark.parametrize("name", [None, "other.example.com"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_probe_needs_no_name(ask, scheme, name):
    status, dummy, body, dummy = ask(f"{scheme}://127.0.0.1/healthz", name, Host=name or "192.0.2.77")
    seen = json.loads(body)
    assert (status, seen["path"], seen["headers"]["host"], seen["headers"]["x-forwarded-proto"]) == (200, "/healthz", "tcp.example.com", "https")


def test_a_probe_opens_nothing_else(ask):
    assert ask("https://127.0.0.1/healthz2", Host="192.0.2.77")[0] == 421
    assert ask("https://127.0.0.1/healthz/x", Host="192.0.2.77")[0] == 421


@pytest.mark.parametrize("name", ["127.0.0.1", "[2001:db8::7]"])
def test_an_address_is_a_domain(ask, name):
    from cryptography import x509

    status, dummy, body, certificate = ask("https://127.0.0.1/page", Host=name)
    assert (status, json.loads(body)["headers"]["host"]) == (200, name)
    names = x509.load_der_x509_certificate(bytes.fromhex(certificate)).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "2001:db8::7"}


@pytest.mark.parametrize("http2", [False, True])
def test_the_application_learns_the_port_that_the_client_sees(visit, http2):
    headers = {"Host": "guestbook.example.com:8443"}
    answer = visit("https://guestbook.example.com/", headers=headers, http2=http2)
    assert answer.json()["headers"]["host"] == "guestbook.example.com:8443"


def test_a_websocket_gets_through(address):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 443), 10) as raw:
        with context.wrap_socket(raw, server_hostname="guestbook.example.com") as stream:
            stream.sendall(
                b"GET /socket HTTP/1.1\r\nHost: guestbook.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            answer = b""
            while chunk := stream.recv(4096):
                answer += chunk
    head, frame = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert frame == b"\x81\x14hello over websocket"


@pytest.mark.parametrize("name", ["guestbook", "tcp"])
def test_an_error_of_one_visitor_does_not_take_the_request_of_another(address, name):
    """The application closes the connection after each of its errors, without having said so."""

    def visitor(number):
        with httpx.Client(verify=False, timeout=10) as client:
            return [
                (kind, client.request(
                    kind.split()[0], f"https://{address}{kind.split()[1]}", headers={"Host": f"{name}.example.com"},
                    extensions={"sni_hostname": f"{name}.example.com"}, content=b"x" if "POST" in kind else None,
                ).status_code)
                for kind in ("GET /broken", "POST /", "POST /broken", "GET /", "PATCH /", "POST /", "DELETE /") * 20
            ]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = collections.Counter(answer for answers in pool.map(visitor, range(8)) for answer in answers)
    assert answers == {
        ("GET /broken", 500): 160, ("POST /broken", 500): 160, ("POST /", 200): 320, ("GET /", 200): 160, ("PATCH /", 200): 160, ("DELETE /", 200): 160,
    }


@pytest.mark.parametrize("path", ["/part", ""])
def test_a_request_that_kills_its_worker_does_not_meet_all_of_them(visit, path):
    """Whatever connections nginx has in its pool: once more, and no more."""

    def deaths():
        return visit("https://full.example.com/").json()["fatal"]

    before = deaths()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda dummy: visit(f"https://full.example.com{path}/pause").status_code, range(16))) == {200}
    answer = visit(f"https://full.example.com{path}/fatal")
    assert (answer.status_code, "<h1>Back soon</h1>" in answer.text) == (503, True)
    assert 1 <= deaths() - before <= 2
    assert visit(f"https://full.example.com{path}/fatal", "POST").status_code == 503
    assert 2 <= deaths() - before <= 3


@pytest.mark.parametrize("path", ["", "page"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_before_the_first_release_there_is_a_page(visit, method, path):
    answer = visit(f"https://empty.example.com/{path}", method)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<h1>Back soon</h1>" in answer.text


def test_the_page_is_only_for_errors(visit):
    assert visit("https://empty.example.com/.pyweb/unavailable.html").status_code == 404


def test_an_application_s_own_503_passes_as_it_is(visit):
    answer = visit("https://guestbook.example.com/own-503")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/json")


def test_the_body_has_a_limit(visit):
    assert visit("https://guestbook.example.com/", "POST", content=b"x" * 1_100_000).status_code == 413


def test_headers_protect_where_the_application_is_silent(visit):
    headers = visit("https://guestbook.example.com/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Server"] == "nginx"
    assert "Strict-Transport-Security" not in headers
    assert "X-Powered-By" not in headers


def test_headers_of_the_application_win(visit):
    headers = visit("https://guestbook.example.com/own-headers").headers
    assert headers.get_list("X-Frame-Options") == ["DENY"]
    assert headers.get_list("Referrer-Policy") == ["no-referrer"]
    assert "X-Frame-Options" not in visit("https://guestbook.example.com/embeddable").headers


def test_text_is_compressed(visit):
    answer = visit("https://guestbook.example.com/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_static_files_come_from_the_live_release_then_from_the_assets(visit):
    live = visit("https://guestbook.example.com/static/site.css")
    assert (live.status_code, live.text) == (200, "body { color: red; }\n")
    assert live.headers["Cache-Control"] == "no-cache"
    assert live.headers["Content-Type"] == "text/css; charset=utf-8"
    assert live.headers["X-Content-Type-Options"] == "nosniff"
    again = visit("https://guestbook.example.com/static/site.css", headers={"If-None-Match": live.headers["ETag"]})
    assert again.status_code == 304
    hashed = visit("https://guestbook.example.com/static/site.1a2b3c4d5e6f.css")
    assert (hashed.status_code, hashed.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    dated = visit("https://guestbook.example.com/static/report.20261120.txt")
    assert (dated.status_code, dated.headers["Cache-Control"]) == (200, "no-cache")
    module = visit("https://guestbook.example.com/static/module.mjs")
    assert module.headers["Content-Type"].startswith("application/javascript")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("none.css", 404),
        ("", 403),
        (".env", 403),
        ("../app.py", 200),
        ("%2e%2e/app.py", 200),
        ("..%2fapp.py", 200),
        ("x/../../app.py", 200),
    ],
)
def test_static_files_are_all_that_nginx_serves(visit, address, path, status):
    """200 is the application's answer to a path that has left /static/."""
    answer = visit("https://guestbook.example.com/static/" + path)
    assert answer.status_code == status
    assert "secret" not in answer.text
    if status == 404:
        assert answer.headers.get("Cache-Control", "no-cache") == "no-cache"


def test_a_static_site(visit):
    answer = visit("https://docs.example.com/", http2=True)
    assert (answer.status_code, "docs" in answer.text) == (200, True)
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
    assert visit("https://docs.example.com/.git/config").status_code == 404
    missing = visit("https://docs.example.com/none")
    assert (missing.status_code, "not in the docs" in missing.text) == (404, True)


HTML, SCRIPT = "text/html; charset=utf-8", "application/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "status", "kind", "cache", "text"),
    [
        ("", 200, HTML, "no-cache", "<title>page</title>"),
        ("index.html", 200, HTML, "no-cache", "<title>page</title>"),
        ("js/app.4f3a9c1b.js", 200, SCRIPT, "public, max-age=31536000, immutable", "new()"),
        # Pages of an earlier release ask for it.
        ("js/app.0b5a054a.js", 200, SCRIPT, "public, max-age=31536000, immutable", "old()"),
        ("_nuxt/abcdefgh.js", 200, SCRIPT, "public, max-age=31536000, immutable", "nuxt()"),
        ("assets/main-QwErTyUi.js", 200, SCRIPT, "public, max-age=31536000, immutable", "vite()"),
        ("assets/menu-DropDown.js", 200, SCRIPT, "no-cache", "menu()"),
        ("assets/guide-QwErTyUi.html", 200, HTML, "no-cache", "guide"),
        # The application finds its way in the browser.
        ("users/7", 200, HTML, "no-cache", "<title>page</title>"),
        ("users/", 200, HTML, "no-cache", "<title>page</title>"),
        ("users/jo.doe", 200, HTML, "no-cache", "<title>page</title>"),
        ("js/app.ffffffff.js", 404, HTML, None, "404"),
        (".well-known/security.txt", 404, HTML, None, "404"),
        ("js/", 403, HTML, None, "403"),
        (".git/config", 404, "text/html", None, "404"),
        ("%2egit/config", 404, "text/html", None, "404"),
        ("private.txt", 404, HTML, None, "404"),
        ("js/..%2f..%2fprivate.txt", 400, "text/html", None, "400"),
    ],
)
def test_a_site_that_finds_its_way_in_the_browser(visit, path, status, kind, cache, text):
    answer = visit(f"https://page.example.com/{path}")
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers.get("Cache-Control")) == (status, kind, cache)
    assert text in answer.text and "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_site_of_files_has_a_page_before_its_first_release(visit):
    for path in ("", "page", "js/app.js"):
        answer = visit(f"https://early.example.com/{path}")
        assert (answer.status_code, answer.headers["Retry-After"], "Back soon" in answer.text) == (503, "10", True)


def test_uploads_are_shown_and_do_nothing(visit):
    photo = visit("https://guestbook.example.com/media/photo.jpg")
    assert (photo.status_code, photo.headers["Content-Type"], photo.headers["Cache-Control"]) == (200, "image/jpeg", "no-cache")
    assert photo.headers["X-Content-Type-Options"] == "nosniff" and "Content-Security-Policy" not in photo.headers
    page = visit("https://guestbook.example.com/media/page.html")
    assert page.status_code == 200 and page.headers["Content-Security-Policy"].endswith("; sandbox")


@pytest.mark.parametrize("path", ["", ".env", "users", "log", "page/index.html"])
def test_uploads_lead_nowhere(visit, path):
    answer = visit(f"https://guestbook.example.com/media/{path}")
    assert answer.status_code == 403 and "root:" not in answer.text and "secret" not in answer.text


def test_certificates_are_for_the_domains(address):
    for name, domains in {
        "guestbook.example.com": "DNS:guestbook.example.com, DNS:www.guestbook.example.com",
        "docs.example.com": "DNS:docs.example.com",
    }.items():
        assert domains in subject_names(address, name)


def subject_names(address, name):
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 443), 10) as raw:
        with context.wrap_socket(raw, server_hostname=name) as stream:
            certificate = x509.load_der_x509_certificate(stream.getpeercert(binary_form=True))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return ", ".join(f"DNS:{name}" for name in names.get_values_for_type(x509.DNSName))


def test_the_given_certificate_is_the_one_that_is_served(host, address):
    from cryptography import x509

    given = x509.load_pem_x509_certificate(host.file("/etc/ssl/given/certificate.pem").content)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 443), 10) as raw:
        with context.wrap_socket(raw, server_hostname="docs.example.com") as stream:
            assert x509.load_der_x509_certificate(stream.getpeercert(binary_form=True)) == given


@pytest.mark.parametrize(
    ("version", "accepted"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_tls_versions(address, version, accepted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((address, 443), 10) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="guestbook.example.com") as stream:
                assert accepted
                assert version == ssl.TLSVersion.TLSv1_3 or not stream.session.has_ticket
        except ssl.SSLError:
            assert not accepted


def test_a_switch_needs_no_reload(host, visit):
    """And the log names the release that answered."""
    workers = host.check_output("pgrep -f '^nginx: worker'")
    try:
        for release in [RELEASES[1], RELEASES[0], RELEASES[1]]:
            switch(host, release)
            # Connections to the old release live for a second at most.
            deadline = time.monotonic() + 2.5
            while visit("https://guestbook.example.com/").json()["release"] != release:
                assert time.monotonic() < deadline
        assert visit("https://guestbook.example.com/static/site.css").text == "body { color: blue; }\n"
    finally:
        switch(host, RELEASES[0])
    assert host.check_output("pgrep -f '^nginx: worker'") == workers

    # A worker writes what it has logged a moment later.
    until(lambda: logged_releases(host, "/static/site.css")[-1:] == [RELEASES[1]], 10)
    assert set(RELEASES) <= set(logged_releases(host, "/"))


def logged_releases(host, path):
    log = host.file("/var/log/nginx/guestbook.access.log").content_string.splitlines()
    return [line.split(" release=")[1].split()[0] for line in log if f'"GET {path} ' in line]


@pytest.mark.parametrize("says, logged", [("20260101T000000Z-abcdef0", "20260101T000000Z-abcdef0"), ("x", RELEASES[0])])
def test_a_server_that_names_its_release_is_believed_in_the_log_alone(host, visit, says, logged):
    """A connection of the pool may still lead to the release of before; and visitors are not told."""
    answer = visit(f"https://guestbook.example.com/of/{says}")
    assert answer.status_code == 200 and answer.headers["server"] == "nginx"
    until(lambda: logged_releases(host, f"/of/{says}") == [logged], 10)


def test_nginx_serves_after_a_reload_and_starts_at_boot(host, visit):
    host.check_output("systemctl reload nginx")
    assert visit("https://guestbook.example.com/").status_code == 200
    assert host.service("nginx").is_enabled


def test_nginx_reads_static_files_and_sockets_only(host):
    release = f"/srv/guestbook/releases/{RELEASES[0]}"
    assert host.check_output(f"runuser -u www-data -- cat {release}/staticfiles/site.css") == "body { color: red; }"
    for command in (
        f"cat {release}/app.py",
        f"ls {release}",
        f"touch {release}/staticfiles/x",
        "cat /etc/ssl/given/key.pem",
        "ls /etc/nginx/pyweb/tls",
    ):
        assert host.run(f"runuser -u www-data -- {command}").rc != 0, command
    assert host.run(f"runuser -u nobody -- ls {release}/staticfiles").rc != 0
    groups = set(host.user("www-data").groups)
    assert groups == {"www-data", "guestbook-web"}


def test_other_people_s_files_are_as_the_package_brought_them(host):
    assert host.run("dpkg --verify nginx-common").stdout == ""
    assert host.file("/etc/nginx/sites-available/default").exists
    assert not host.file("/etc/nginx/sites-enabled/default").exists


def test_what_is_no_longer_defined_is_gone(host):
    names = host.check_output("ls /etc/nginx/conf.d /etc/nginx/pyweb/tls").split()
    assert not [name for name in names if "leaving" in name or "gone" in name]
    assert sorted(name for name in names if name.startswith("pyweb.site.")) == [
        f"pyweb.site.{name}.conf" for name in (
            "alone", "docs", "early", "empty", "full", "guestbook", "hasty", "kept", "limited", "page", "pages", "part", "strict", "tcp")
    ]
    assert not [name for name in names if name.startswith("docs-")], "a given certificate needs no self-signed one"


def test_the_configuration_is_without_warnings(host):
    assert "warn" not in host.run("nginx -t").stderr


def test_nginx_runs_in_a_sandbox(host):
    exposure = host.check_output("systemd-analyze security nginx.service --no-pager | tail -n 1")
    assert float(re.search(r"([0-9.]+) OK", exposure)[1]) < 3
    shown = host.check_output("systemctl show nginx -p NoNewPrivileges,ProtectSystem,NeedDaemonReload")
    assert set(shown.split()) == {"NoNewPrivileges=yes", "ProtectSystem=strict", "NeedDaemonReload=no"}


def test_logs_rotate_in_the_sandbox(host, visit):
    host.check_output("logrotate --force /etc/logrotate.d/nginx")
    time.sleep(0.5)
    visit("https://guestbook.example.com/after-rotation")
    until(lambda: "/after-rotation" in host.file("/var/log/nginx/guestbook.access.log").content_string, 10)


def test_logs_are_not_for_everybody(host):
    logs = host.check_output("stat -c '%a %n' /var/log/nginx/*.access.log").splitlines()
    assert len(logs) >= 5
    assert all(line.split()[0].endswith("0") for line in logs), logs
