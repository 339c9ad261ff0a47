# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a deploy that run hooks."""

from __future__ import annotations

from .option import Option, Options

# Who runs the commands of a hook, unless it says so itself: the build user or the application's.
RUN_AS = {
    "before_fetch": "build", "after_fetch": "build", "before_build": "build", "after_build": "build",
    "before_migrate": "app", "after_migrate": "app", "before_activate": "app", "after_activate": "app",
    "on_failure": "app", "on_rollback": "app",
}
WHEN = {
    "before_fetch": "Before the source of a new release is fetched.",
    "after_fetch": "In the release, when its source is there.",
    "before_build": "In the release, when its environment is there.",
    "after_build": "In the release, after its build steps.",
    "before_migrate": "In the new release, on the host that migrates, if there are migrations; a backup, for instance.",
    "after_migrate": "In the new release, on the host that migrates.",
    "before_activate": "In the new release, on each host before it starts.",
    "after_activate": "In the new release, on each host when it is live and the deploy lock is released.",
    "on_failure": "On the host where a step of the deploy fails; C(PYWEB_FAILURE) says why.",
    "on_rollback": "On each host, in the release that a rollback has made live.",
}
_USERS = {"build": "Runs as the build user.", "app": "Runs as the application's user."}


def _phase(name: str) -> Option:
    return {"type": "list", "elements": "raw", "default": [], "commands": True, "description": f"{WHEN[name]} {_USERS[RUN_AS[name]]}"}


HOOKS: Options = {name: _phase(name) for name in RUN_AS}
