# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes visitors over from an application that somebody else has set up, and gives them back.

From hold() to take(), visitors of the site wait, for seconds: nginx has them already, and the new processes are stopped by a signal while
the last data come over. The kernel keeps their connections. What hold() has done is undone by a script that stands on the host
before the first of it, which a timer runs if nobody comes back. Those who have waited then get an error, and can try again.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shlex
import shutil
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._adopt.data import Copier

STATE = "/var/lib/pyweb/{name}/adopted"
SANDBOX = "/etc/systemd/system/nginx.service.d/pyweb.conf"
OURS = "/etc/nginx/conf.d/pyweb.site.{name}.conf"
# Seconds after which the host undoes a take-over by itself, counted from hold().
PATIENCE = 150

Run = t.Callable[[list[str]], "tuple[int, str, str]"]


def _said(path: str) -> str:
    """The command line of a process; nothing once it has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


def _until(address: str) -> str:
    """A line for bash that waits until somebody listens on an address of nginx, for a minute at most."""
    if address.startswith("unix:"):
        test = f"[ -S {shlex.quote(address[len('unix:'):])} ]"
    else:
        host, dummy, port = address.rpartition(":")
        if not host or not port.isdigit():
            host, port = address, "80"
        test = f"(exec 3<>/dev/tcp/{shlex.quote(host.strip('[]'))}/{port}) 2>/dev/null"
    return f"for n in $(seq 200); do {test} && break; sleep 0.3; done"


class StepError(Exception):
    """One sentence about what could not be done."""


class Step:
    """The steps for one application."""

    def __init__(self, run: Run, name: str, root: str = "") -> None:
        self.run = run
        self.name = name
        self.root = root
        self.directory = root + STATE.format(name=name)
        self.ours = root + OURS.format(name=name)
        self.record = f"{self.directory}/record.json"
        self.script = f"{self.directory}/undo.sh"
        self.timer = f"pyweb-adopt-{name}"

    def done(self, *command: str) -> str:
        """What a command prints. Raises StepError where it fails."""
        rc, out, err = self.run(list(command))
        if rc != 0:
            raise StepError(f"{shlex.join(command)}: {(err or out).strip() or f'exit status {rc}'}")
        return out

    def known(self) -> dict[str, t.Any]:
        """What a take-over has kept: empty before the first."""
        try:
            with open(self.record, encoding="utf-8") as file:
                return t.cast("dict[str, t.Any]", json.load(file))
        except FileNotFoundError:
            return {}

    def state(self) -> str:
        """new, taken, or held: a take-over that was cut off."""
        if os.path.exists(self.script):
            return "held"
        return "taken" if self.known() else "new"

    def live_unit(self) -> str:
        """The unit of the live release's web process."""
        try:
            release = os.path.basename(os.readlink(f"{self.root}/srv/{self.name}/current"))
        except OSError:
            raise StepError(f"{self.name} has no live release that could take over: deploy it first.") from None
        return f"pyweb.{self.name}.web.{release}.service"

    def copy(self, pairs: list[dict[str, str]], user: str) -> Copier:
        """Data from C(source) to C(target) of each pair, where C(source) is there; it may be a link to its place."""
        copier = Copier(user)
        for pair in pairs:
            try:
                copier.copy(os.path.realpath(pair["source"]), pair["target"])
            except Exception as error:
                raise StepError(f"{pair['source']} could not be copied to {pair['target']}: {error}") from error
        return copier

    def hold(self, sites: list[str], units: list[str], listens: list[str], waits: bool) -> None:
        """Make ready for nginx to be loaded with our site: the files of theirs are set aside, and with C(waits) the new processes stand still."""
        web = self.live_unit()
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        aside = {site: f"{self.directory}/{number}-{os.path.basename(site)}" for number, site in enumerate(sites)}
        # A link that leads nowhere is there, too.
        back = [f"if [ -e {kept} ] || [ -L {kept} ]; then mv -f {kept} {site}; fi" for site, kept in
                ((shlex.quote(site), shlex.quote(kept)) for site, kept in aside.items())]
        lines = [
            "#!/bin/bash", f"# Gives the visitors of {self.name} back to the units that have served them before.",
            f"systemctl start {shlex.join(units)}", *(_until(address) for address in listens), *back, f"rm -f {shlex.quote(self.ours)}",
            "nginx -t -q && systemctl reload nginx.service", *(self._anew(web) if waits else []), f"rm -f {shlex.quote(self.script)}",
        ]
        self._write(self.script, "\n".join(lines) + "\n")
        self._write(f"{self.directory}/sites.json", json.dumps(aside))
        self.done("systemd-run", "--quiet", "--collect", f"--unit={self.timer}", f"--on-active={PATIENCE}", "/bin/bash", self.script)
        if waits:
            self.done("systemctl", "kill", "-s", "STOP", web)
        for site, kept in aside.items():
            shutil.move(site, kept)

    @staticmethod
    def _anew(web: str) -> list[str]:
        """Lines that start the new processes again without what has waited for them: it must not be written to data that are given up."""
        unit = shlex.quote(web)
        return [f"systemctl {command} {unit}" for command in ("kill -s KILL", "stop", "reset-failed", "start --no-block")]

    def take(self, pairs: list[dict[str, str]], units: list[str], listens: list[str], owner: str, drain: float) -> Copier:
        """Visitors are ours by nginx: let the old processes finish, stop them, bring what they have written last, and let the new ones answer."""
        web = self.live_unit()
        # From here on it is this step that undoes: the timer must not come between.
        self.run(["systemctl", "stop", f"{self.timer}.timer"])
        began = time.monotonic()
        try:
            self.drained(drain)
            for unit in [*(unit for unit in units if unit.endswith(".socket")), *(unit for unit in units if not unit.endswith(".socket"))]:
                self.done("systemctl", "stop", unit)
            copier = self.copy(pairs, self.name)
            self.done("systemctl", "disable", "--quiet", *units)
        except BaseException:
            self.undo()
            raise
        finally:
            self.run(["systemctl", "kill", "-s", "CONT", web])
        with open(f"{self.directory}/sites.json", encoding="utf-8") as file:
            sites = json.load(file)
        self._write(self.record, json.dumps({
            "schema": 1, "owner": owner, "units": units, "listens": listens, "sites": sites, "pairs": pairs,
            "at": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "waited": round(time.monotonic() - began, 1),
        }, indent=1) + "\n")
        os.unlink(self.script)
        return copier

    def undo(self) -> None:
        """What hold() has done is as if it had not been; nothing where it was not."""
        self.run(["systemctl", "stop", f"{self.timer}.timer"])
        if os.path.exists(self.script):
            self.done("/bin/bash", self.script)

    def give_back(self) -> None:
        """The way back: the old units serve again, with the data of today."""
        known = self.known()
        if not known:
            raise StepError(f"{self.name} has taken nothing over on this host, so there is nothing to give back.")
        pairs, owner = [{"source": pair["target"], "target": pair["source"]} for pair in known["pairs"]], known["owner"]
        self.copy(pairs, owner)
        services = [unit for unit in known["units"] if not unit.endswith(".socket")]
        try:
            self.done("systemctl", "enable", "--quiet", "--now", *known["units"])
            for address in known["listens"]:
                self.done("/bin/bash", "-c", _until(address))
            for unit in services if pairs else []:
                self.done("systemctl", "kill", "-s", "STOP", unit)
            self._old_site(known["sites"])
        except BaseException:
            for unit in services:
                self.run(["systemctl", "kill", "-s", "CONT", unit])
            self.run(["systemctl", "disable", "--quiet", "--now", *known["units"]])
            raise
        try:
            self.drained(10)
            # Workers would go on with tasks of the old ones.
            self.done("systemctl", "disable", "--quiet", "--now", f"pyweb.{self.name}.service")
            self.done("systemctl", "stop", f"pyweb.{self.name}.*")
            self.copy(pairs, owner)
        except BaseException:
            self._ours_again(known["sites"], known["units"], services if pairs else [])
            raise
        for unit in services:
            self.run(["systemctl", "kill", "-s", "CONT", unit])
        for name in ("record.json", "sites.json", "ours.conf"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.directory}/{name}")

    def _ours_again(self, sites: dict[str, str], units: list[str], waiting: list[str]) -> None:
        """The new processes serve on, with their data; what has waited for the old ones must not be written to data that are given up."""
        self.run(["systemctl", "enable", "--quiet", "--now", f"pyweb.{self.name}.service"])
        for source, target in [*sites.items(), (f"{self.directory}/ours.conf", self.ours)]:
            if os.path.lexists(source):
                shutil.move(source, target)
        self.run(["systemctl", "reload", "nginx.service"])
        for unit in waiting:
            self.run(["systemctl", "kill", "-s", "KILL", unit])
        self.run(["systemctl", "disable", "--quiet", "--now", *units])

    def _old_site(self, sites: dict[str, str]) -> None:
        """Nginx serves the old site in place of ours. Raises StepError where it refuses that; all is as before then."""
        moved = [(kept, site) for site, kept in sites.items() if os.path.lexists(kept)]
        if os.path.exists(self.ours):
            moved.append((self.ours, f"{self.directory}/ours.conf"))
        for source, target in moved:
            shutil.move(source, target)
        try:
            self.done("nginx", "-t", "-q")
            self.done("systemctl", "reload", "nginx.service")
        except StepError:
            for source, target in reversed(moved):
                shutil.move(target, source)
            raise

    def drained(self, seconds: float) -> None:
        """Wait until nginx's workers of before have answered what they had; for so long at most."""
        end = time.monotonic() + seconds
        # A reload starts its new workers a moment later.
        time.sleep(0.5)
        while time.monotonic() < end and any(_said(path).startswith("nginx: worker process is shutting down") for path in glob.glob("/proc/[0-9]*/cmdline")):
            time.sleep(0.1)

    def _write(self, path: str, text: str) -> None:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(f"{path}.new", 0o600)
        os.replace(f"{path}.new", path)
