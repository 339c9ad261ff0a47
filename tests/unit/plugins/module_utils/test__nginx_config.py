# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _nginx_config as nginx_config

THEIRS = "/etc/nginx/sites-enabled/old"
OURS = "/etc/nginx/conf.d/pyweb.site.shop.conf"


def foreign(text, file=THEIRS):
    return nginx_config.foreign(nginx_config.directives(file, text))


def test_directives():
    text = '''# access_log /no/log;
user  www-data; map $a "$b c" { default "x;y{z}"; ~^/(\\d+)\\; 'q'; }
http { server { listen [::]:80; return 200 "${host} it's"; } }
'''
    assert [(item.name, item.args) for item in nginx_config.directives(THEIRS, text)] == [
        ("user", ("www-data",)), ("map", ("$a", "$b c")), ("default", ("x;y{z}",)), ("~^/(\\d+)\\;", ("q",)), ("http", ()), ("server", ()),
        ("listen", ("[::]:80",)), ("return", ("200", "${host} it's")),
    ]


@pytest.mark.parametrize(("text", "writes"), [
    ("access_log /srv/old/logs/access.log combined buffer=32k;", ["/srv/old/logs"]),
    ("error_log /var/log/old.log warn;", ["/var/log"]),
    ("access_log '/srv/my logs/a.log';", ["/srv/my logs"]),
    ("access_log /srv/logs/$host/a.log;", ["/srv/logs"]),
    ("proxy_cache_path /data/cache levels=1:2 keys_zone=a:1m;", ["/data/cache"]),
    ("client_body_temp_path /data/body 1 2; fastcgi_temp_path /data/fast/;", ["/data/body", "/data/fast"]),
    ("listen unix:/srv/socks/n.sock;", ["/srv/socks"]),
    ("error_log logs/old.log; proxy_temp_path spool;", ["/usr/share/nginx/logs", "/usr/share/nginx/spool"]),
    ("access_log $somewhere; error_log memory:32m debug;", []),
    ("root /srv/dav; dav_methods PUT DELETE;", ["/srv/dav"]),
    ("root /srv/dav; dav_methods off;", []),
    ("access_log off; error_log stderr; access_log syslog:server=unix:/dev/log; error_log /dev/null; root /srv/www;", []),
    ("access_log /var/log/nginx/a.log; proxy_cache_path /var/cache/nginx/a keys_zone=a:1m; pid /run/nginx.pid;", []),
    ("access_log /var/log/nginx-old/a.log;", ["/var/log/nginx-old"]),
])
def test_where_others_let_nginx_write(text, writes):
    assert foreign(text).writes == writes
    assert foreign(text, OURS).writes == []


@pytest.mark.parametrize(("text", "temporary"), [
    ("proxy_pass http://unix:/tmp/gunicorn.sock;", True), ("server unix:/var/tmp/a.sock;", True), ("root /tmp/site;", True),
    ("root /srv/tmp/site;", False), ("proxy_pass http://127.0.0.1:8000;", False),
])
def test_whether_others_use_the_common_temporary_directories(text, temporary):
    assert foreign(text).temporary is temporary


@pytest.mark.parametrize(("text", "listens"), [
    ("listen 443 ssl http2; listen [::]:443 ssl;", []), ("# listen 443 quic;", []), ("server_name quic; listen quic;", []),
    ("listen 443 ssl; listen 443 quic reuseport;", [("443", "quic", "reuseport")]), ("listen [::]:443 quic;", [("[::]:443", "quic")]),
])
def test_where_servers_listen_for_http3(text, listens):
    assert [item.args for item in nginx_config.quic(nginx_config.directives(OURS, text))] == listens


def test_where_others_let_nginx_write_through_a_link(tmp_path):
    (tmp_path / "large").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "a.log").symlink_to(tmp_path / "large" / "a.log")
    assert foreign(f"access_log {tmp_path}/small/a.log;").writes == [f"{tmp_path}/large", f"{tmp_path}/small"]
    assert foreign("access_log /dev/stdout;").writes == []


def test_names_of_others():
    text = "server_name b.example a.example; server_name _ ''; server_name localhost;"
    assert foreign(text).names == ["a.example", "b.example"] and foreign(text, OURS).names == []
    # Of sites that another inventory has set up.
    assert nginx_config.names_of(nginx_config.directives(OURS, text)) == ["a.example", "b.example"]


def test_names_of_others_as_nginx_takes_them():
    assert foreign("server_name Shop.Example .example.org;").names == ["*.example.org", "example.org", "shop.example"]


@pytest.mark.parametrize("listens, ours", [
    ("", True), ("listen 443 ssl;", True), ("listen 8443 ssl; listen [::]:443 ssl;", True), ("listen 192.0.2.7;", True), ("listen [2001:db8::7];", True),
    ("listen 8443 ssl; include snippets/more;", True), ("listen 8000-9000;", True),
    ("listen 8443 ssl; listen [::]:8443 ssl;", False), ("listen 127.0.0.1:8080;", False), ("listen unix:/run/x.sock;", False),
])
def test_names_of_others_at_other_ports_are_no_matter_of_ours(listens, ours):
    text = f"server {{ location / {{ return 204; }} {listens} server_name a.example; }} server {{ listen 80; server_name b.example; }}"
    assert foreign(text).names == (["a.example"] if ours else []) + ["b.example"]


def test_what_others_say_of_the_whole_server():
    text = "worker_rlimit_nofile 65535; http { server_names_hash_bucket_size 64; gzip on; }"
    assert foreign(text).tuned == ["server_names_hash_bucket_size", "worker_rlimit_nofile"] and foreign(text, OURS).tuned == []


@pytest.mark.parametrize("listen, addresses", [
    ("192.0.2.7:443 ssl", ["192.0.2.7:443"]), ("192.0.2.7", ["192.0.2.7:80"]), ("[2001:db8::7]:443 ssl", ["[2001:db8::7]:443"]),
    ("localhost:80", ["localhost:80"]),
    ("443 ssl", []), ("*:443", []), ("0.0.0.0:80", []), ("[::]:80", []), ("unix:/run/x.sock", []), ("192.0.2.7:8080", []), ("80", []),
])
def test_addresses_that_others_have_for_themselves(listen, addresses):
    assert foreign(f"server {{ listen {listen}; }}").addresses == addresses
    assert foreign(f"server {{ listen {listen}; }}", OURS).addresses == []


@pytest.mark.parametrize("listen, has", [
    ("80 default_server", True), ("443 ssl default_server", True), ("[::]:80 default_server ipv6only=on", True), ("*:80 default", True),
    ("0.0.0.0:443 default_server ssl", True), ("[::] default_server", True),
    ("80", False), ("8080 default_server", False), ("192.0.2.7:80 default_server", False), ("unix:/run/x.sock default_server", False),
    ("[::]:8443 ssl default_server", False),
])
def test_where_others_have_the_default_server(listen, has):
    text = f"server {{ listen {listen}; }}"
    assert foreign(text).defaults == ([THEIRS] if has else []) and foreign(text, OURS).defaults == []


def test_the_files_that_a_configuration_consists_of(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "nginx.conf").write_text("user nginx;\nhttp { include mime.types; include conf.d/*.conf; include none/*; }\n")
    (tmp_path / "conf.d/a.conf").write_text(f"include {tmp_path}/conf.d/*.conf;\nserver_name a;\n")
    (tmp_path / "conf.d/b.conf").write_text("server_name b;\n")
    path = f"{tmp_path}/nginx.conf"
    config = nginx_config.read(path)
    assert nginx_config.user_of(config) == "nginx"
    assert nginx_config.includes(config, path) == ["mime.types", "conf.d/*.conf", "none/*"]
    assert nginx_config.foreign(config).names == ["a", "b"]
    assert nginx_config.read(f"{tmp_path}/none") == [] and nginx_config.user_of([]) == ""


@pytest.mark.parametrize(("text", "reached"), [
    ("upstream a {\n    server unix:/srv/a/current/web.sock max_fails=0;\n}\nserver {\n    root /srv/a;\n", ("socket", "/srv/a/current/web.sock")),
    ("    server 127.0.0.1:8000 max_fails=0;\n", ("port", "127.0.0.1:8000")),
    ("    server app.internal max_fails=0;\n", ("port", "app.internal")),
    ("server {\n    root /srv/a/current/dist;\n", ("root", "/srv/a/current/dist")),
    ("", ("", "")),
])
def test_what_a_site_stands_in_front_of(text, reached):
    assert nginx_config.reaches(text) == reached


def test_an_application_answers_or_not(tmp_path):
    path = str(tmp_path / "web.sock")
    assert not nginx_config.answers("socket", path)
    with socket.socket(socket.AF_UNIX) as server, socket.create_server(("127.0.0.1", 0)) as listener:
        server.bind(path)
        assert not nginx_config.answers("socket", path)
        server.listen()
        port = listener.getsockname()[1]
        assert nginx_config.answers("socket", path) and nginx_config.answers("port", f"127.0.0.1:{port}")
    assert not nginx_config.answers("port", f"127.0.0.1:{port}")
    (tmp_path / "current/dist").mkdir(parents=True)
    assert nginx_config.answers("root", f"{tmp_path}/current/dist")
    assert not nginx_config.answers("root", f"{tmp_path}/current/none") and not nginx_config.answers("root", str(tmp_path))
    assert not nginx_config.answers("", "")
