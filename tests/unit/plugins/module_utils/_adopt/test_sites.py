# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites of nginx, as C(nginx -T) prints them."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._adopt import sites

PRINTED = """# configuration file /etc/nginx/nginx.conf:
user www-data;
http { client_max_body_size 30m; include /etc/nginx/conf.d/*.conf; }
# configuration file /etc/nginx/conf.d/shop.conf:
# server_name never.example.com;
upstream shop_backend { server unix:/run/shop.sock fail_timeout=0; }
server { listen 80; server_name shop.example.com www.shop.example.com; return 301 https://shop.example.com$request_uri; }
server {
  listen 443 ssl; server_name shop.example.com;
  ssl_certificate /etc/ssl/shop.pem; ssl_certificate_key /etc/ssl/shop.key;
  root /var/www/shop/current/public;
  add_header X-Robots-Tag "noindex; nofollow";
  location ^~ /static/ { alias /var/www/shop/current/staticfiles/; expires 1y; }
  location = /robots.txt { root /var/www/shop/current/public; }
  location /media { root /var/www/shop/shared; }
  location ~ \\.php$ { deny all; }
  location / { try_files $uri @app; }
  location @app { proxy_pass http://shop_backend; proxy_read_timeout 120s; }
}
# configuration file /etc/nginx/conf.d/blog.conf:
server { server_name blog.example.com; location / { proxy_pass http://127.0.0.1:8000/; } }
"""


def test_a_site_with_all_that_people_write():
    (site,) = sites.find(PRINTED, ["unix:/run/shop.sock"], "/var/www/other")
    assert (site.file, site.domains) == ("/etc/nginx/conf.d/shop.conf", ["shop.example.com", "www.shop.example.com"])
    assert (site.certificate, site.key, site.body_size, site.read_timeout) == ("/etc/ssl/shop.pem", "/etc/ssl/shop.key", "30m", "120s")
    assert site.static == {
        "/static/": "/var/www/shop/current/staticfiles/", "/robots.txt": "/var/www/shop/current/public/robots.txt", "/media": "/var/www/shop/shared/media"}
    assert site.others == ["add_header X-Robots-Tag noindex; nofollow", "location ~ \\.php$: deny all"] and site.strangers == 0


@pytest.mark.parametrize(("addresses", "path", "expected"), [
    (["127.0.0.1:8000"], "/opt/blog", ["/etc/nginx/conf.d/blog.conf"]),
    ([], "/var/www/shop", ["/etc/nginx/conf.d/shop.conf"]),
    ([], "/var/www/sh", []),
    (["127.0.0.1:9999"], "/opt/blog", []),
])
def test_which_sites_are_the_applications(addresses, path, expected):
    assert [site.file for site in sites.find(PRINTED, addresses, path)] == expected


def test_what_certbot_has_written_is_nothing_to_look_at():
    printed = """# configuration file /etc/nginx/sites-enabled/shop:
server {
    server_name shop.example.com;
    location / { proxy_pass http://unix:/run/shop.sock; }
    listen 443 ssl; # managed by Certbot
    if ($request_method = TRACE) { return 405; }
}
server {
    if ($host = shop.example.com) {
        return 301 https://$host$request_uri;
    } # managed by Certbot
    listen 80;
    server_name shop.example.com;
    return 404; # managed by Certbot
}
"""
    (site,) = sites.find(printed, ["unix:/run/shop.sock"], "/opt/shop")
    assert site.domains == ["shop.example.com"] and site.others == ["if ($request_method = TRACE)"]


def test_a_file_with_sites_of_others_says_so():
    text = PRINTED.replace("# configuration file /etc/nginx/conf.d/blog.conf:\n", "")
    (site,) = sites.find(text, ["unix:/run/shop.sock"], "/none")
    assert site.strangers == 1 and "blog.example.com" not in site.domains


@pytest.mark.parametrize(("target", "expected"), [
    ("http://127.0.0.1:8000", "127.0.0.1:8000"), ("http://127.0.0.1:8000/app/", "127.0.0.1:8000"), ("http://unix:/run/a.sock", "unix:/run/a.sock"),
    ("http://unix:/run/a.sock:/", "unix:/run/a.sock"), ("http://unix:/run/a.sock:", "unix:/run/a.sock"),
])
def test_where_requests_are_passed(target, expected):
    printed = f"# configuration file /x:\nserver {{ server_name a.example.com; location / {{ proxy_pass {target}; }} }}\n"
    assert [site.upstreams for site in sites.find(printed, [expected], "/none")] == [[expected]]


def test_braces_that_nobody_closes():
    assert [block.name for block in sites.parse("server { location / { root /x;")] == ["server"]
    assert sites.parse("} } server { listen 80; }")[0].first("listen") == "80"
