# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live release once more, under an id of its own: what a restart switches to.

A release has one socket and one set of units, so that a second instance of the same release would need names of its own everywhere.
A copy by hard links has them, and goes through the same switch as any other release.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import defaults
from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import PROCESS
from ansible_collections.pyweb.stack.plugins.module_utils._host import prune, releases, scaling
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.durable import durable
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.extra import make
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.files import copied, make_directory
from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import measure
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now

# What a manifest says of one release alone; all else holds for a copy, too.
OWN = ("release", "state", "created", "activated", "ended", "error", "by", "pinned", "durations", "size", "runtime", "copy_of", "replaced_by")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def copy(app: App, params: dict[str, t.Any]) -> None:
    """Make C(params["release"]) a built release that is the live one in all but its id. Raises HostError where that cannot be."""
    release = releases.valid_id(params["release"])
    # Otherwise the live release could turn out to be another one a moment later.
    app.switcher.recover()
    live = app.live
    manifest = app.store.manifest(live) if live else {}
    if not live or not manifest.get("runtime"):
        raise HostError("nothing is live on this host: deploy it first.")
    damage = app.contents.damage(live)
    if damage:
        raise HostError(damage)
    if os.path.lexists(app.paths.release(release)):
        raise HostError(f"{app.paths.release(release)} is there already: no two releases have one directory, start again for a new id.")
    if prune.free(app) < params["keep_free"]:
        prune.prune(app, params)
    app.store.update(
        release, **{key: value for key, value in manifest.items() if key not in OWN}, release=release, state="building", created=now(),
        by=params["lease"]["by"], copy_of=manifest.get("copy_of") or live,
    )
    try:
        with durable(app):
            _files(app, live, release)
    except (BuildError, OSError) as error:
        # On a full disk not even that.
        with contextlib.suppress(OSError):
            app.store.update(release, state="failed", error=said(error).split("\n", 1)[0], ended=now())
        raise
    app.contents.note_whole(release)
    runtime, scale = _runtime(manifest["runtime"]), manifest.get("scale", {})
    if params["action"] == "scale":
        runtime["processes"], scale = scaling.rescaled(runtime["processes"], scale, params["scale"], params["lease"]["by"], now())
    # What it holds is what the build has left, not what a person may have changed since: nobody takes that for a build.
    app.store.update(release, state="built", size=measure(app.paths.release(release))["disk"], runtime=runtime, scale=scale)


def _files(app: App, live: str, release: str) -> None:
    """The tree, and what root keeps beside the manifest: files that are given, and the environment."""
    paths, given = app.paths, {}
    target = make_directory(app, release)
    for top, dummy, names in os.walk(paths.files(live)):
        place = os.path.normpath(f"{paths.files(release)}/{os.path.relpath(top, paths.files(live))}")
        make(place, app.store.own_group())
        for name in names:
            # Root's, and never changed: another name for each is enough.
            os.link(f"{top}/{name}", f"{place}/{name}")
            given[os.path.relpath(f"{place}/{name}", paths.files(release))] = {"content": "", "build": False}
    app.system.as_user(
        paths.build_user, lambda: copied(paths.release(live), target, paths.sockets(release), json.dumps(given), paths.files(release), ENVIRONMENT))
    # Byte for byte: a value may have line ends of any kind.
    with open(f"{paths.meta(live)}/environment", encoding="utf-8", newline="") as file:
        environment = file.read()
    app.launcher.write(release, app.store.manifest(release)["revision"], environment)


def _runtime(runtime: dict[str, t.Any]) -> dict[str, t.Any]:
    """An older release does not know all of the options that the code has which writes its units now."""
    return {**runtime, "processes": {name: {**defaults(PROCESS), **process} for name, process in runtime["processes"].items()}}
