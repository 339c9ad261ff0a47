# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preset fills in, and what goes before it."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _presets, _shown

SITE = {"domains": ["shop.example.com"]}


def resolved(preset, name="shop", **given):
    app = _apps._app(name, {"preset": preset, "source": {"repo": "https://git.example.com/shop.git"}, **given})
    processes = {key: item["wsgi"] or item["asgi"] or item["command"] for key, item in app["processes"].items()}
    return app, processes, (app["site"] or {}).get("static")


@pytest.mark.parametrize("preset, name, processes, static", [
    ("django", "shop", {"web": "shop.wsgi:application"}, {"/static/": "staticfiles"}),
    ("django", "web-shop", {"web": "web_shop.wsgi:application"}, {"/static/": "staticfiles"}),
    ("flask", "shop", {"web": "shop:app"}, {"/static/": "shop/static"}),
    ("fastapi", "shop", {"web": "main:app"}, {}),
])
def test_what_a_preset_fills_in(preset, name, processes, static):
    app, found, files = resolved(preset, name, site=SITE)
    assert (found, files) == (processes, static)
    assert app["processes"]["web"]["server"] == ("uvicorn" if preset == "fastapi" else "gunicorn")
    # Without a site there are no static files to serve.
    assert resolved(preset, name)[1:] == (processes, None)


def test_django():
    app = resolved("django", site=SITE, secrets={"SECRET_KEY": "s3cret", "DJANGO_SECRET_KEY": "s3cret", "DATABASE_URL": "s3cret"})[0]
    assert app["env"] == {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    assert app["build"] == ["python manage.py collectstatic --noinput"] and app["migrate"] == ["python manage.py migrate --noinput"]
    # Build steps never see a secret, nor does the environment of a release that anybody may print.
    assert app["build_env"] == {"SECRET_KEY": "only-while-it-builds", "DJANGO_SECRET_KEY": "only-while-it-builds"}
    status = app["processes"]["web"]["health"]["status"]
    assert 400 not in status and {200, 302, 404} <= set(status)


@pytest.mark.parametrize("given, entry, settings", [
    ({"env": {"DJANGO_SETTINGS_MODULE": "config.settings.production"}}, "config.wsgi:application", "config.settings.production"),
    ({"processes": {"web": {"wsgi": "config.wsgi"}}}, "config.wsgi", "config.settings"),
    ({"processes": {"web": {"asgi": "config.asgi:application"}}}, "config.asgi:application", "shop.settings"),
    ({"processes": {"web": {"command": "serve {socket}"}}}, "serve {socket}", "shop.settings"),
    ({"processes": {"web": {"workers": 7}}}, "shop.wsgi:application", "shop.settings"),
])
def test_django_under_another_name(given, entry, settings):
    app, processes, dummy = resolved("django", site=SITE, **given)
    assert (processes["web"], app["env"]["DJANGO_SETTINGS_MODULE"]) == (entry, settings)
    assert app["processes"]["web"]["health"]["status"] == _presets.DJANGO_STATUS


def test_flask_with_a_factory():
    assert resolved("flask", site=SITE, processes={"web": {"wsgi": "blog:create_app()"}})[1:] == (
        {"web": "blog:create_app()"}, {"/static/": "blog/static"})


@pytest.mark.parametrize("given, option, value", [
    ({"build": []}, "build", []),
    ({"build": ["make"]}, "build", ["make"]),
    ({"migrate": "true"}, "migrate", ["true"]),
    ({"env": {"A": "1"}}, "env", {"DJANGO_SETTINGS_MODULE": "shop.settings", "A": "1"}),
    ({"secrets": {"SECRET_KEY": "s3cret"}, "build_env": {"SECRET_KEY": "mine"}}, "build_env", {"SECRET_KEY": "mine"}),
])
def test_what_is_given_goes_before_the_preset(given, option, value):
    assert resolved("django", **given)[0][option] == value


@pytest.mark.parametrize("preset, given, shared", [
    ("django", {}, ["db.sqlite3"]), ("flask", {}, ["instance"]), ("fastapi", {}, []),
    ("django", {"shared": ["media"]}, ["db.sqlite3", "media"]), ("django", {"shared": ["media", "db.sqlite3"]}, ["media", "db.sqlite3"]),
    ("django", {"shared": []}, []), ("fastapi", {"shared": ["data"]}, ["data"]),
])
def test_what_a_framework_writes_to_by_default_is_shared(preset, given, shared):
    assert resolved(preset, **given)[0]["shared"] == shared


def test_processes_and_static_files_that_are_given():
    worker = {"worker": {"command": "celery -A shop worker"}}
    assert list(resolved("django", site=SITE, processes=worker)[1]) == ["web", "worker"]
    assert list(resolved("django", processes=worker)[1]) == ["worker"], "a host for workers alone has no site"
    health = {"web": {"health": {"path": "/healthz", "status": [200]}}}
    assert resolved("django", site=SITE, processes=health)[0]["processes"]["web"]["health"] == {
        "path": "/healthz", "host": None, "status": [200], "body": None, "successes": 1, "timeout": 60}
    assert resolved("django", site={**SITE, "static": {}})[2] == {}
    assert resolved("django", site={**SITE, "static": {"/s/": "out"}})[2] == {"/s/": "out"}


@pytest.mark.parametrize("given, said", [
    ({"env": "x"}, "env"), ({"processes": "x"}, "processes"), ({"processes": {"web": "x"}}, "processes.web"), ({"site": "x"}, "site"),
    ({"secrets": ["x"]}, "secrets"), ({"shared": {"x": 1}}, "shared"), ({"shared": [["x"]]}, "shared"),
])
def test_wrong_input_is_a_sentence_with_a_preset_too(given, said):
    with pytest.raises(_apps.AppsError, match=said):
        resolved("django", **given)


def test_what_is_shown_has_everything_but_secrets():
    apps = {
        "shop": {
            "preset": "django", "site": SITE, "secrets": {"SECRET_KEY": "s3cret"}, "build_env": {"SECRET_KEY": "mine"},
            "source": {"repo": "https://me:s3cret@git.example.com/shop.git", "token": "s3cret"},
            "dependencies": {"index": "https://me:s3cret@pypi.example.com/simple", "extra_indexes": ["https://me:s3cret@pypi.example.com/more"],
                             "git": [{"url": "https://git.example.com/", "token": "s3cret"}]},
        },
        "blog": {"source": {"path": "/src"}, "processes": {"web": {"wsgi": "blog:app"}}},
        "old": {"state": "absent"},
    }
    shown = _shown.shown(apps, {"shop": {"keep_releases": 3}})
    assert "s3cret" not in str(shown) and list(shown) == ["shop", "blog", "old"] and shown["old"] == {"state": "absent"}
    shop = shown["shop"]
    assert shop["source"] == {"repo": "https://git.example.com/shop.git", "version": "HEAD", "token": "********"}
    assert shop["dependencies"] == {"index": "https://pypi.example.com/simple", "extra_indexes": ["https://pypi.example.com/more"],
                                    "git": [{"url": "https://git.example.com/", "token": "********", "known_hosts": []}]}
    assert (shop["secrets"], shop["keep_releases"], shop["migrate"]) == ({"SECRET_KEY": "********"}, 3, ["python manage.py migrate --noinput"])
    assert shown["blog"]["processes"]["web"]["server"] == "gunicorn" and shown["blog"]["source"] == {"path": "/src"}
    # What is shown can be written into an inventory as it is.
    assert _shown.shown({"shop": {key: value for key, value in shop.items() if key != "preset"}})["shop"]["processes"] == shop["processes"]
    with pytest.raises(_apps.AppsError, match="^app is 'x': pyweb_apps defines shop, blog, old.$"):
        _shown.shown(apps, app="x")
