# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest of an application's configuration: whether the release that a host has is still the one that is asked for."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import counted
from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import PROCESS
from ansible_collections.pyweb.stack.plugins.module_utils._declared.source import DEPENDENCIES
from ansible_collections.pyweb.stack.plugins.plugin_utils._presets import SHARED


def config_digest(app: dict[str, Any], static: dict[str, str], root: str | None) -> str:
    """Of everything that belongs to a release and that no other fingerprint covers: those of source, lock, Python and secrets."""
    dependencies = counted({name: value for name, value in app["dependencies"].items() if name != "git"}, DEPENDENCIES)
    # A password in an address may change without a new release.
    dependencies["index"] = without_password(dependencies["index"] or "")
    dependencies["extra_indexes"] = [without_password(address) for address in dependencies["extra_indexes"]]
    own = SHARED.get(app["preset"] or "")
    covered = {
        **{option: app[option] for option in ("env", "build_env", "build", "manager")},
        # What a preset shares came later: it counts where it is left out.
        "shared": [path for path in app["shared"] if path != own],
        "processes": {key: counted(process, PROCESS) for key, process in app["processes"].items()},
        "static": static, "root": root, "dependencies": dependencies,
        **{phase: app["hooks"][phase] for phase in ("before_build", "after_build")},
    }
    if own and own not in app["shared"]:
        covered["not_shared"] = own
    path = (app["site"] or {}).get("path", "/")
    if path != "/":
        covered["path"] = path
    if app["source"]["directory"]:
        covered["directory"] = app["source"]["directory"]
    return hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()
