# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries for applications that run already: what is written is accepted, and holds no secret."""

from __future__ import annotations

import copy
import shlex

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.plugin_utils import _adopted, _adopted_command

TREE = {
    "kind": "releases", "code": "/var/www/shop/releases/1", "repo": "git@git.example.com:shop.git", "branch": "main", "revision": "0123456789abcdef",
    "shared": {"media": "/var/www/shop/shared/media"}, "dotenv": [], "edited": [], "names": ["requirements.txt", "shop"], "venv": "", "python": "3.13",
    "django_settings": "",
}
UNIT = {
    "name": "shop.service", "command": ["/opt/venv/bin/gunicorn", "-w", "3", "--bind", "unix:/run/shop.sock", "shop.wsgi"], "user": "deploy",
    "directory": "/var/www/shop/releases/1", "active": True, "enabled": True, "sockets": [], "listens": [], "files": [], "stop_timeout": None, "memory": "",
}
SITE = {
    "file": "/etc/nginx/sites-enabled/shop", "domains": ["Shop.example.com"], "upstreams": ["unix:/run/shop.sock"], "certificate": "/etc/ssl/shop.pem",
    "key": "/etc/ssl/shop.key", "static": {"/static": "/var/www/shop/current/staticfiles/", "/media/": "/var/www/shop/shared/media/"}, "body_size": "25M",
    "read_timeout": "", "others": [], "strangers": 0,
}
FOUND = {
    "path": "/var/www/shop", "tree": TREE, "units": [UNIT], "sites": [SITE], "taken": "", "python": "3.13",
    "variables": {"TITLE": {"value": "Our shop", "file": "x", "secret": False}, "SECRET_KEY": {"value": None, "file": "/etc/shop.env", "secret": True}},
}


def found(**changes):
    result = copy.deepcopy(FOUND)
    for place, value in changes.items():
        target = result
        *steps, last = place.split("__")
        for step in steps:
            target = target[0] if step == "first" else target[step]
        target[last] = value
    return result


def test_the_entry():
    app = yaml.safe_load(_adopted.written(FOUND, "shop"))["pyweb_apps"]["shop"]
    assert app == {
        "source": {"repo": "git@git.example.com:shop.git", "version": "main"}, "env": {"TITLE": "Our shop"},
        "secrets": {"SECRET_KEY": "{{ vault_shop_secret_key }}"}, "shared": ["media"], "processes": {"web": {"wsgi": "shop.wsgi:application", "workers": 3}},
        "site": {"domains": ["shop.example.com"], "static": {"/static/": "staticfiles", "/media/": "media"},
                 "tls": {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}, "client_max_body_size": "25m"},
    }


@pytest.mark.parametrize("changes", [
    {}, {"units": []}, {"sites": []}, {"tree__repo": ""}, {"tree__branch": ""}, {"tree__names": ["requirements", "requirements/production.txt"]},
    {"tree__names": []}, {"tree__names": ["manage.py", "requirements.txt"], "tree__django_settings": "shop.settings"}, {"tree__python": "3.11"},
    {"sites__first__domains": []}, {"sites__first__static": {"/": "/x", "/a b/": "/var/www/shop/current/a"}}, {"sites__first__certificate": ""},
    {"units__first__command": ["/usr/bin/java", "-jar", "shop.jar", "--port", "80"]}, {"units__first__command": []},
    {"units__first__command": ["celery", "-A", "shop", "beat"], "units__first__name": "shop-beat.service"}, {"units__first__memory": "512M"},
    {"units__first__command": ["/v/bin/uvicorn", "shop:app", "--workers", "2", "--uds", "/run/shop.sock"], "units__first__stop_timeout": 90},
    {"units__first__command": ["/v/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "--threads", "2", "--timeout", "90", "shop:app"]},
    {"units__first__command": ["/v/bin/hypercorn", "-b", "127.0.0.1:8000", "shop:app"]},
])
def test_what_is_written_is_accepted(changes):
    text = _adopted.written(found(**changes), "shop")
    assert "not accepted" not in text and _adopted.checked("shop", yaml.safe_load(text)["pyweb_apps"]["shop"]) == ""


def test_workers_are_processes_beside_web():
    worker = {**UNIT, "name": "shop-worker.service", "command": ["/opt/venv/bin/celery", "-A", "shop", "worker", "-c", "2"], "stop_timeout": 300}
    app, dummy = _adopted.entry(found(units=[worker, UNIT]), "shop")
    assert app["processes"]["worker"] == {"command": "celery -A shop worker -c 2", "stop_timeout": 300} and "wsgi" in app["processes"]["web"]


def test_secrets_stay_out_of_the_entry_and_come_to_the_vault():
    known = found(variables__SECRET_KEY={"value": "{{ it's }}\n$x", "file": "/etc/shop.env", "secret": True})
    assert "it's" not in _adopted.written(known, "shop")
    assert yaml.safe_load(_adopted.vault(known, "shop-app")) == {"vault_shop_app_secret_key": "{{ it's }}\n$x"}


def test_a_password_in_the_address_of_the_repository_is_left_out():
    text = _adopted.written(found(tree__repo="https://jo:hidden-word@git.example.com/shop.git"), "shop")
    assert "hidden-word" not in text and "https://git.example.com/shop.git" in text and "source.token" in text


@pytest.mark.parametrize(("changes", "words"), [
    ({"tree__edited": ["shop/settings.py"]}, "changed on the host"), ({"units": []}, "-e unit="), ({"sites": []}, "write site"),
    ({"sites__first__others": ["auth_basic Staff"]}, "'auth_basic Staff'"), ({"sites__first__strangers": 2}, "of others"),
    ({"units__first__directory": "/var/www/shop/releases/1/backend"}, "source.directory: backend"),
    ({"variables__HOOK": {"value": "/var/www/shop/shared/x", "file": "x", "secret": False}}, "env.HOOK"),
])
def test_what_could_not_be_decided_is_said(changes, words):
    comments = " ".join(line.strip("# ") for line in _adopted.written(found(**changes), "shop").splitlines() if line.startswith("#"))
    assert words in comments


@pytest.mark.parametrize(("path", "given", "taken", "expected"), [
    ("/var/www/shop", None, "", "shop"), ("/srv/Shop.example.com/", None, "", "shop-example-com"), ("/srv/shop", None, "/srv/shop is there", "shop-app"),
    ("/srv/shop", "store", "x", "store"), ("/opt/42", None, "", "app"), ("/opt/" + "a" * 60, None, "x", "a" * 22 + "-app"),
    # What somebody says is not cut.
    ("/srv/shop", "customer-portal-backend-v2", "", "customer-portal-backend-v2"),
])
def test_its_name(path, given, taken, expected):
    assert _adopted.name_for(path, given, taken) == expected


@pytest.mark.parametrize(("command", "expected"), [
    ("/v/bin/gunicorn shop:app", {"wsgi": "shop:app"}),
    ("/v/bin/python -m gunicorn -w4 --bind=:8000 shop:create_app()", {"wsgi": "shop:create_app()", "workers": 4}),
    ("/v/bin/gunicorn --preload --log-level warning --pid /run/x -b :1 shop.wsgi:application",
     {"wsgi": "shop.wsgi:application", "options": ["--preload", "--log-level", "warning"]}),
    ("/usr/bin/env DEBUG=1 gunicorn -k gevent --threads 4 shop:app", {"wsgi": "shop:app", "worker_class": "gevent"}),
    ("uv run gunicorn --graceful-timeout 45 --timeout 120 shop:app", {"wsgi": "shop:app", "stop_timeout": 45, "timeout": 120}),
    ("/bin/sh -c 'exec /v/bin/uvicorn shop.asgi:application --host 0.0.0.0 --port 80 --proxy-headers'", {"asgi": "shop.asgi:application"}),
    ("uvicorn --factory shop:make --workers 2", {"asgi": "shop:make", "workers": 2, "options": ["--factory"]}),
    ("/v/bin/hypercorn --bind 127.0.0.1:8000 -w 2 shop:app", {"command": "hypercorn --bind unix:{socket} -w 2 shop:app"}),
    ("/v/bin/daphne -p 8000 -b 0.0.0.0 shop.asgi:application", {"command": "daphne -u {socket} shop.asgi:application"}),
    ("/v/bin/celery -A shop worker", {"command": "celery -A shop worker"}),
])
def test_a_command(command, expected):
    assert _adopted_command.parse(shlex.split(command), False).process == expected


@pytest.mark.parametrize(("command", "expected"), [
    ("/usr/bin/node server.js --port=3000", "node server.js --port=$PORT"), ("/v/bin/serve -p 3000 'a b'", "serve -p $PORT 'a b'"),
    ("/v/bin/python manage.py serve", "python manage.py serve --port $PORT"),
])
def test_a_server_that_is_not_known(command, expected):
    assert _adopted_command.parse(shlex.split(command), True).process == {"command": expected}


def test_data_come_from_where_the_old_directory_has_them():
    assert _adopted.pairs(["media", "instance/db"], TREE, "shop") == [
        {"source": "/var/www/shop/shared/media", "target": "/srv/shop/shared/media"},
        {"source": "/var/www/shop/releases/1/instance/db", "target": "/srv/shop/shared/instance/db"},
    ]
    assert _adopted.pairs([], TREE, "shop") == []
