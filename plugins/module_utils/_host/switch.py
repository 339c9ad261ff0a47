# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch from the live release to another, and the way back. Every step may be repeated, by a controller or by the host itself.

    begin    start beside the live release, check, let old workers finish; then deploy_helper moves the link
    settle   check through nginx, watch, record, stop the old release
    boot     start what is live, after a switch that was cut short was completed or returned from
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.contents import Contents
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, HostStops, said
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import now, sync_directory
from ansible_collections.pyweb.stack.plugins.module_utils._host.guard import DEADLINE, Guard
from ansible_collections.pyweb.stack.plugins.module_utils._host.health import Checks
from ansible_collections.pyweb.stack.plugins.module_utils._host.jobs import Jobs
from ansible_collections.pyweb.stack.plugins.module_utils._host.lock import Lock
from ansible_collections.pyweb.stack.plugins.module_utils._host.package import adopt
from ansible_collections.pyweb.stack.plugins.module_utils._host.processes import NICE_END, NICE_START
from ansible_collections.pyweb.stack.plugins.module_utils._host.releases import SAME, ReleaseError, fallback
from ansible_collections.pyweb.stack.plugins.module_utils._host.traffic import Traffic

# Seconds after which nginx's pooled connections have left the old release: keepalive_time + keepalive_timeout (1 s each), and some.
DRAIN = 2.5


class Switcher:
    """Moves the traffic of an application from one release to another."""

    def __init__(self, traffic: Traffic, contents: Contents, lock: Lock, checks: Checks, jobs: Jobs, guard: Guard, alone: bool = False):
        self.traffic = traffic
        self.contents = contents
        self.lock = lock
        self.checks = checks
        self.jobs = jobs
        self.guard = guard
        # The host itself ends the switch: its controller is gone.
        self.alone = alone
        self.processes = checks.processes
        self.paths = checks.paths
        self.system = checks.system
        self.store = checks.store

    # --- before the switch ----------------------------------------------------------------------------------------------

    def begin(self, release: str, action: str, by: str, token: str | None = None) -> None:
        """Start the release beside the live one and check it. Everything up to the switch itself.

        Raises HostError when it is not well; nothing a visitor sees has changed then.
        """
        pending = self.store.switch() is not None
        self.recover()
        previous = self.traffic.live
        if (pending and previous == release and self.store.manifest(release).get("state") == "active" and self.processes.active(release)
                and self.checks.answers(release)):
            # What a controller that died has begun is complete now, or returned from: there is nothing left to do.
            return
        self._refuse_damaged(release)
        switch = {"release": release, "from": previous, "action": action, "by": by, "since": now(), "token": token}
        self.store.write_switch(switch)
        try:
            self.guard.arm(self.processes.patience({release, previous or release}) + DEADLINE)
            adopt(self.paths, self.system)
            self.jobs.check(release)
            self.checks.imports(release)
            self._start(release, previous)
        except BaseException as error:
            # A full disk, or who ends this process, says nothing about the release.
            self._fail(switch, error, blame=isinstance(error, HostError))
            raise
        self.processes.set_priority(release, 0)
        self.guard.arm(DEADLINE)

    def _refuse_damaged(self, release: str) -> None:
        """Nothing of it is started, and nobody takes it for a release to go back to any more."""
        damage = self.contents.damage(release)
        if damage:
            self.store.update(release, state="damaged", error=damage)
            raise HostError(damage)

    def _start(self, release: str, previous: str | None) -> None:
        """web first, which is checked; then workers, of which old and new never run side by side while the new ones queue tasks."""
        web, ordinary, single = self.processes.by_role(release)
        dummy, old_ordinary, old_single = self.processes.by_role(previous if previous != release else None)
        self.processes.start(release, web)
        if self.system.may_raise_priority():
            self.processes.set_priority(release, NICE_START)
        self.checks.ready(release)
        # New workers may queue what old ones do not know, so these take nothing more; what they have begun they finish.
        if old_ordinary:
            self.processes.stop(previous or "", old_ordinary, wait=False)
        self.processes.start(release, ordinary)
        self.checks.steady(release, ordinary)
        self.jobs.pause(previous)
        if old_single:
            self.processes.stop(previous or "", old_single)
        self.processes.start(release, single)
        self.checks.steady(release, single)
        if old_ordinary:
            self.processes.stop(previous or "", old_ordinary)

    def recover(self) -> None:
        """A switch that nobody ended: complete it or return from it, before anything else begins."""
        try:
            self.settle()
        except HostStops:
            raise
        except HostError:
            pass

    # --- the way back ---------------------------------------------------------------------------------------------------

    def _fail(self, switch: dict[str, t.Any], error: BaseException, blame: bool = True) -> None:
        """Return, but not from what only ends because the host does: all is left as it is for the boot."""
        if self.system.is_state("stopping"):
            raise HostStops(switch["release"]) from error
        self._undo(switch, error, blame)

    def _undo(self, switch: dict[str, t.Any], error: BaseException, blame: bool = True) -> None:
        """Back to the release that was live; nothing a visitor sees has changed, or it changes back now.

        Without C(blame) the release has no part in the fault: one that has served before stays what it was, so that a rollback may go there.
        """
        release, previous = switch["release"], switch["from"]
        # The live release that only had to be started again stays what it is.
        if release == previous:
            with contextlib.suppress(HostError):
                self.processes.start(release, list(self.store.instances(release)))
                self.jobs.schedule(release)
            self.processes.set_priority(release, 0)
        else:
            self._return(switch, said(error).split("\n", 1)[0], blame)
        self._end(switch)

    def _return(self, switch: dict[str, t.Any], why: str, blame: bool) -> None:
        release, previous = switch["release"], switch["from"]
        served = self.traffic.live == release
        dummy, ordinary, single = self.processes.by_role(release)
        web, old_ordinary, old_single = self.processes.by_role(previous)
        if served:
            # Where even the old one does not start, systemd goes on trying; the fault to report is the new one's.
            with contextlib.suppress(HostError):
                self.processes.start(previous or "", web)
            self.traffic.main.lead_to(previous)
            # Where even this cannot be written, on a full disk, the way back goes on.
            with contextlib.suppress(OSError):
                self.store.record("return", switch, why)
        returned = self.system.monotonic()
        # There are never two of a singleton. New workers may have taken tasks, which they finish.
        self.processes.stop(release, ordinary, wait=False)
        self.processes.stop(release, single)
        with contextlib.suppress(HostError):
            self.processes.start(previous or "", [*web, *old_ordinary, *old_single])
        with contextlib.suppress(HostError, OSError):
            self.jobs.schedule(previous)
        self.processes.stop(release, ordinary)
        if served and previous:
            self.system.sleep(max(0.0, returned + DRAIN - self.system.monotonic()))
        self.processes.stop(release, at_once=not served)
        served_before = self.store.manifest(release).get("state") in ("superseded", "bad")
        if blame or not served_before:
            with contextlib.suppress(OSError):
                self.store.update(release, state="bad" if served_before else "failed", error=why, ended=now())

    def _end(self, switch: dict[str, t.Any]) -> None:
        self.store.end_switch()
        if self.alone and switch.get("token"):
            # Its controller is gone: nobody has to wait for it any longer.
            self.lock.drop(switch["token"])
        self.guard.disarm()

    # --- after the switch -----------------------------------------------------------------------------------------------

    def settle(self, watch: float = 0.0, meanwhile: t.Callable[[], t.Any] | None = None) -> dict[str, t.Any]:
        """Complete the switch that is under way, or return from it. Says which release is live, and whether a switch was completed.

        C(watch) seconds the old release stays ready while the new one is watched. C(meanwhile) is called while the old one finishes
        what it has begun. Raises HostError when it returns.
        """
        switch = self.store.switch()
        if not switch:
            return {"release": self.traffic.live, "completed": False}
        release, previous = switch["release"], switch["from"]
        if self.traffic.live != release:
            error = HostError(f"the switch to {release} never happened: the controller went away before it.")
            self._fail(switch, error, blame=False)
            raise error
        begun = self.system.monotonic()
        try:
            # What is written from here on says that it is live.
            sync_directory(self.paths.path)
            self.checks.through_nginx(release)
            wait = self._drain(release, previous, watch)
            self._watch(release, begun + wait)
            if wait > DRAIN:
                self.checks.through_nginx(release)
            # As long as both run: where it cannot be written, on a full disk, the old one is there to return to.
            self.store.update(release, state="active", activated=now(), error=None, replaced_by=None)
            self.store.record(switch["action"], switch, alone=self.alone)
            if previous and previous != release:
                self.store.update(previous, state="bad" if switch["action"] == "rollback" else "superseded", ended=now(),
                                  replaced_by=release if switch["action"] in SAME else None)
            self.jobs.schedule(release)
        except Exception as fault:
            self._fail(switch, fault, blame=isinstance(fault, HostError))
            raise
        leaving = previous if previous != release else None
        if leaving:
            self.processes.set_priority(leaving, NICE_END)
            self.processes.stop(leaving, wait=False)
        try:
            if meanwhile:
                meanwhile()
        finally:
            if leaving:
                self.processes.stop(leaving)
            self._end(switch)
        return {"release": release, "completed": True}

    def _drain(self, release: str, previous: str | None, watch: float) -> float:
        """Seconds that the old release stays ready. Without a site there is no nginx whose connections have to leave it first."""
        if not self.store.instances(release) and not self.store.instances(previous or release):
            # Files need no connections.
            return 0.0
        behind_proxy = self.store.site(release) or self.checks.web(release).get("address")
        return max(DRAIN if behind_proxy else 0.0, watch)

    def _watch(self, release: str, until: float) -> None:
        """Raises HostError when a process of the release ends by itself before then."""
        while True:
            left = until - self.system.monotonic()
            for process in self.store.instances(release):
                how = self.processes.ended(release, process)
                if how:
                    raise HostError(
                        f"release {release} ended by itself after the switch: its process {process} ({how}).{self.processes.log(release, [process])}")
            if left <= 0:
                return
            self.system.sleep(min(1.0, left))
            # The shutdown waits for this.
            if self.system.is_state("stopping"):
                raise HostStops(release)

    # --- at boot --------------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start exactly what is live. A switch that the machine's end cut short is settled first."""
        switch = self.store.switch()
        live = self.traffic.live
        if live:
            try:
                self._refuse_damaged(live)
                self.processes.start(live, list(self.store.instances(live)))
                self.jobs.schedule(live)
                self.checks.ready(live)
            except HostError as error:
                if switch and live == switch["release"]:
                    self._undo(switch, error)
                    # A host on which nothing serves has not booted well.
                    self.checks.ready(self.traffic.live or live)
                elif self.store.manifest(live).get("state") == "damaged":
                    self._fall_back(live, error)
                else:
                    # It goes on trying; the unit that boots it says so.
                    raise
                return
        if switch:
            with contextlib.suppress(HostError):
                self.settle()

    def _fall_back(self, damaged: str, error: HostError) -> None:
        """To the release before, which is whole. Raises the error when there is none: nothing serves."""
        target = None
        while not target:
            try:
                target = fallback(damaged, self.store.manifests(), self.store.history())
                self._refuse_damaged(target)
            except ReleaseError:
                raise error from None
            except HostError:
                # It is marked, and so not found again.
                target = None
        switch = {"release": damaged, "from": target, "action": "activate", "by": "the host at boot", "since": now(), "token": None}
        self.processes.start(target, list(self.store.instances(target)))
        self.checks.ready(target)
        self.traffic.main.lead_to(target)
        self.store.record("return", switch, said(error))
        self.store.update(target, state="active", activated=now())
        self.jobs.schedule(target)
