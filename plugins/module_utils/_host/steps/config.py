# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that releases run with, as the host has it on record. Changes nothing."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.secrets import MASK


def pairs(path: str) -> dict[str, str]:
    """NAME=value, each with a NUL behind it; nothing where there is no such file."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return dict(pair.split("=", 1) for pair in file.read().split("\0") if pair)
    except FileNotFoundError:
        return {}


def told(app: App, release: str) -> dict[str, t.Any]:
    """Of one release, without a secret. What an older version of this collection did not record is missing."""
    manifest = app.store.manifest(release)
    runtime: dict[str, t.Any] = dict(manifest.get("runtime") or {})
    result: dict[str, t.Any] = {
        "release": release, **{key: manifest[key] for key in ("version", "source", "revision", "kind", "python_version") if manifest.get(key)},
        "env": {name: app.secrets.mask(value) for name, value in pairs(f"{app.paths.meta(release)}/environment").items()},
        "static": manifest.get("static") or {}, **(manifest.get("config") or {}),
    }
    if runtime:
        result |= {"manager": runtime.get("manager"), "domain": (runtime.get("site") or {}).get("domain"), "processes": runtime["processes"]}
    if manifest.get("scale"):
        result["scale"] = manifest["scale"]
    if manifest.get("procfile"):
        result["procfile"] = sorted(manifest["procfile"]["processes"])
    if release == app.live:
        # Whichever release starts next reads those of today.
        result["secrets"] = {name: MASK for name in pairs(app.paths.secrets)}
    return result


def look(app: App, params: dict[str, t.Any]) -> dict[str, t.Any]:
    manifests = app.store.manifests()
    live = app.live if app.exists else None
    if not live:
        raise HostError("nothing is live on this host: deploy it first.")
    release = releases.named(manifests, params["release"]) if params["release"] else live
    other = releases.named(manifests, params["compare"]) if params["compare"] else None
    same = app.secrets.digest_with(params["secrets"], params["files"]) == manifests.get(release, {}).get("secrets_digest")
    return {"config": told(app, release), "compared": told(app, other) if other else None, "secrets_differ": not same}


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    try:
        return {"changed": False, **look(App(params["name"]), params)}
    except (HostError, releases.ReleaseError, OSError) as error:
        return {"failed": True, "msg": f"{params['name']}: {error}"}
