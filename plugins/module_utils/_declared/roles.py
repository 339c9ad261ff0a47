# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles app and appserver take: what applications have, as the playbooks hand it over, and what they add."""

from __future__ import annotations

from .app import APP
from .keep import KEEP
from .modules import RELEASE_BUILD, RELEASE_INFO, RUNTIME, WATCH
from .option import Options, only

APP_CONFIG: Options = {
    "name": {
        "type": "str", "required": True,
        "description": "Name of the application; a to z, 0 to 9 and single dashes between them, 26 characters at the most.",
    },
    "state": {**APP["state"], "description": "Whether the application is to be on this host."},
    **only(APP, "source", "python", "dependencies", "system_packages", "env", "secrets", "build_env", "build", "migrate", "shared", "files"),
    "domains": RELEASE_INFO["domains"],
    "static": {**RELEASE_BUILD["static"], "description": "Addresses and the directories of the release that nginx may read for them."},
    "server_packages": RELEASE_BUILD["server_packages"],
    "procfile": {
        "type": "dict",
        "description": "How a C(Procfile) of the source is read; by default it is not. It adds processes to the role appserver's, and its line "
                       "C(release) is the migration when C(migrate) is empty.",
        "options": {
            "defined": {"type": "list", "elements": "str", "description": "Processes that are defined, and so are not taken from it."},
            "web": {"type": "bool", "description": "Whether there has to be a process named C(web)."},
            "hosts": {"type": "int", "description": "How many hosts the application is on. On several, a line that starts jobs by the clock is refused."},
        },
    },
    "config_digest": {
        **RELEASE_BUILD["config_digest"],
        "description": "Digest of all configuration that belongs to the release. When it changes, a new release is made. "
                       "By default one of the options above.",
    },
    "hooks": APP["hooks"],
    "backup": {"type": "dict", "description": f"{APP['backup']['description']} Its options are those of an application of C(pyweb_apps)."},
    **KEEP,
}

APPSERVER_CONFIG: Options = {
    "name": {"type": "str", "required": True, "description": "Name of the application."},
    "state": {**APP["state"], "description": "Whether the application is to run on this host."},
    "manager": APP["manager"],
    "processes": {
        "type": "dict", "default": {},
        "description": "Processes by name. C(web) answers requests on the release's socket, others run a command. "
                       "The options of a process are in the README of the role.",
    },
    "site": RUNTIME["site"],
    "procfile": {
        "type": "bool", "default": False,
        "description": "Whether the release may bring processes in its C(Procfile), besides those above.",
    },
    "applications": RUNTIME["applications"],
    "socket_group": RUNTIME["socket_group"],
    **WATCH,
    "hooks": {
        "type": "dict", "default": {},
        "description": "Commands that the application's user runs on each host in the release, by phase, C(before_activate), C(after_activate), "
                       "C(on_rollback) and C(on_failure), as C(pyweb.stack.app) has them.",
    },
    **KEEP,
}
