# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis or Valkey of the same host: all of its databases in one file, which it reads when it starts."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.kinds.base import Dump, tool
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

# Client, unit and socket, as Debian has them.
SERVERS = (("valkey-cli", "valkey-server", "/run/valkey/valkey-server.sock"), ("redis-cli", "redis-server", "/run/redis/redis-server.sock"))
KEPT = ".before-restore"
# Seconds for it to load its data.
PATIENCE = 300.0


class Redis:
    """A password, where it has one, is REDISCLI_AUTH in backup.env."""

    def __init__(self, paths: Layout, system: System, env: dict[str, str]):
        self.system = system
        self.env = env

    def names(self, wanted: bool, places: list[str]) -> list[str]:
        return ["all"] if wanted else []

    def _server(self) -> tuple[list[str], str]:
        """How to call it, and its unit."""
        for client, unit, socket in SERVERS:
            if shutil.which(client) and self.system.run(["systemctl", "is-active", f"{unit}.service"]).returncode == 0:
                for way in ([client], [client, "-s", socket]):
                    with contextlib.suppress(HostError):
                        if tool([*way, "ping"], "Redis", self.env).strip() == "PONG":
                            return way, unit
        raise HostError("no Redis or Valkey of this host answers: start it, name its password as REDISCLI_AUTH in backup.env, or take out backup.redis.")

    def _setting(self, way: list[str], name: str) -> str:
        return (tool([*way, "config", "get", name], "Redis", self.env).splitlines() or ["", ""])[-1]

    def dump(self, name: str, file: str) -> dict[str, str]:
        way, dummy = self._server()
        tool([*way, "--rdb", file], "Redis", self.env)
        os.chmod(file, 0o600)
        return {}

    def prepare(self, dump: Dump, file: str) -> None:
        way, dummy = self._server()
        if self._setting(way, "appendonly") == "yes":
            raise HostError("Redis keeps an append-only file, which it would read in place of the backup: set appendonly to no for the time of the restore.")

    def swap(self, dump: Dump, file: str) -> None:
        way, unit = self._server()
        place = f"{self._setting(way, 'dir')}/{self._setting(way, 'dbfilename')}"
        owner = os.stat(os.path.dirname(place))
        dump["more"] = {"place": place, "unit": unit}
        # As it ends, it writes what it has.
        self._do("stop", unit)
        with contextlib.suppress(FileNotFoundError):
            os.replace(place, f"{place}{KEPT}")
        shutil.copyfile(file, place)
        os.chown(place, owner.st_uid, owner.st_gid)
        os.chmod(place, 0o640)
        self._do("start", unit)
        self._answers(way)

    def _do(self, verb: str, unit: str) -> None:
        done = self.system.run(["systemctl", verb, f"{unit}.service"])
        if done.returncode != 0:
            raise HostError(f"{unit} does not {verb}: journalctl -u {unit} shows why.")

    def _answers(self, way: list[str]) -> t.Any:
        """Raises HostError when it has not loaded its data in time."""
        begun = self.system.monotonic()
        while self.system.monotonic() - begun < PATIENCE:
            with contextlib.suppress(HostError):
                if tool([*way, "ping"], "Redis", self.env).strip() == "PONG":
                    return
            self.system.sleep(0.2)
        raise HostError(f"Redis has not loaded its data after {PATIENCE:.0f} s.")

    def undo(self, dump: Dump) -> None:
        more = dump.get("more") or {}
        if more.get("place") and os.path.exists(f"{more['place']}{KEPT}"):
            self._do("stop", more["unit"])
            os.replace(f"{more['place']}{KEPT}", more["place"])
            self._do("start", more["unit"])

    def finish(self, dump: Dump) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{dump['more']['place']}{KEPT}")
