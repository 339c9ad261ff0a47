# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of a framework says about deploying it, as options of pyweb_apps. Pure."""

from __future__ import annotations

import re
from typing import Any, Callable

# Django answers 400 to a Host that ALLOWED_HOSTS lacks: a release that would do so to every visitor must not go live.
DJANGO_STATUS = [200, 204, 301, 302, 303, 307, 308, 401, 403, 404]

# What the frameworks' own templates write to: the database of startproject's settings, and the instance folder
# (https://flask.palletsprojects.com/en/stable/config/#instance-folders).
SHARED = {"django": "db.sqlite3", "flask": "instance"}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _package(given: dict[str, Any], kind: str) -> str:
    """shop of shop.wsgi:application, where the user has said what to run."""
    entry = _mapping(_mapping(given.get("processes")).get("web")).get(kind)
    return re.split(r"[.:]", entry)[0] if isinstance(entry, str) else ""


def _django(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """https://docs.djangoproject.com/en/stable/howto/deployment/ and howto/static-files/deployment/."""
    settings = str(_mapping(given.get("env")).get("DJANGO_SETTINGS_MODULE", ""))
    # shop.settings and shop.settings.production belong to shop.wsgi.
    package = re.split(r"\.settings\b|\.", settings)[0] or _package(given, "wsgi") or name
    # Settings are read to collect static files, which needs no secret, but many do not load without one.
    keys = [key for key in _mapping(given.get("secrets")) if str(key).endswith("SECRET_KEY")]
    return {
        "env": {"DJANGO_SETTINGS_MODULE": f"{package}.settings"},
        **({"build_env": {key: "only-while-it-builds" for key in keys}} if keys else {}),
        "build": ["python manage.py collectstatic --noinput"],
        "migrate": "python manage.py migrate --noinput",
        "shared": [SHARED["django"]],
        "processes": {"web": {"wsgi": f"{package}.wsgi:application", "health": {"status": DJANGO_STATUS}}},
        "site": {"static": {"/static/": "staticfiles"}},
    }


def _flask(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """https://flask.palletsprojects.com/en/stable/deploying/gunicorn/."""
    package = _package(given, "wsgi") or name
    return {"processes": {"web": {"wsgi": f"{package}:app"}}, "shared": [SHARED["flask"]], "site": {"static": {"/static/": f"{package}/static"}}}


def _fastapi(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """https://fastapi.tiangolo.com/deployment/manually/: main.py with app."""
    return {"processes": {"web": {"asgi": "main:app"}}}


PRESETS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {"django": _django, "flask": _flask, "fastapi": _fastapi}


def filled(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options of the preset that C(given) names; what is given goes before them."""
    result = PRESETS[given["preset"]](name.replace("-", "_"), given)
    processes, site = _mapping(given.get("processes")), given.get("site")
    if {"wsgi", "asgi", "command"} & set(_mapping(processes.get("web"))):
        for kind in ("wsgi", "asgi", "command"):
            result["processes"]["web"].pop(kind, None)
    if processes and "web" not in processes and not site:
        # Only workers run here.
        del result["processes"]
    more = given.get("shared")
    if more is not None:
        own = result.pop("shared", [])
        # With what is given; [] means: none at all. What is no list is refused where options are checked.
        if isinstance(more, list) and more:
            result["shared"] = [*(path for path in own if path not in more), *more]
    if not site or "static" in _mapping(site):
        # {} means: none at all.
        result.pop("site", None)
    return result
