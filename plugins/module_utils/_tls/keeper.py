# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the certificates that come by ACME: asks where something is missing, puts in place what has come.

Role nginx calls this at each run, certbot's timer before each renewal, and certbot after one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import glob
import json
import os
import shutil
import time
import typing as t

from . import certbot, certificate, plan, reach
from .store import SELF_SIGNED, Store, StoreError, load


@dataclasses.dataclass(frozen=True)
class Config:
    """The sites of a host. Role nginx writes a file for each, so that several inventories can share the host: C(<store>/sites.d/<site>.json)."""

    store: str
    sites: tuple[plan.Site, ...]
    # Whether sites that are not named are somebody else's, and stay.
    keep_unlisted: bool = False

    @classmethod
    def of(cls, given: dict[str, t.Any]) -> Config:
        return cls(given["store"], tuple(plan.Site.of(item) for item in given["sites"]), given.get("keep_unlisted", False))

    @classmethod
    def read(cls, store: str) -> Config:
        """What the files say, of all inventories."""
        sites = []
        for path in sorted(glob.glob(os.path.join(glob.escape(store), "sites.d", "*.json"))):
            with open(path, encoding="utf-8") as stream:
                sites.append(plan.Site.of(json.load(stream)))
        return cls(store, tuple(sites))


@dataclasses.dataclass
class Outcome:
    """What was done, and what could not be done, as sentences."""

    done: list[str] = dataclasses.field(default_factory=list)
    faults: list[str] = dataclasses.field(default_factory=list)


class Keeper:
    def __init__(self, config: Config, check: bool = False) -> None:
        self.config = config
        self.check = check
        self.store = Store(config.store)
        self.outcome = Outcome()
        self.memories = self.store.memories()

    def keep(self) -> Outcome:
        """Sees to all sites. Never raises for what one of them cannot have."""
        with self._alone():
            for site in self.config.sites:
                try:
                    self._site(site)
                except (StoreError, OSError, certificate.CertificateError) as error:
                    self.outcome.faults.append(f"{str(error).rstrip('.')}.")
            self._let_go()
        return self.outcome

    def deployed(self, lineage: str) -> Outcome:
        """certbot has renewed the certificate in this directory of /etc/letsencrypt/live."""
        for site in self.config.sites:
            if certbot.lineage(site.name) == os.path.basename(lineage.rstrip("/")):
                try:
                    self._install(site)
                except (StoreError, OSError, certificate.CertificateError) as error:
                    self.outcome.faults.append(f"{str(error).rstrip('.')}.")
        return self.outcome

    @contextlib.contextmanager
    def _alone(self) -> t.Iterator[None]:
        """One at a time: a run and the timer would both ask."""
        if self.check:
            yield
            return
        with open(os.path.join(self.config.store, ".lock"), "w", encoding="ascii") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self.memories = self.store.memories()
            yield

    def lineage(self, site: plan.Site) -> plan.Lineage | None:
        """What certbot has for a site; None also where its files are damaged."""
        paths = self._live(site)
        judged = certificate.judge(*paths, (), time.time())
        try:
            with open(os.path.join(certbot.RENEWALS, f"{certbot.lineage(site.name)}.conf"), encoding="utf-8") as stream:
                said = certbot.remembered(stream.read())
        except OSError:
            return None
        if judged.certificate is None or judged.said("expired", "issuer"):
            return None
        return plan.Lineage(judged.certificate, said.get("server", ""), said.get("key_type", "rsa"))

    def _live(self, site: plan.Site) -> tuple[str, str]:
        place = os.path.join(certbot.LINEAGES, certbot.lineage(site.name))
        return os.path.join(place, "fullchain.pem"), os.path.join(place, "privkey.pem")

    def _site(self, site: plan.Site) -> None:
        lineage = self.lineage(site)
        why = plan.reason(site, site.domains, lineage, time.time())
        if why and self.check:
            self.outcome.done.append(f"would ask {site.settings.directory} for a certificate of {site.name}, since {why}")
            return
        if why:
            self._ask(site, lineage)
        if not self.check:
            self._install(site)
            self._mend(site)

    def _ask(self, site: plan.Site, lineage: plan.Lineage | None) -> None:
        names, lost = self._reachable(site)
        memory = self.memories.get(site.name, plan.Memory())
        now = time.time()
        why = plan.reason(site, names, lineage, now)
        if not why:
            self._say(site, lost, "")
            return
        request = " ".join([site.settings.directory, site.settings.key_type, *sorted(names)])
        held = plan.next_try(memory, request)
        if held > now:
            self._say(site, [f"{memory.fault}; it is not asked again before {certificate.day(held)}, since the authority counts failures", *lost], "")
            return
        if lineage is None:
            self._forget_damaged(site)
        answer, failed, server = self._request(site, names, lineage)
        self.memories[site.name] = plan.after(memory, request, failed, now)
        self.store.remember(self.memories)
        if answer.fault:
            self._say(site, [f"{server} gave none: {answer.fault}", *lost], certificate.day(answer.not_before) if answer.not_before else "")
            return
        self._say(site, lost, "")
        self.outcome.done.append(f"got a certificate for {site.name} from {server}")

    def _reachable(self, site: plan.Site) -> tuple[list[str], list[str]]:
        if site.dns:
            return list(site.domains), []
        lost = {}
        with reach.Probe(site.settings.webroot) as probe:
            for name in site.domains:
                fault = probe.fault(name, site.settings.addresses)
                if fault:
                    lost[name] = fault
        return [name for name in site.domains if name not in lost], list(lost.values())

    def _request(self, site: plan.Site, names: list[str], lineage: plan.Lineage | None) -> tuple[certbot.Answer, certbot.Answer, str]:
        """Asks the directory, then for fewer names where some fail, then the fallback where the authority itself does not answer.

        Returns how it ended, how it went for all names, and who answered.
        """
        settings = site.settings
        for server in filter(None, (settings.directory, settings.fallback)):
            arguments = certbot.command(site.name, names, site.dns, settings, server)
            answer = failed = certbot.run(arguments)
            if answer.unknown_account and certbot.put_account_aside(server):
                for name in self._lineages():
                    self._edit(name, lambda text: certbot.without_account(text, server))  # pylint: disable=cell-var-from-loop
                self.outcome.done.append(f"made a new account at {server}, which did not know the old one any more")
                answer = failed = certbot.run(arguments)
            rest = plan.fewer(names, answer, lineage) if answer.fault else []
            if rest:
                answer = certbot.run(certbot.command(site.name, rest, site.dns, settings, server))
                if not answer.fault:
                    lost = ", ".join(name for name in names if name not in rest)
                    self.outcome.faults.append(f"The certificate of {site.name} is without {lost}: {failed.fault.rstrip('.')}.")
            if not (answer.unreachable or answer.limited):
                break
        return answer, failed, server

    def _forget_damaged(self, site: plan.Site) -> None:
        """What certbot cannot read would keep it from asking; nginx has a copy of what it serves."""
        name = certbot.lineage(site.name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(certbot.RENEWALS, f"{name}.conf"))
        for parent in (certbot.LINEAGES, os.path.join(os.path.dirname(certbot.LINEAGES), "archive")):
            shutil.rmtree(os.path.join(parent, name), ignore_errors=True)

    def _install(self, site: plan.Site) -> None:
        """Puts what certbot has in place for nginx, if it is sound; what nginx has stays otherwise."""
        lineage = self.lineage(site)
        if lineage is None:
            return
        names = [name for name in site.domains if certificate.covers(lineage.certificate.names, name)]
        judged = certificate.judge(*self._live(site), names, time.time())
        # Those of test directories are known to nobody.
        faults = judged.said("issuer")
        if faults or not names:
            raise StoreError(f"The certificate of {site.name} was not put in place: {'; '.join(faults) or 'it has none of its domains'}")
        self._remember_renewal(site, lineage, wanted=True)
        before = self.store.current(site.name)
        if not self.store.put(site.name, self._live(site)):
            return
        load(self.store, site.name, before, names)
        self.store.prune(site.name, {before})
        self.outcome.done.append(f"nginx shows the certificate of {site.name} that expires {certificate.day(lineage.certificate.not_after)}")

    def _mend(self, site: plan.Site) -> None:
        """nginx refuses every configuration while one of its certificates is damaged: better a warning of browsers on this site."""
        judged = certificate.judge(*self.store.pair(site.name), (), time.time())
        if judged.said("expired", "issuer", "early") and self.store.current(site.name) != SELF_SIGNED:
            before = self.store.current(site.name)
            self.store.point(site.name, SELF_SIGNED)
            load(self.store, site.name, before, site.domains[:1])
            self.outcome.faults.append(f"The certificate of {site.name} was damaged, and nginx shows a self-signed one until there is another.")

    def _remember_renewal(self, site: plan.Site, lineage: plan.Lineage, wanted: bool) -> None:
        left = lineage.certificate.not_after - lineage.certificate.renewal
        self._edit(f"{certbot.lineage(site.name)}.conf", lambda text: certbot.kept(text, left, wanted))

    def _let_go(self) -> None:
        """The certificates of removed sites stay, but are not renewed: nobody answers for their names."""
        if self.check or self.config.keep_unlisted:
            return
        ours = {f"{certbot.lineage(site.name)}.conf" for site in self.config.sites}
        for name in self._lineages():
            if name not in ours:
                self._edit(name, lambda text: text.replace("autorenew = True\n", "autorenew = False\n"))

    @staticmethod
    def _lineages() -> list[str]:
        """The files of certbot with our certificates."""
        names = os.listdir(certbot.RENEWALS) if os.path.isdir(certbot.RENEWALS) else []
        return [name for name in names if name.startswith("pyweb-") and name.endswith(".conf")]

    @staticmethod
    def _edit(name: str, change: t.Callable[[str], str]) -> None:
        path = os.path.join(certbot.RENEWALS, name)
        with open(path, encoding="utf-8") as stream:
            before = stream.read()
        after = change(before)
        if after != before:
            with open(f"{path}.new", "w", encoding="utf-8") as stream:
                stream.write(after)
            os.replace(f"{path}.new", path)

    def _say(self, site: plan.Site, faults: list[str], when: str) -> None:
        call = certbot.next_call() if faults else ""
        for fault in faults:
            kind = "its self-signed one" if self.store.current(site.name) in ("", SELF_SIGNED) else "the one that it has"
            self.outcome.faults.append(
                f"No new certificate for {site.name}, which keeps {kind}: {fault.rstrip('.')}. "
                f"It is tried again {f'after {when}' if when else 'at the next run'} and by certbot.timer{f' ({call})' if call else ''}."
            )
