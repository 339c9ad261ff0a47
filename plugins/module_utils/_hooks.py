# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the user at the phases of a deploy, as the application's user or its build user, never as root."""

from __future__ import annotations

import os

from ansible_collections.pyweb.stack.plugins.module_utils import _engine, _step
from ansible_collections.pyweb.stack.plugins.module_utils._options import HOOKS

SHELL = ["/bin/bash", "-o", "pipefail", "-ec"]


def commands(hooks: dict | None, phase: str) -> list[dict]:
    """Each with who runs it. Files of tasks are the playbook's business."""
    full = [hook if isinstance(hook, dict) else {"command": hook} for hook in (hooks or {}).get(phase) or []]
    return [{"command": hook["command"], "user": hook.get("user") or HOOKS[phase]} for hook in full if hook.get("command")]


def run(app: _engine.App, hooks: dict | None, phase: str, release: str | None, **more: str) -> None:
    """In the release, with its environment and, for the application's user, the secrets."""
    for hook in commands(hooks, phase):
        as_app = hook["user"] == "app"
        user = app.name if as_app else f"{app.name}-build"
        env = {"USER": user, "LOGNAME": user, "PYWEB_PHASE": phase, **more}
        argv, where = [*SHELL, hook["command"]], app.release_path(release) if release else app.path
        launch = f"{app.meta_path(release)}/launch" if release else ""
        if as_app and os.path.exists(launch):
            argv = ["/usr/bin/python3", "-IS", launch, "-", *argv]
        else:
            env = {
                "PATH": f"{where}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": app.shared if as_app else f"{app.build_path}/home",
                "PYWEB_APP": app.name, "PYWEB_RELEASE": release or "", "PYWEB_SHARED": app.shared, **env,
            }
        cwd = where if os.path.isdir(where) else app.path
        _step.as_user(user, lambda argv=argv, env=env, cwd=cwd, hook=hook: _step.call(argv, f"hook {phase} {_step.short(hook['command'])!r}", env, cwd=cwd))


def failure(app: _engine.App, hooks: dict | None, release: str | None, error: Exception) -> str:
    """What goes behind the message of the failure: nothing, unless a hook for failures fails as well."""
    try:
        run(app, hooks, "on_failure", release, PYWEB_FAILURE=app.mask(_engine.said(error)).split("\n", 1)[0])
    except (_step.BuildError, OSError, KeyError) as another:
        return f"\nAnd after that, {another}"
    return ""
