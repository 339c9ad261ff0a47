# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the user at the phases of a deploy, as the application's user or its build user, never as root."""

from __future__ import annotations

import functools
import os
import subprocess
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import commands as command_runs
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host import shell
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, said
from ansible_collections.pyweb.stack.plugins.module_utils._options import HOOKS


def commands(hooks: dict[str, t.Any] | None, phase: str) -> list[dict[str, t.Any]]:
    """Each with who runs it. Files of tasks are the playbook's business."""
    given = (hooks or {}).get(phase) or []
    full = [hook if isinstance(hook, dict) else {"command": hook} for hook in ([given] if isinstance(given, str) else given)]
    return [{"command": hook["command"], "user": hook.get("user") or HOOKS[phase]} for hook in full if hook.get("command")]


def run(app: App, hooks: dict[str, t.Any] | None, phase: str, release: str | None, **more: str) -> None:
    """In the release, with its environment; as the application's user also with the secrets, and in the sandbox of its processes."""
    for hook in commands(hooks, phase):
        as_app = hook["user"] == "app"
        user = app.name if as_app else app.paths.build_user
        what, where = f"hook {phase} {command_runs.short(hook['command'])!r}", app.paths.release(release) if release else app.paths.path
        env = {"PYWEB_PHASE": phase, **more}
        others = {
            "PATH": f"{where}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": app.paths.shared if as_app else f"{app.paths.build}/home",
            "USER": user, "LOGNAME": user, "PYWEB_APP": app.name, "PYWEB_RELEASE": release or "", "PYWEB_SHARED": app.paths.shared, **env,
        }
        argv = shell.script(hook["command"])
        if as_app:
            built = release if release and os.path.exists(f"{app.paths.meta(release)}/launch") else None
            given = [f"{name}={value}" for name, value in (env if built else others).items()]
            done = app.one_off.run(built, ["/usr/bin/env", *given, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace")
            if done.returncode != 0:
                raise command_runs.failed(what, done.returncode, done.stdout)
            continue
        cwd = where if os.path.isdir(where) else app.paths.path
        app.system.as_user(user, functools.partial(command_runs.call, argv, what, others, cwd=cwd))


def failure(app: App, hooks: dict[str, t.Any] | None, release: str | None, error: Exception) -> str:
    """What goes behind the message of the failure: nothing, unless a hook for failures fails as well."""
    try:
        run(app, hooks, "on_failure", release, PYWEB_FAILURE=app.secrets.mask(said(error)).split("\n", 1)[0])
    except (BuildError, OSError, KeyError) as another:
        return f"\nAnd after that, {another}"
    return ""
