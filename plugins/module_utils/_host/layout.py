# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path, account and unit name of an application on a host. docs/layout.md says who may do what there."""

from __future__ import annotations

import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# With -build behind it, a name is still one of an account (32 characters at most).
NAME_LENGTH = 26
STATES = "/var/lib/pyweb"
SOCKET = "web.sock"


class Layout:
    """Where everything of one application lies. C(root) is in front of every path: empty on a host, a directory in tests.

    Raises HostError for a name that could lead anywhere else.
    """

    def __init__(self, name: str, root: str = ""):
        if not NAME.fullmatch(name) or len(name) > NAME_LENGTH:
            raise HostError(f"name is {name!r}: a to z, 0 to 9 and single - between them are accepted, {NAME_LENGTH} characters at the most.")
        self.name = name
        self.root = root
        # Code, its releases, and data that outlives them.
        self.path = f"{root}/srv/{name}"
        self.releases = f"{self.path}/releases"
        self.current = f"{self.path}/current"
        self.shared = f"{self.path}/shared"
        self.build = f"{self.path}/build"
        self.progress = f"{self.build}/progress.json"
        self.assets = f"{self.path}/assets"
        # What is known of releases, root's alone.
        self.state = f"{root}{STATES}/{name}"
        self.metas = f"{self.state}/releases"
        self.switch = f"{self.state}/switch.json"
        self.history = f"{self.state}/history.jsonl"
        self.identity = f"{self.state}/identity.json"
        self.lease = f"{self.state}/lease.json"
        self.lock = f"{self.state}/lock"
        # Of the host: digests of secrets are keyed by it.
        self.key = f"{root}{STATES}/key"
        self.config = f"{root}/etc/pyweb/{name}"
        self.secrets = f"{self.config}/secrets"
        # Backups: what the timer needs to know, how they went, and where dumps lie until they are in the repository.
        self.backup_config = f"{self.config}/backup.json"
        self.backup_password = f"{self.config}/backup-password"
        self.backup_state = f"{self.state}/backup.json"
        self.backup_lock = f"{self.state}/backup.lock"
        self.backup_work = f"{self.state}/backup"
        # Of a restore: what comes, and what was there.
        self.restored = f"{self.path}/restored"
        self.aside = f"{self.path}/before-restore"
        self.run = f"{root}/run/pyweb/{name}"
        # Process managers.
        self.units = f"{root}/etc/systemd/system"
        self.transient_units = f"{root}/run/systemd/transient"
        self.timer_stamps = f"{root}/var/lib/systemd/timers"
        self.programs = f"{root}/etc/supervisor/conf.d"
        self.supervisor_config = f"{root}/etc/supervisor/supervisord.conf"
        self.supervisor_cgroup = f"{root}/sys/fs/cgroup/system.slice/supervisor.service"
        self.all_logs = f"{root}/var/log/pyweb"
        self.logs = f"{self.all_logs}/{name}"
        # Accounts. The application's group has the same name as its user.
        self.user = name
        self.build_user = f"{name}-build"
        self.web_group = f"{name}-web"
        # Units.
        self.boot_unit = f"pyweb.{name}.service"
        self.guard_unit = f"pyweb.{name}.settle"
        self.backup_unit = f"pyweb.{name}.backup"

    def release(self, release: str) -> str:
        """The directory of its code."""
        return f"{self.releases}/{release}"

    def meta(self, release: str) -> str:
        """The directory of its manifest, environment and launcher."""
        return f"{self.metas}/{release}"

    def files(self, release: str) -> str:
        """The directory of files that the user gives it, and build steps do not see."""
        return f"{self.meta(release)}/files"

    def manifest(self, release: str) -> str:
        return f"{self.meta(release)}/manifest.json"

    def sockets(self, release: str) -> str:
        """The directory of its socket."""
        return f"{self.run}/{release}"

    def socket(self, release: str) -> str:
        return f"{self.sockets(release)}/{SOCKET}"

    def instance(self, release: str, instance: str) -> str:
        """How process managers call one process of a release."""
        return f"pyweb.{self.name}.{instance}.{release}"

    def timer(self, job: str) -> str:
        """One for each job, whatever release it runs in, so that systemd knows what was missed."""
        return f"{self.units}/pyweb.{self.name}.{job}.schedule.timer"

    def timer_stamp(self, timer: str) -> str:
        return f"{self.timer_stamps}/stamp-{os.path.basename(timer)}"

    def one_off_unit(self, number: str, release: str | None) -> str:
        """As a unit of the release it keeps the release from being pruned."""
        return f"pyweb.{self.name}.run-{number}{f'.{release}' if release else ''}.service"


def applications(root: str = "") -> list[str]:
    """Names of the applications that this host has."""
    try:
        return [name for name in sorted(os.listdir(f"{root}{STATES}")) if NAME.fullmatch(name) and os.path.isdir(f"{root}{STATES}/{name}/releases")]
    except FileNotFoundError:
        return []
