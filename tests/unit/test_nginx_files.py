# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that is rendered: a request pays for nothing that no site of its host uses."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest
from ansible_collections.pyweb.stack.plugins.filter.site_changes import site_changes
from ansible_collections.pyweb.stack.plugins.filter.site_plan import site_plan

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from role_variables import CHECKOUT, seen  # noqa: E402

ROLE = CHECKOUT / "roles" / "nginx"
LOOK = {"ipv6": True, "foreign": {"writes": [], "temporary": False, "tuned": []}, "sites": [], "listed": [], "missing_files": [], "certificates": []}
SHOP = {"name": "shop", "domains": ["shop.example.com"], "upstream": "unix:/srv/shop/current/.pyweb/web.sock"}


def rendered(server: dict, *sites: dict, kept: tuple[dict, ...] = (), **foreign: list[str]) -> dict[str, str]:
    """The files of the configuration by their paths; C(kept) are sites of another inventory, as the look finds them."""
    look = {**LOOK, "sites": [*kept]}
    more = {
        "nginx_sites": list(sites), "nginx_server": server, "nginx_acme": {}, "nginx_ca": {}, "role_path": str(ROLE),
        "__nginx_look": {**look, "foreign": {**LOOK["foreign"], **foreign}},
        "ansible_search_path": [str(ROLE)], "ansible_managed": "managed", "inventory_hostname": "web1",
        "ansible_facts": {"distribution": "Debian", "distribution_major_version": "13", "distribution_version": "13.1", "architecture": "x86_64"},
    }
    for name in ("server", "acme", "ca"):
        more[f"__nginx_{name}"] = seen("nginx", f"__nginx_found_{name}", **more)
    paths = {name: f"/etc/nginx/pyweb/acme/{name}" for name in ("account_file", "dns_credentials", "webroot")}
    defaults = seen("nginx", "__nginx_site_defaults", **more)
    more["__nginx_plan"] = site_plan(list(sites), defaults, "/etc/nginx/pyweb/tls", "/etc/nginx/pyweb/acme", "", more["__nginx_acme"], paths)
    more["__nginx_changes"] = site_changes(more["__nginx_plan"], look, bool(kept), "/etc/nginx/pyweb/acme", "/etc/nginx/pyweb/acme/sites.d")
    return {file["path"]: file.get("content", "") for file in seen("nginx", "__nginx_files", **more)}


def text(files: dict[str, str]) -> str:
    """An authority's own file is there always, but nothing includes it."""
    return "\n".join(content for path, content in files.items() if not path.endswith("/acme.conf"))


@pytest.fixture(scope="module")
def plain():
    return rendered({}, SHOP)


@pytest.mark.parametrize(("words", "server", "more"), [
    (["$pyweb_said_scheme"], {"trusted_proxies": ["192.0.2.1"]}, {}),
    (["$pyweb_said_scheme", "real_ip_header"], {}, {"trusted_proxies": ["192.0.2.1"]}),
    (["$pyweb_probe_host", "$pyweb_forwarded_scheme"], {}, {"probes": ["/healthz"]}),
    (["$pyweb_needs_tls", "acme-challenge/ {"], {}, {"tls": {"source": "acme"}}),
    (["$pyweb_alt_svc"], {}, {"http3": True}),
    (["limit_req"], {}, {"limits": {"requests": "5r/s"}}),
    (["limit_conn"], {}, {"limits": {"connections": 5}}),
    (["if ($pyweb_where"], {}, {"canonical": True}),
    (["auth_basic "], {}, {"access": {"/": {"users": {"jo": "$6$x"}}}}),
    (["set $pyweb_page"], {}, {"error_pages": {"503": "/srv/shop/current/503.html"}}),
    (["Strict-Transport-Security $"], {}, {"tls": {"hsts_max_age": 60}}),
])
def test_what_is_not_used_is_not_asked(plain, words, server, more):
    with_it = text(rendered(server, {**SHOP, **more}))
    assert [word for word in words if word in text(plain)] == []
    assert [word for word in words if word not in with_it] == []


def test_a_request_ends_its_rewrites_unless_maintenance_is_on_or_rewrites_of_a_user_follow(plain):
    path = "/etc/nginx/conf.d/pyweb.site.shop.conf"
    assert "break;" in plain[path]
    assert "break;" not in rendered({}, {**SHOP, "extra_config": "rewrite ^/a$ /b last;"})[path]


def locations(configuration: str) -> list[str]:
    """Each with those that are in it."""
    return re.findall(r"^    location .*?^    }$", configuration, re.MULTILINE | re.DOTALL)


def test_nothing_is_remembered_of_files_where_the_look_for_maintenance_is():
    static = [{"url": url, "paths": ["/srv/shop/current/a", "/srv/shop/assets/a"], "uploads": url == "/sent/"} for url in ("/static/", "/sent/")]
    static.append({"url": "/robots.txt", "paths": ["/srv/shop/current/robots.txt"]})
    files = rendered({}, {**SHOP, "static": static, "error_pages": {"404": "/srv/shop/current/404.html"}, "tls": {"source": "acme"}})
    configuration = files["/etc/nginx/conf.d/pyweb.site.shop.conf"].replace("include pyweb/acme.conf;", files["/etc/nginx/pyweb/acme.conf"])
    assert configuration.count("open_file_cache max=") == 1
    served = [location for location in locations(configuration) if re.search(r"\n +(root|alias|try_files) |^root ", location, re.MULTILINE)]
    assert len(served) == 8
    assert [location for location in served if "open_file_cache off;" not in location] == []


@pytest.mark.parametrize("more", [
    {"extra_config": "location /own/ { root /srv; }"}, {"error_pages": {"503": "/srv/shop/current/503.html"}}, {"upstream": "", "root": "/srv/shop/current"},
])
def test_the_look_for_maintenance_is_not_remembered_where_files_could_be(more):
    configuration = rendered({}, {**SHOP, **more})["/etc/nginx/conf.d/pyweb.site.shop.conf"]
    assert "open_file_cache off;" in configuration and "open_file_cache max=" not in configuration


def test_what_somebody_else_says_of_the_whole_server_is_not_said_twice(plain):
    names = ("server_names_hash_bucket_size", "variables_hash_max_size", "worker_rlimit_nofile", "worker_shutdown_timeout")
    without = rendered({}, SHOP, tuned=list(names))
    assert [name for name in names if f"\n{name} " not in text(plain)] == []
    assert [name for name in names if f"\n{name} " in text(without)] == []
    assert "\nserver_names_hash_max_size " in text(without)


@pytest.mark.parametrize("streams", [["/"], ["/", "/chat/"]])
def test_a_whole_site_may_stream(plain, streams):
    path = "/etc/nginx/conf.d/pyweb.site.shop.conf"
    before, dummy, root = rendered({}, {**SHOP, "streams": streams})[path].partition("location / {")
    assert "proxy_buffering off;" in root.partition("}")[0] and "location / {" not in before + root
    assert "proxy_buffering off;" not in plain[path].partition("location / {")[2].partition("}")[0]


def test_rules_of_access_whose_paths_look_alike_have_files_of_their_own():
    users = {path: {"users": {"jo": f"$6${number}"}} for number, path in enumerate(["/a", "/a/", "/a.", "/a/b", "/a.b", "/a./b", "/a/.b"])}
    files = [path for path in rendered({}, {**SHOP, "access": users}) if path.endswith("users")]
    assert len(set(files)) == len(users)


@pytest.mark.parametrize(("access", "guarded"), [
    ({}, False), ({"/": {"allow": ["192.0.2.1"]}}, False), ({"/admin/": {"allow": ["192.0.2.1"]}}, True),
])
def test_who_may_come_to_a_path_is_asked_of_paths_as_they_are_sent(access, guarded):
    assert ("if ($pyweb_climbs)" in rendered({}, {**SHOP, "access": access})["/etc/nginx/conf.d/pyweb.site.shop.conf"]) is guarded


def test_values_of_headers():
    site = rendered({}, {**SHOP, "headers": {"X-XSS-Protection": 0, "Reporting-Endpoints": 'a="b"', "X-Frame-Options": "", "Vary": "Accept"}})
    lines = [line.strip() for line in site["/etc/nginx/conf.d/pyweb.site.shop.conf"].splitlines()]
    assert 'add_header X-XSS-Protection "0" always;' in lines and r'add_header Reporting-Endpoints "a=\"b\"" always;' in lines
    assert "proxy_hide_header X-XSS-Protection;" in lines
    assert not {"proxy_hide_header Vary;", "proxy_hide_header X-Frame-Options;"} & set(lines) and not any("X-Frame-Options" in line for line in lines)


def test_paths_of_others_may_have_spaces_and_percent_signs():
    unit = rendered({}, SHOP, writes=["/srv/100%", "/srv/my logs"])["/etc/systemd/system/nginx.service.d/pyweb.conf"]
    assert ' -/srv/100%% "-/srv/my logs"\n' in unit


def test_two_inventories_that_keep_each_others_sites_write_the_same():
    """Each run of one would undo what the other has written, and reload nginx."""
    def written(mine: str, theirs: str) -> str:
        kept = {"name": theirs, "path": f"/etc/nginx/conf.d/pyweb.site.{theirs}.conf", "names": [f"{theirs}.example.com"], "record": {}, "live": True,
                "http3": False, "reuseport": False}
        site = {**SHOP, "name": mine, "domains": [f"{mine}.example.com"]}
        return rendered({"unlisted_sites": "keep"}, site, kept=(kept,))["/etc/nginx/conf.d/pyweb.conf"]

    assert written("shop", "blog") == written("blog", "shop")
