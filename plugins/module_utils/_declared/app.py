# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application of C(pyweb_apps)."""

from __future__ import annotations

from .backup import BACKUP
from .hooks import HOOKS
from .keep import KEEP
from .option import Options
from .site import SITE
from .source import DEPENDENCIES, SOURCE

MANAGERS = ["systemd", "supervisor"]
# Seconds. The host's own timer waits longer than this for a step that still runs.
WATCH = 300

APP: Options = {
    "state": {
        "type": "str", "choices": ["present", "absent"], "default": "present",
        "description": "V(absent) removes the application. Its accounts and C(shared/) stay.",
    },
    "hosts": {
        "type": "list", "elements": "str", "otherwise": "all of `pyweb`",
        "description": "Groups or hosts of the inventory that it runs on.",
    },
    "preset": {
        "type": "str", "choices": ["django", "flask", "fastapi"], "see": "preset",
        "description": "Fills in what the documentation of a framework says about deploying it.",
    },
    "source": {
        "type": "dict", "options": SOURCE, "otherwise": "required", "see": "source",
        "description": "Where the application comes from. Exactly one of O(source.repo), O(source.path), O(source.archive) and O(source.package).",
    },
    "python": {
        "type": "str", "pattern": r"3\.\d{1,2}(\.\d{1,2})?|/[\w./+-]+",
        "accepts": "a version such as 3.12 or 3.12.8, or the path of an interpreter on the host is needed",
        "otherwise": "the distribution's", "see": "python",
        "description": "Version of Python such as V(3.12), or exact and managed by uv, such as V(3.12.8), or the path of an interpreter on the host.",
    },
    "dependencies": {
        "type": "dict", "options": DEPENDENCIES, "otherwise": "`{}`", "see": "dependencies",
        "description": "What the application needs, where it differs from what its source says.",
    },
    "system_packages": {
        "type": "list", "elements": "str", "default": [], "pattern": "[a-z0-9][a-z0-9.+-]+",
        "accepts": "the name of a Debian package is needed, such as libpq-dev",
        "description": "Debian packages that the build or the application needs; installed before the build.",
        "example": ["libpq-dev"],
    },
    "env": {"type": "dict", "default": {}, "description": "Environment variables. They belong to a release."},
    "secrets": {
        "type": "dict", "default": {},
        "description": "Environment variables that only root and the application may read. Every release runs with those of today.",
    },
    "build_env": {
        "type": "dict", "default": {},
        "description": "Environment variables of build steps only. Build steps do not see O(secrets).",
    },
    "build": {
        "type": "list", "elements": "str", "default": [], "commands": True,
        "description": "Commands that finish a build, run by bash as the build user in the release.",
        "example": ["python manage.py collectstatic --noinput"],
    },
    "migrate": {
        # Not a list: Ansible would part a command at its commas.
        "type": "raw",
        "description": "Command, or list of commands, that runs once in the fleet, as the application's user, after every host has built and "
                       "before any host activates.",
        "example": "python manage.py migrate --noinput",
    },
    "shared": {
        "type": "list", "elements": "str", "default": [],
        "description": "Directories and files of the source that outlive releases: they become links into C(shared/). They are the application's alone, "
                       "unless C(site.static) names them.",
        "example": ["media"],
    },
    "files": {
        # Whether a content is text is checked by ourselves: the sentence must not show it.
        "type": "dict", "default": {}, "version_added": "0.2.0", "see": "files",
        "description": "Files that a release has besides its source: paths in it and their text, or a mapping with C(content) and C(build). "
                       "Only root and the application may read them.",
        "example": {"shop/local_settings.py": "DEBUG = False"},
    },
    "manager": {
        "type": "str", "choices": MANAGERS, "default": "systemd",
        "description": "The process manager. After a change, the next release starts under it without a failed request, "
                       "and the old release ends under its own.",
    },
    "processes": {
        "type": "dict", "default": {}, "otherwise": "the source's `Procfile`; with `site.root`, none", "see": "processes",
        "description": "Processes by name. C(web) answers requests, others run a command.",
    },
    "site": {"type": "dict", "options": SITE, "see": "site", "description": "What nginx serves."},
    "hooks": {
        "type": "dict", "options": HOOKS, "see": "hooks",
        "description": "What runs at the phases of a deploy. Each item is a command for bash, or a mapping with C(command) and C(user) "
                       "(C(app) or C(build)), or with C(tasks), a file of tasks on the controller.",
    },
    "backup": {
        "type": "dict", "options": BACKUP, "version_added": "0.2.0", "see": "backup",
        "description": "What is backed up, where to and when. By default nothing is.",
    },
    **KEEP,
    "watch": {
        "type": "float", "default": 2.5, "minimum": 0, "maximum": WATCH, "accepts": f"a number of seconds up to {WATCH} is needed",
        "description": "Seconds that the old release stays ready after a switch, never less than 2.5. If the new one stops answering or one of "
                       "its processes ends by then, the host returns to the old one.",
    },
}
