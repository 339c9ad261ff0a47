# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build writes is on the disk when it ends, and what a power cut has left of one is not used again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import PYTHONS
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, sync_file_systems, write_file

# Below build/, all but the home of the build user is made again by the next build: packages, environments, locks, mirrors.
KEPT = ("home",)


@contextlib.contextmanager
def durable(app: App) -> t.Iterator[None]:
    """Around everything that writes below build/ or releases/. A mark on the disk says that it is under way, and in which boot of the host."""
    mark, boot = f"{app.paths.state}/unsynced.json", app.system.boot()
    left = read_json(mark)
    if left and left["boot"] != boot:
        # It ended with the host: files of that time may have lost their content, and hard links carry that into every environment.
        app.system.as_user(app.paths.build_user, lambda: forget(app.paths.build))
    write_file(mark, json.dumps({"boot": boot}))
    try:
        yield
    finally:
        sync_file_systems([app.paths.releases, app.paths.build, app.paths.state, PYTHONS])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(mark)


def forget(home: str) -> None:
    """As the build user: root would follow whatever a build has put there."""
    for name in os.listdir(home):
        path = f"{home}/{name}"
        if name in KEPT:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)
