# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that pyweb_apps and several modules have, as argument specs."""

from __future__ import annotations

import re

SOURCE = {
    "repo": {"type": "str"},
    "version": {"type": "str", "default": "HEAD"},
    "deploy_key": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "known_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "path": {"type": "str"},
    "prepare": {"type": "list", "elements": "str", "default": []},
    "include": {"type": "list", "elements": "str", "default": []},
    "archive": {"type": "str"},
    "checksum": {"type": "str"},
    "package": {"type": "str"},
}
# An address for SSH; the role app has the same pattern.
SSH = re.compile(r"ssh://|[^/:]+:(?!//)")
KINDS = ("repo", "path", "archive", "package")

DEPENDENCIES = {
    "file": {"type": "str"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "extras": {"type": "list", "elements": "str", "default": []},
    # Addresses may hold a password.
    "index": {"type": "str", "no_log": True},
    "extra_indexes": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "wheelhouse": {"type": "str"},
}

# Who runs the commands of a hook, unless it says so itself.
HOOKS = {
    "before_fetch": "build", "after_fetch": "build", "before_build": "build", "after_build": "build",
    "before_migrate": "app", "after_migrate": "app", "before_activate": "app", "after_activate": "app",
    "on_failure": "app", "on_rollback": "app",
}
