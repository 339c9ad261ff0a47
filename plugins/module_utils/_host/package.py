# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this code is installed on a host: one directory per version, named by a digest of all its files.

    /usr/local/lib/pyweb/<digest>/engine.py                 what units, timers and scripts start
    /usr/local/lib/pyweb/<digest>/ansible_collections/...   this package, compiled

A unit or a timer names the copy that wrote it, so that an older or newer controller changes nothing under it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_text, write_file

if t.TYPE_CHECKING:
    from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
    from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

LIBRARY = "/usr/local/lib/pyweb"
# How a unit, a timer or a script names a copy: the directory of a digest, or the one file of version 0.1.0.
NAMED = re.compile(rf"{LIBRARY}/(?:([0-9a-f]{{32}})/)?engine\.py")
# <copy>/ansible_collections/pyweb/stack/plugins/module_utils/_host/package.py
DEPTH = 7
# Copies that nothing names stay for controllers which have not been brought up to date yet.
SPARE = 2
# Seconds after which an installation that did not end has been cut off.
ABANDONED = 3600
# Where version 0.1.0 kept what deploys run.
CACHE = "/var/cache/pyweb"
# What starts this code on a host, apart from deploys.
STARTERS = (
    "/etc/systemd/system/pyweb*", "/etc/systemd/system/supervisor.service.d/pyweb.conf", "/etc/supervisor/conf.d/pyweb.conf",
    "/run/systemd/transient/pyweb*", "/usr/local/bin/*-run",
)


def entry() -> str:
    """What starts this very copy."""
    place = os.path.abspath(__file__)
    for dummy in range(DEPTH):
        place = os.path.dirname(place)
    return f"{place}/engine.py"


def adopt(paths: Layout, system: System) -> None:
    """What starts the application from outside of a deploy, at boot and by hand, starts this copy from now on.

    A release that this code has written may hold what an older copy does not understand.
    """
    own = system.program()
    changed = False
    for path in (
        f"{paths.units}/{paths.boot_unit}", f"{paths.root}/usr/local/bin/{paths.name}-run", f"{paths.units}/pyweb-supervisor.service",
        f"{paths.units}/supervisor.service.d/pyweb.conf", f"{paths.programs}/pyweb.conf", f"{paths.units}/pyweb-metrics.service",
    ):
        changed = _start_by(path, own) or changed
    if changed:
        system.run(["systemctl", "daemon-reload"])


def _start_by(path: str, own: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        text = read_text(path)
        wanted = NAMED.sub(own, text)
        if wanted != text:
            there = os.stat(path)
            write_file(path, wanted, there.st_mode & 0o7777, there.st_gid)
            return True
    return False


def remove_unused(library: str, own: str, root: str = "") -> None:
    """Copies that nothing starts any more go, but for the newest few; C(own) is the digest of the copy that stays in any case."""
    named = {own}
    for pattern in STARTERS:
        for path in glob.glob(glob.escape(root) + pattern):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                named.update(digest or "engine.py" for digest in NAMED.findall(read_text(path)))
    with contextlib.suppress(FileNotFoundError):
        if "engine.py" not in named:
            os.unlink(f"{library}/engine.py")
    with os.scandir(library) as found:
        there = sorted((item for item in found if item.is_dir(follow_symlinks=False)), key=lambda item: item.stat().st_mtime, reverse=True)
    spare = [item for item in there if re.fullmatch("[0-9a-f]{32}", item.name) and item.name not in named]
    cut_off = [item for item in there if item.name.startswith(".new-") and item.stat().st_mtime < time.time() - ABANDONED]
    for path in [*(item.path for item in [*spare[SPARE:], *cut_off]), root + CACHE]:
        shutil.rmtree(path, ignore_errors=True)
