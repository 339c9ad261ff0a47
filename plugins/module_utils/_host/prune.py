# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes what no longer is worth its space: releases, and the environments, assets and packed sources that only they had."""

from __future__ import annotations

import os
import shutil
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# In front of the id of a release that is removed but not deleted yet.
GONE = ".gone-"


def prune(app: App, keep: dict[str, t.Any]) -> list[str]:
    """By number and by age; and, oldest first, until C(keep_free) megabytes are free."""
    oldest = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - keep["keep_days"] * 86400)) if keep["keep_days"] else ""
    running = app.processes.running()
    pruned = releases.prunable(app.store.manifests(), app.live, app.store.history(), keep["keep_releases"], running, oldest)
    for release in pruned:
        remove(app, release)
    delete(app, at_once=free(app) < keep["keep_free"])
    while free(app) < keep["keep_free"]:
        expendable = releases.prunable(app.store.manifests(), app.live, app.store.history(), 1, running)
        if not expendable:
            break
        remove(app, expendable[0])
        delete(app, at_once=True)
        pruned.append(expendable[0])
    if pruned:
        # Not loaded by a step that deletes nothing.
        from ansible_collections.pyweb.stack.plugins.module_utils._host.build.files import prune_environments
        from ansible_collections.pyweb.stack.plugins.module_utils._host.build.published import prune_assets
        from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.sent import prune_sources

        for manager in app.processes.managers():
            manager.reload()
        # Read as root: the build user may not.
        kept = app.store.manifests()
        used = {manifest["environment"] for manifest in kept.values() if manifest.get("environment")}
        revisions = {manifest["revision"] for manifest in kept.values() if manifest.get("revision")}
        static = [
            {url: f"{app.paths.release(release)}/{directory}" for url, directory in manifest.get("static", {}).items()}
            for release, manifest in kept.items()
        ]

        def what_builds_left() -> None:
            prune_environments(app.paths.build, used)
            prune_sources(app.paths.build, revisions)
            prune_assets(app.paths.assets, static)

        # In directories that builds write to, root would follow whatever they have put there.
        app.system.as_user(app.paths.build_user, what_builds_left)
    return pruned


def free(app: App) -> float:
    """Megabytes that the application may still write."""
    figures = os.statvfs(app.paths.path)
    return figures.f_bavail * figures.f_frsize / 2**20


def remove(app: App, release: str) -> None:
    processes, jobs = app.store.instances(release), app.store.jobs(release)
    # However far this gets, nobody takes what is left for a release.
    app.store.update(release, state="gone")
    # A release without files must not be startable.
    app.processes.manager(release).remove(release, processes)
    app.processes.systemd.remove(release, jobs)
    path = app.paths.release(release)
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.exists(path):
        os.rename(path, f"{app.paths.releases}/{GONE}{release}")
    app.contents.forget(release)
    if os.path.exists(app.paths.meta(release)):
        shutil.rmtree(app.paths.meta(release))


def delete(app: App, at_once: bool = False) -> None:
    """The files of removed releases, and what a crash of the host has left of some. There are thousands: nobody waits for it unless space is short."""
    paths = [f"{app.paths.releases}/{name}" for name in os.listdir(app.paths.releases) if name.startswith(GONE)]
    if not paths:
        return
    argv = ["/bin/rm", "-rf", "--", *paths]
    unit = ["systemd-run", "--quiet", "--collect", "--property=Nice=10", f"--description={app.name} deletes old releases"]
    if at_once or app.system.run([*unit, *argv]).returncode:
        done = app.system.run(argv)
        if done.returncode != 0:
            raise BuildError(done.stdout.strip())
