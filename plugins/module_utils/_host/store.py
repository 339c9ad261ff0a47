# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an application's releases: manifests, history, and the switch under way."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import identity
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now, read_json, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Runtime, Site, check_schema
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System


class Store:
    """Files below /var/lib/pyweb/<name>, whole and durable after each call. See records.py for their shapes."""

    def __init__(self, paths: Layout, system: System):
        self.paths = paths
        self.system = system

    @property
    def exists(self) -> bool:
        """Whether the application is set up on this host."""
        return os.path.isdir(self.paths.state)

    def own_group(self) -> int:
        """The number of the application's group, which may read what is kept here."""
        return self.system.account(self.paths.user).pw_gid

    # --- manifests ------------------------------------------------------------------------------------------------------

    def manifest(self, release: str) -> dict[str, t.Any]:
        """Of one release; empty when there is none."""
        path = self.paths.manifest(release)
        manifest: dict[str, t.Any] = read_json(path, {})
        check_schema(manifest, path)
        return manifest

    def manifests(self) -> dict[str, dict[str, t.Any]]:
        """Of all releases, the oldest first."""
        try:
            names = sorted(os.listdir(self.paths.metas))
        except FileNotFoundError:
            return {}
        manifests = {name: self.manifest(name) for name in names if not name.startswith(".")}
        for name, manifest in manifests.items():
            # Neither a deploy nor a rollback goes to a release whose files somebody removed.
            if manifest.get("state") in ("built", "active", "superseded") and not os.path.isdir(self.paths.release(name)):
                manifest["state"] = "gone"
        return manifests

    def update(self, release: str, /, **values: t.Any) -> dict[str, t.Any]:
        """The manifest with these values."""
        manifest = {**self.manifest(release), **values}
        os.makedirs(self.paths.meta(release), mode=0o750, exist_ok=True)
        os.chown(self.paths.meta(release), 0, self.own_group())
        write_file(self.paths.manifest(release), json.dumps(manifest, indent=1, sort_keys=True) + "\n", group=self.own_group())
        return manifest

    def runtime(self, release: str | None) -> Runtime:
        """How the release runs here; empty for one that was never activated on this host."""
        return t.cast(Runtime, self.manifest(release).get("runtime") or {} if release else {})

    def site(self, release: str | None) -> Site | None:
        """Where nginx serves the release; None where it does not. The domain is that of today, which other releases had another for."""
        found, today = self.runtime(release).get("site"), identity.noted(read_json(self.paths.identity))
        if not found or not today:
            return found
        return {**found, "domain": today["domain"]} if today["domain"] else None

    def instances(self, release: str) -> dict[str, dict[str, t.Any]]:
        """Every process: C(worker) with C(count) 2 is worker and worker-2. What runs by the clock is not among them."""
        result: dict[str, dict[str, t.Any]] = {}
        for name, process in t.cast("dict[str, dict[str, t.Any]]", self.runtime(release).get("processes", {})).items():
            if process.get("schedule"):
                continue
            for number in range(1, (process.get("count") or 1) + 1):
                result[name if number == 1 else f"{name}-{number}"] = process
        return result

    def jobs(self, release: str | None) -> dict[str, dict[str, t.Any]]:
        """What runs by the clock."""
        processes = t.cast("dict[str, dict[str, t.Any]]", self.runtime(release).get("processes", {}))
        return {name: process for name, process in processes.items() if process.get("schedule")}

    # --- history --------------------------------------------------------------------------------------------------------

    def history(self) -> list[dict[str, t.Any]]:
        """Switches and returns, the oldest first."""
        try:
            with open(self.paths.history, encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def record(self, action: str, switch: dict[str, t.Any], why: str = "", alone: bool = False) -> None:
        """A switch that is settled a second time is recorded once. C(alone): by the host itself, after its controller had gone away."""
        known = {key: value for key, value in switch.items() if key != "token"}
        entry = {**known, "time": now(), "action": action, **({"why": why} if why else {}), **({"alone": True} if alone else {})}
        if action == "return":
            entry["release"], entry["from"] = switch["from"], switch["release"]
        last = (self.history() or [{}])[-1]
        if all(last.get(key) == entry[key] for key in ("since", "action", "release", "from")):
            return
        # As a whole: a line that a full disk cut short would make all that come after it unreadable.
        write_file(self.paths.history, "".join(json.dumps(item) + "\n" for item in [*self.history(), entry]), group=self.own_group())

    # --- the switch under way -------------------------------------------------------------------------------------------

    def switch(self) -> dict[str, t.Any] | None:
        found: dict[str, t.Any] | None = read_json(self.paths.switch)
        return found

    def write_switch(self, switch: dict[str, t.Any]) -> None:
        write_file(self.paths.switch, json.dumps(switch))

    def end_switch(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.paths.switch)
