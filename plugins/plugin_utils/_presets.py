# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of a framework says about deploying it, as options of pyweb_apps. Pure."""

from __future__ import annotations

import re
from typing import Any, Callable


def _django(package: str, given: dict) -> dict:
    """https://docs.djangoproject.com/en/stable/howto/deployment/ and howto/static-files/deployment/."""
    env = given.get("env")
    settings = str(env.get("DJANGO_SETTINGS_MODULE", "")) if isinstance(env, dict) else ""
    # shop.settings and shop.settings.production belong to shop.wsgi.
    package = re.split(r"\.settings\b|\.", settings)[0] or package
    return {
        "env": {"DJANGO_SETTINGS_MODULE": f"{package}.settings"},
        "build": ["python manage.py collectstatic --noinput"],
        "migrate": "python manage.py migrate --noinput",
        "processes": {"web": {"wsgi": f"{package}.wsgi:application"}},
        "site": {"static": {"/static/": "staticfiles"}},
    }


def _flask(package: str, given: dict) -> dict:
    """https://flask.palletsprojects.com/en/stable/deploying/gunicorn/."""
    return {"processes": {"web": {"wsgi": f"{package}:app"}}, "site": {"static": {"/static/": f"{package}/static"}}}


def _fastapi(package: str, given: dict) -> dict:
    """https://fastapi.tiangolo.com/deployment/manually/: main.py with app, or a package app with it."""
    return {"processes": {"web": {"asgi": "main:app"}}}


PRESETS: dict[str, Callable[[str, dict], dict]] = {"django": _django, "flask": _flask, "fastapi": _fastapi}


def filled(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options of the preset that C(given) names; what is given goes before them."""
    result = PRESETS[given["preset"]](name.replace("-", "_"), given)
    web = (given.get("processes") or {}).get("web") if isinstance(given.get("processes"), dict) else None
    if isinstance(web, dict) and {"wsgi", "asgi", "command"} & set(web):
        result["processes"]["web"] = {}
    if isinstance(given.get("processes"), dict) and given["processes"] and "web" not in given["processes"]:
        del result["processes"]["web"]
    site = given.get("site")
    if not site:
        result.pop("site", None)
    elif isinstance(site, dict) and "static" in site:
        # {} means: none at all.
        result.pop("site", None)
    return result
