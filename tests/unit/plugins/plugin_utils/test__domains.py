# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several applications on one domain: whose what is, and one sentence for what cannot be."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps

FRONT = {
    "source": {"repo": "https://git.example.com/front.git"},
    "site": {"domains": ["example.org", "www.example.org"], "root": "dist", "canonical": True, "tls": {"source": "acme"}, "trusted_proxies": ["192.0.2.7"],
             "http3": True},
}
API = {
    "source": {"repo": "https://git.example.com/api.git"},
    "processes": {"web": {"asgi": "api:app"}},
    "site": {"domains": ["example.org"], "path": "/api"},
}


def with_site(base, **site):
    app = copy.deepcopy(base)
    app["site"].update(site)
    return app


def sites(**apps):
    return {item["name"]: item["site"] for item in _apps.resolve(copy.deepcopy(apps))}


def test_a_part_answers_on_all_names_of_its_site_and_has_no_say_in_its_certificate():
    found = sites(front=FRONT, api=API)
    assert "path" not in found["front"]
    part = found["api"]
    assert (part["path"], part["keep_path"], part["domains"]) == ("/api", False, ["example.org", "www.example.org"])
    assert part["upstream"] == "unix:/srv/api/current/.pyweb/web.sock"


def test_a_path_may_be_written_with_a_slash_at_its_end():
    assert sites(front=FRONT, api=with_site(API, path="/api/"))["api"]["path"] == "/api"
    assert "path" not in sites(api=with_site(API, path="/"))["api"]


@pytest.mark.parametrize(("process", "keeps", "options"), [
    ({"wsgi": "api:app"}, True, []),
    ({"asgi": "api:app", "options": ["--log-level", "info"]}, False, ["--root-path", "/api", "--log-level", "info"]),
    ({"asgi": "api:app", "server": "gunicorn"}, True, ["--root-path", "/api"]),
    ({"command": "serve {socket}"}, False, []),
])
def test_each_server_is_told_of_the_path_in_its_own_way(process, keeps, options):
    app = {**copy.deepcopy(API), "processes": {"web": process}}
    (item,) = (found for found in _apps.resolve({"front": copy.deepcopy(FRONT), "api": app}) if found["name"] == "api")
    assert (item["site"]["keep_path"], item["appserver"]["processes"]["web"]["options"]) == (keeps, options)
    assert item["appserver"]["site"] == {"domain": "example.org", "path": "/api", "files": False}


def test_another_path_is_another_release_and_the_path_of_nobody_else_is():
    def digest(app):
        return {item["name"]: item["app"]["config_digest"] for item in _apps.resolve({"front": copy.deepcopy(FRONT), "api": app})}

    one, other = digest(with_site(API)), digest(with_site(API, path="/v1"))
    assert one["api"] != other["api"] and one["front"] == other["front"]


@pytest.mark.parametrize("gone", [{"state": "absent"}, {"state": "absent", "site": {**FRONT["site"], "path": "/"}}])
def test_what_an_owner_said_of_the_domain_outlives_it(gone):
    part = sites(front={**copy.deepcopy(FRONT), **gone}, api=API)["api"]
    assert (part["domains"], part["canonical"], part["tls"]) == (["example.org", "www.example.org"], True, {"source": "acme"})
    assert part["trusted_proxies"] == ["192.0.2.7"] and part["http3"] is True


def test_what_a_part_says_itself_counts_when_it_is_alone():
    part = sites(front={**copy.deepcopy(FRONT), "state": "absent"}, api=with_site(API, tls={"source": "self-signed"}))["api"]
    assert part["tls"] == {"source": "self-signed"}
    assert sites(api=with_site(API, tls={"source": "acme"}))["api"]["tls"] == {"source": "acme"}


def test_a_host_that_has_the_part_alone_serves_it_with_the_certificate_of_its_domain():
    apps = {"front": {**copy.deepcopy(FRONT), "hosts": ["web1"]}, "api": {**copy.deepcopy(API), "hosts": ["web2"]}}
    (item,) = _apps.resolve(apps, host="web2", groups={"all": ["web1", "web2"]})
    assert item["site"]["tls"] == {"source": "acme"} and len(item["site"]["domains"]) == 2


WRONG = {
    "the same path": (dict(front=FRONT, api=API, other=API), "pyweb_apps.other.site.path is '/api', which pyweb_apps.api has on example.org too"),
    "two that have all of it": (
        dict(front=FRONT, other=with_site(API, path="/")), "pyweb_apps.other.site.domains has 'example.org', which pyweb_apps.front has"),
    "a domain twice": (dict(api=with_site(API, domains=["example.org", "example.org"])), "'example.org', which is there twice."),
    "domains of two sites": (
        dict(front=FRONT, api=with_site(API, domains=["example.org", "example.net"])),
        "pyweb_apps.api.site.domains has 'example.net', which pyweb_apps.front.site.domains does not have"),
    "a path in a path without a name": (dict(api=with_site(API, path="/../x")), "pyweb_apps.api.site.path is '/../x': a path such as /api is needed"),
    "a path that ends the directive": (dict(api=with_site(API, path="/a; b")), "pyweb_apps.api.site.path is '/a; b'"),
    "a path of ours": (dict(api=with_site(API, path="/.pyweb")), "pyweb_apps.api.site.path is '/.pyweb'"),
    "below it already": (
        dict(front={**with_site(FRONT, root=None, redirects={"/api/old": "/new"}), "processes": {"web": {"wsgi": "a:b"}}}, api=API),
        "pyweb_apps.front.site.redirects has '/api/old', which lies below /api, the site.path of pyweb_apps.api"),
    "below it from beside": (
        dict(api=with_site(API, static={"/v2/x/": "x"}), v2=with_site(API, path="/api/v2")),
        "pyweb_apps.api.site.static has '/v2/x/', which lies below /api/v2, the site.path of pyweb_apps.v2"),
}
WRONG.update({
    option: (dict(front=FRONT, api=with_site(API, **{option: value})), f"pyweb_apps.api.site.{option} is for a whole domain: example.org is the site of")
    for option, value in {
        "tls": {"source": "acme"}, "http3": True, "canonical": True, "trusted_proxies": ["192.0.2.1"], "retry_after": 5, "extra_config": "gzip off;",
    }.items()
})


@pytest.mark.parametrize("apps, sentence", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_sentence(apps, sentence):
    with pytest.raises(_apps.AppsError) as caught:
        sites(**apps)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_paths_may_lie_in_each_other_and_be_of_different_domains():
    found = sites(
        front=FRONT, api=with_site(API, static={"/static/": "s"}, access={"/admin/": {"allow": ["192.0.2.1"]}}), v2=with_site(API, path="/api/v2"),
        away=with_site(API, domains=["example.net"]), plain=with_site(API, domains=["example.com"], path="/"))
    assert found["v2"]["path"] == "/api/v2" and found["away"]["domains"] == ["example.net"]
