# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy lock: a process that works holds a file lock, and between the steps of a deploy a lease says who deploys."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now, read_json, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

# Seconds after which the lease of a controller that is silent ends.
LEASE = 1800


@contextlib.contextmanager
def locked(system: System, path: str, wait: float, busy: t.Callable[[], str], pause: float = 0.1) -> t.Iterator[int]:
    """The descriptor of a file that this process alone holds (flock), tried every C(pause) seconds.

    Raises HostError with what C(busy) says when another process holds it for more than C(wait) seconds.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = system.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if system.monotonic() > until:
                    raise HostError(busy()) from None
                system.sleep(pause)
        yield handle
    finally:
        os.close(handle)


class Lock:
    """One deploy of an application at a time on this host."""

    def __init__(self, paths: Layout, system: System):
        self.paths = paths
        self.system = system
        # While this process holds it: a child that inherits it holds it as well.
        self.handle: int | None = None

    def lease(self) -> dict[str, t.Any] | None:
        found: dict[str, t.Any] | None = read_json(self.paths.lease)
        return found

    @contextlib.contextmanager
    def hold(self, lease: dict[str, t.Any] | None, wait: float = 5.0) -> t.Iterator[None]:
        """Held by this process (flock) while it works; with C(lease) the next step is that controller's too.

        Raises HostError when another process holds it for more than C(wait) seconds, or another controller has the lease; who catches it names the
        application, as with every other.
        """
        def busy() -> str:
            return f"another step still runs on this host{self._holder()}; wait until it is done."

        with locked(self.system, self.paths.lock, wait, busy) as handle:
            try:
                if lease:
                    self.take(lease)
                self.handle = handle
                yield
            finally:
                self.handle = None

    def _holder(self) -> str:
        held = self.lease()
        return f", started by {held['by']} at {held['since']}" if held else ""

    def take(self, lease: dict[str, t.Any]) -> None:
        """Take the lease, or renew it. Raises HostError while it is another's."""
        held = self.lease()
        if held and held["token"] not in (lease["token"], lease.get("takes_over")) and held["until"] > time.time():
            minutes = max(1, round((held["until"] - time.time()) / 60))
            raise HostError(
                f"{held['by']} has been deploying since {held['since']}; "
                f"wait for it to end, or for {minutes} minutes when that run has crashed; "
                f"ansible-playbook pyweb.stack.unlock -e app={self.paths.name} releases its deploy lock at once."
            )
        since = held["since"] if held and held["token"] == lease["token"] else now()
        try:
            write_file(self.paths.lease, json.dumps({**lease, "since": since, "until": time.time() + LEASE}))
        except OSError:
            # On a full disk, who has the lease already may at least end what was begun.
            if not held or held["token"] != lease["token"]:
                raise

    def drop(self, token: str | None) -> None:
        """Give the lease up; None drops whosever it is."""
        held = self.lease()
        if held and (token is None or held["token"] == token):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.paths.lease)
