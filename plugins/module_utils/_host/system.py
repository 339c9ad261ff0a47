# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the machine the host package touches besides files. Handed in, so that tests hand in another."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import package
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError


class System:
    """This machine. C(root) is in front of every path that Layout names."""

    root = ""

    def run(self, argv: list[str], timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """A command without input; its output and errors together are C(stdout)."""
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=timeout, check=False)

    def is_state(self, state: str) -> bool:
        """C(starting) until all that belongs to the boot has started, C(stopping) as soon as a shutdown has begun."""
        return self.run(["systemctl", "is-system-running"]).stdout.strip() == state

    def account(self, name: str) -> pwd.struct_passwd:
        """Raises KeyError when there is none."""
        return pwd.getpwnam(name)

    def group(self, name: str) -> int:
        """The number of a group. Raises KeyError when there is none."""
        return grp.getgrnam(name).gr_gid

    def boot(self) -> str:
        """Tells one boot of this host from the next; of a container as well, whose machine goes on."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        with open("/proc/1/stat", encoding="utf-8", errors="replace") as file:
            started = file.read().rpartition(")")[2].split()[19]
        return f"{boot_id}:{started}"

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def may_raise_priority(self) -> bool:
        """Root may give a process the priority back that it had, but not the root of every container."""
        own = os.getpriority(os.PRIO_PROCESS, 0)
        try:
            os.setpriority(os.PRIO_PROCESS, 0, own - 1)
        except OSError:
            return False
        os.setpriority(os.PRIO_PROCESS, 0, own)
        return True

    def as_user(self, user: str, function: t.Callable[[], t.Any]) -> t.Any:
        """See privileges.as_user()."""
        from ansible_collections.pyweb.stack.plugins.module_utils._host import privileges

        return privileges.as_user(user, function)

    # HTTP and XML-RPC are imported when somebody is asked: that takes longer than most steps do.

    def ask_socket(self, path: str, host: str, url: str, timeout: float) -> tuple[int, str]:
        """See http.ask_socket()."""
        from ansible_collections.pyweb.stack.plugins.module_utils._host import http

        return http.ask_socket(path, host, url, timeout)

    def speaks_tls(self, path: str) -> bool:
        """See http.speaks_tls()."""
        from ansible_collections.pyweb.stack.plugins.module_utils._host import http

        return http.speaks_tls(path)

    def ask_site(self, domain: str, port: int, url: str) -> tuple[int, str]:
        """See http.ask_site()."""
        from ansible_collections.pyweb.stack.plugins.module_utils._host import http

        return http.ask_site(domain, port, url)

    def ask_supervisor(self, config: str, method: str, *arguments: t.Any) -> t.Any:
        """See supervisord.ask()."""
        from ansible_collections.pyweb.stack.plugins.module_utils._host import supervisord

        return supervisord.ask(config, method, *arguments)

    def became(self, pid: int, uid: int) -> bool:
        """Whether the process is confined and runs as its user, as when systemd says that a unit is active; or has ended."""
        try:
            return os.stat(f"/proc/{pid}").st_uid == uid
        except FileNotFoundError:
            return True

    def program(self) -> str:
        """The installed copy of this code, for units and timers that are to run it."""
        entry = package.entry()
        if not os.path.exists(entry):
            raise HostError(f"{entry} is missing: ansible-playbook pyweb.stack.site installs it.")
        return entry


_HERE = System()


def here() -> System:
    """The machine that this runs on."""
    return _HERE
