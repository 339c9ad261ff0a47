# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of releases: made, copied and measured; and environments that nothing uses."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.build import extra
from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import call
from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import measure


def prune_environments(home: str, used: set[str]) -> None:
    """Environments that no kept release was made from. A release holds its own links to the files."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"{home}/envs"):
            if name not in used:
                shutil.rmtree(f"{home}/envs/{name}", ignore_errors=True)


def copied(source: str, target: str, run_path: str, given: str, files: str, env: dict[str, str]) -> None:
    """As the build user: all of the release C(source) by hard links, with a way to a socket of its own, and to its own C(files), which C(given) names."""
    call(["cp", "-al", f"{source}/.", target], "copying the build", env)
    os.unlink(f"{target}/.pyweb")
    os.symlink(run_path, f"{target}/.pyweb")
    extra.lead(given, target, files)


def make_directory(app: App, release: str) -> str:
    """The empty directory of a release; it is the build user's."""
    target, account = app.paths.release(release), app.system.account(app.paths.build_user)
    os.mkdir(target, 0o751)
    os.chmod(target, 0o751)
    os.chown(target, account.pw_uid, account.pw_gid)
    return target


def measured(path: str) -> dict[str, t.Any]:
    """For the manifest: C(contents), and C(size) in bytes on disk."""
    contents = dict(measure(path))
    return {"size": contents.pop("disk"), "contents": contents}


def allow(path: str, bits: int) -> None:
    mode = os.lstat(path).st_mode & 0o7777
    if mode | bits != mode:
        os.chmod(path, mode | bits)
