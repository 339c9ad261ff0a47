# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the build of an application is doing now; for the action before release_build, which waits for it. No module is for it."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host import progress
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App


def run(params: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    """C(params) has the C(name) of the application; C(progress) of the answer is a progress.Progress, or none."""
    app = App(params["name"])
    found = app.system.as_user(app.paths.build_user, lambda: progress.read(app.paths.progress))
    if found:
        found = {**found, "line": without_password(app.secrets.mask(found["line"]))}
    return {"changed": False, "progress": found}
