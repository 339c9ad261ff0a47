# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several applications on one domain, each below a path of its own, as visitors and those who read the logs see them."""

from __future__ import annotations

import httpx
import pytest
from plugin import until

NAME = "full.example.com"


@pytest.fixture
def visit(host):
    """Requests a path of the domain, as it is written."""
    address = host.ansible.get_variables()["ansible_host"]
    with httpx.Client(verify=False, timeout=20) as client:

        def request(path, name=NAME, method="GET", headers=None, **more):
            more["extensions"] = {"sni_hostname": name, "target": path.encode()}
            return client.request(method, f"https://{address}/", headers={"Host": name, **(headers or {})}, **more)

        yield request


@pytest.mark.parametrize(("path", "seen", "prefix", "script_name"), [
    ("/part/", "/", "/part", None),
    ("/part/a%2Fb/?c=%20d", "/a%2Fb/?c=%20d", "/part", None),
    ("/part/kept/a%2Fb?c=d", "/part/kept/a%2Fb?c=d", "/part/kept", "/part/kept"),
    ("/partner", "/partner", None, None),
    ("/a?b=/part/", "/a?b=/part/", None, None),
])
def test_who_is_asked_and_what_for(visit, path, seen, prefix, script_name):
    claims = {"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil"}
    told = visit(path, headers=claims).json()
    headers = told["headers"]
    assert (told["path"], headers.get("x-forwarded-prefix"), headers.get("script_name")) == (seen, prefix, script_name)
    assert "evil" not in repr(told)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_path_without_its_slash_leads_to_it_with_the_method_that_it_had(visit, method):
    answer = visit("/part?a=b", method=method)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/part/?a=b")


@pytest.mark.parametrize("path", ["//part/x", "/z/../part/x", "/%70art/x"])
def test_a_path_that_is_written_otherwise_is_nobody_s(visit, path):
    assert visit(path).status_code == 404


def test_all_paths_of_a_site_count_from_its_own(visit):
    assert "<title>docs</title>" in visit("/part/files/").text
    assert [visit(path).status_code for path in ("/part/inside/a", "/part/inside", "/files/")] == [403, 301, 200]
    moved = visit("/part/old/a?b=c")
    assert (moved.status_code, moved.headers["Location"]) == (301, "/part/new/a?b=c")


def test_what_one_application_says_of_itself_holds_for_it_alone(visit):
    part, whole = visit("/part/"), visit("/")
    assert (part.headers.get("X-Part"), whole.headers.get("X-Part")) == ("1", None)
    assert (part.headers.get_list("X-Frame-Options"), whole.headers.get_list("X-Frame-Options")) == (["SAMEORIGIN"], ["DENY"])
    assert [visit(path, method="POST", content=b"x" * 2000).status_code for path in ("/part/", "/part/kept/", "/")] == [413, 200, 200]


def test_what_holds_for_the_domain_holds_below_all_paths(visit):
    assert visit("/part/").headers["Permissions-Policy"] == visit("/part/files/").headers["Permissions-Policy"] == "camera=()"
    answer = visit("/part/a", name="www.full.example.com")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://full.example.com/part/a")


def test_strict_transport_security_is_of_the_domain_and_said_once(visit):
    answers = [visit(path, name="docs.example.com") for path in ("/", "/app/", "/app/strict")]
    assert [answer.headers.get_list("Strict-Transport-Security") for answer in answers] == [["max-age=3600"]] * 3


@pytest.mark.parametrize(("path", "status", "text"), [
    ("/pages/", 200, "<title>page</title>"),
    ("/pages/some/where", 200, "<title>page</title>"),
    ("/pages/js/app.4f3a9c1b.js", 200, "new()"),
    ("/pages/js/app.0b5a054a.js", 200, "old()"),
    ("/pages/js/none.js", 404, "404"),
    ("/pages/.git/config", 404, "404"),
])
def test_files_alone_below_a_path(visit, path, status, text):
    answer = visit(path)
    assert (answer.status_code, text in answer.text, "secret" in answer.text) == (status, True, False)


def test_a_part_whose_domain_nobody_has(visit):
    assert visit("/alone/a", name="alone.example.com").json()["path"] == "/a"
    assert [visit(path, name="alone.example.com").status_code for path in ("/", "/other")] == [404, 404]


def test_each_has_a_log_of_its_own(host, visit):
    for path in ("/part/mine", "/part/kept/mine", "/pages/mine.js", "/mine"):
        visit(path)

    def logged():
        logs = {name: host.file(f"/var/log/nginx/{name}.access.log").content_string for name in ("part", "kept", "pages", "full")}
        return {name: [part for part in ("/part/mine", "/part/kept/mine", "/pages/mine.js", '"GET /mine') if part in log] for name, log in logs.items()}

    # A worker writes what it has logged a moment later.
    until(lambda: all(logged().values()), 10)
    assert logged() == {"part": ["/part/mine"], "kept": ["/part/kept/mine"], "pages": ["/pages/mine.js"], "full": ['"GET /mine']}


@pytest.mark.parametrize(("closed", "answers"), [("part", [503, 200, 200]), ("kept", [200, 503, 200]), ("full", [200, 200, 503])])
def test_maintenance_is_of_one_application(host, visit, closed, answers):
    place = f"/etc/nginx/pyweb/maintenance/{closed}"
    try:
        host.check_output(f"mkdir -p {place}/allow && echo '<h1>Closed</h1>' > {place}/page.html && touch {place}/on")
        found = [visit(path) for path in ("/part/", "/part/kept/", "/")]
        assert [answer.status_code for answer in found] == answers
        assert ["<h1>Closed</h1>" in answer.text for answer in found] == [status == 503 for status in answers]
    finally:
        host.check_output(f"rm -rf {place}")
    until(lambda: visit("/part/").status_code == 200)


def test_one_certificate_for_all_of_a_domain(host):
    names = host.check_output("ls /etc/nginx/pyweb/tls")
    assert "full-" in names and "alone-" in names
    assert not any(f"{name}-" in names for name in ("part", "kept", "pages"))
