# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of pyweb_apps and of modules, as argument specs. The controller reads them too, so they need nothing else."""

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

KEEP = {
    "keep_releases": {"type": "int", "default": 5},
    "keep_days": {"type": "int"},
    "keep_free": {"type": "int", "default": 512},
}

RELEASE_INFO = {
    "name": {"type": "str", "required": True},
    "source": {"type": "dict", "options": SOURCE},
    "sent": {"type": "dict"},
    "query": {"type": "str", "no_log": True},
    # The action plugin's.
    "prepare": {"type": "bool", "default": True},
    "python": {"type": "str"},
    "dependencies": {"type": "dict", "options": DEPENDENCIES},
    "system_packages": {"type": "list", "elements": "str", "default": []},
    "config_digest": {"type": "str", "default": ""},
    "secrets": {"type": "str", "default": "", "no_log": True},
}

RELEASE_BUILD = {
    "name": {"type": "str", "required": True},
    "release": {"type": "str", "required": True},
    "revision": {"type": "str", "required": True},
    "source": {"type": "dict", "options": SOURCE},
    "sent": {"type": "dict"},
    "query": {"type": "str", "no_log": True},
    "python": {"type": "str"},
    "dependencies": {"type": "dict", "options": DEPENDENCIES},
    "server_packages": {"type": "list", "elements": "str", "default": []},
    "env": {"type": "dict", "default": {}},
    "build_env": {"type": "dict", "default": {}},
    "secrets": {"type": "str", "default": "", "no_log": True},
    "build": {"type": "list", "elements": "str", "default": []},
    "shared": {"type": "list", "elements": "str", "default": []},
    "static": {"type": "dict", "default": {}},
    "procfile": {"type": "dict"},
    "config_digest": {"type": "str", "default": ""},
    "hooks": {"type": "dict", "default": {}},
    "force": {"type": "bool", "default": False},
    "platforms": {"type": "list", "elements": "str", "default": []},
    "lock_only": {"type": "bool", "default": False},
    "lock": {"type": "dict", "default": {}},
    **KEEP,
    "lease": {"type": "dict", "required": True},
}

RELEASE_STEP = {
    "name": {"type": "str", "required": True},
    "step": {"type": "str", "choices": ["start", "settle", "abort", "prune", "unlock", "pin", "unpin"], "required": True},
    "action": {"type": "str", "choices": ["activate", "rollback"], "default": "activate"},
    "release": {"type": "str"},
    "runtime": {"type": "dict"},
    "watch": {"type": "float", "default": 2.5},
    **KEEP,
    "hooks": {"type": "dict", "default": {}},
    "lease": {"type": "dict", "required": True},
}
