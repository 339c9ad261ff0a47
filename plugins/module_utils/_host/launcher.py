# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files from which processes, migrations and one-off commands of a release start."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import programs
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.servers import command, gunicorn_settings, listening
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

INTERPRETER = "#!/usr/bin/python3 -IS\n"


class Launcher:
    """Written once for each release; see programs/launch.py for what reads them."""

    def __init__(self, paths: Layout, system: System, store: Store):
        self.paths = paths
        self.system = system
        self.store = store

    def write(self, release: str, revision: str, environment: str) -> None:
        """C(environment) is NAME=value pairs, each with a NUL behind it."""
        paths, meta, path = self.paths, self.paths.meta(release), self.paths.release(release)
        data = {
            "path": path, "files": [f"{meta}/environment", paths.secrets],
            "env": {
                "PATH": f"{path}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV": f"{path}/.venv",
                "HOME": paths.shared, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
                "PYWEB_APP": paths.name, "PYWEB_RELEASE": release, "PYWEB_REVISION": revision, "PYWEB_SHARED": paths.shared,
            },
        }
        group = self.store.own_group()
        write_file(f"{meta}/environment", environment, group=group)
        write_file(f"{meta}/launch.json", json.dumps(data, indent=1, sort_keys=True), group=group)
        write_file(f"{meta}/launch", INTERPRETER + programs.text("launch.py"), 0o750, group)

    def write_commands(self, release: str) -> None:
        """What the launcher executes for each process. Raises HostError where a server cannot do what is asked of it."""
        meta, runtime = self.paths.meta(release), self.store.runtime(release)
        if os.path.exists(f"{meta}/commands.json"):
            return
        processes = t.cast("dict[str, dict[str, t.Any]]", runtime["processes"])
        applications = runtime.get("applications") or 1
        commands = {
            name: {"argv": command(self.paths, release, process, applications), **listening(name, process, self.paths.socket(release))}
            for name, process in processes.items()
        }
        for process in processes.values():
            settings = gunicorn_settings(self.paths, release, process, applications)
            if settings:
                write_file(f"{meta}/gunicorn.conf.py", settings, group=self.store.own_group())
        write_file(f"{meta}/commands.json", json.dumps(commands, indent=1), group=self.store.own_group())

    def make_directories(self, release: str) -> None:
        """The socket's directory is the application's, and nginx may pass through it; so is what processes may write to in shared/."""
        runtime = self.store.runtime(release)
        if not runtime:
            raise HostError(f"release {release} has no processes on this host: deploy it first.")
        user = self.system.account(self.paths.user)
        os.makedirs(self.paths.run, mode=0o755, exist_ok=True)
        directory = self.paths.sockets(release)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        try:
            gid = self.system.group(runtime["socket_group"])
            os.chown(directory, user.pw_uid, gid)
            os.chmod(directory, 0o710)
        except KeyError:
            os.chown(directory, user.pw_uid, user.pw_gid)
        # As its user: whatever shared/ holds, nothing outside is made.
        wanted = [f"{self.paths.shared}/{path}" for process in runtime["processes"].values() for path in process.get("writable") or [] if path[0] not in "/."]
        if wanted:
            self.system.run(["/usr/sbin/runuser", "-u", self.paths.user, "--", "/bin/mkdir", "-p", "--", *wanted])
