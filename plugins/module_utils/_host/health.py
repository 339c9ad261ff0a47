# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a release well? Before the switch on its own socket, after it through nginx."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import hints
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.logged import concise
from ansible_collections.pyweb.stack.plugins.module_utils._host.processes import LOG_LINES, NICE_START, Processes
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Site

# Seconds between two health checks of a release that is not ready: the timeout alone decides when that is a fault.
PAUSE = 0.25
# The same while it gives no answer: short, since most begin to listen within a second, and longer the longer that takes, so that a start is noticed
# with a delay of 5 % at the most. Each check costs the host a look at the process, and a server that closes the connection a line of its log.
SHORTEST, PART = 0.02, 0.05
# Seconds within which one health check is answered.
ANSWER = 10.0
# What gunicorn logs of a worker that ends. One that ends by itself while the application is imported (sys.exit() for a missing setting)
# is followed by the next one, for ever; an import that raises ends gunicorn itself.
WORKER_ENDS = re.compile(r"Worker exiting \(pid: ?(\d+)\)")
# So many have ended between two requests without an answer, among so many last lines of the log.
ENDLESS, RECENT = 5, 200
# Seconds that nginx may take at boot.
BOOT = 60

# The import of an application. It ends with the import, also where that has started threads which never end.
PREFLIGHT = """\
import importlib, os, sys, traceback
status = 0
try:
    importlib.import_module(sys.argv[1])
except BaseException:
    traceback.print_exc()
    status = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""


def unwell(health: dict[str, t.Any], status: int, text: str) -> str:
    """What is wrong with the answer; nothing when it is as it should be."""
    if not (status in health["status"] if health.get("status") else status < 500):
        return f"answers {status}"
    return f"answers {status} without {health['body']!r}" if health.get("body") and health["body"] not in text else ""


def _nobody(web: dict[str, t.Any]) -> str:
    fault = f"nothing listens on its socket after {web['health']['timeout']} s"
    if web.get("kind") == "command":
        fault += f"; its command has to listen on {'{socket}' if '{socket}' in web['command'] else '$PORT, which is another port at each start'}"
    return fault


class Answer(t.TypedDict):
    """What the web process says to its health check."""

    path: str
    status: int | None  # None where it gave none
    seconds: float
    fault: str  # empty when it is well


class Checks:
    """Health checks of releases. Each raises HostError with the last log lines when the release is not well."""

    def __init__(self, processes: Processes):
        self.processes = processes
        self.paths = processes.paths
        self.system = processes.system
        self.store = processes.store

    def web(self, release: str) -> dict[str, t.Any]:
        """The web process; empty for a release that has none here."""
        return t.cast("dict[str, t.Any]", self.store.runtime(release).get("processes", {}).get("web") or {})

    def imports(self, release: str) -> None:
        """Does the application import? uvicorn starts workers that do not again and again, and would hide it until the timeout."""
        web = self.web(release)
        if web.get("server") != "uvicorn":
            return
        user, timeout = self.system.account(self.paths.user), web["health"]["timeout"]
        argv = ["/usr/bin/nice", "-n", str(NICE_START), "/usr/bin/python3", "-IS", f"{self.paths.meta(release)}/launch", "-",
                f"{self.paths.release(release)}/.venv/bin/python", "-c", PREFLIGHT, web["asgi"].split(":")[0]]
        # A file and no pipe: what an import starts keeps a pipe open, and whoever reads it would wait for that to end.
        with tempfile.TemporaryFile() as printed:
            with subprocess.Popen(argv, user=user.pw_uid, group=user.pw_gid, extra_groups=os.getgrouplist(self.paths.user, user.pw_gid), umask=0o027,
                                  stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin"},
                                  start_new_session=True) as process:
                try:
                    status = process.wait(timeout)
                except subprocess.TimeoutExpired:
                    raise HostError(f"release {release} is not healthy: importing {web['asgi']} takes longer than {timeout} s. Where that is right, raise "
                                    "processes.web.health.timeout.") from None
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            printed.seek(0)
            text = concise(printed.read().decode(errors="replace").strip(), LOG_LINES)
        if status != 0:
            raise HostError(f"release {release} is not healthy: {web['asgi']} cannot be imported (exit status {status}).{hints.helps(text)}\n{text}")

    def ready(self, release: str) -> None:
        """Return when the new web process answers on its own socket as it should; otherwise say why not."""
        web = self.web(release)
        if not web:
            return
        path, health, begun = self.paths.socket(release), web["health"], self.system.monotonic()
        host = health.get("host") or (self.store.site(release) or {}).get("domain", "localhost")
        manager, wanted, good = self.processes.manager(release), health.get("successes") or 1, 0
        nobody = fault = _nobody(web)
        ended: set[str] | None = None
        closed, late = False, True
        while self.system.monotonic() - begun < health["timeout"]:
            answer, closed = None, False
            try:
                answer = self.system.ask_socket(path, host, health["path"], min(ANSWER, health["timeout"]))
            except TimeoutError:
                fault = f"GET {health['path']} gets no answer"
                before, ended = ended, set(WORKER_ENDS.findall(manager.log(release, ["web"], RECENT)[0]))
                if before is not None and len(ended - before) >= ENDLESS:
                    fault, late = f"{fault}, and its workers end as soon as they have begun", False
                    break
            except OSError as error:
                # Behind systemd's proxy, a port that nobody listens on looks as if the server had closed the connection.
                closed = isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError)
                fault = f"GET {health['path']} gets no answer, its connection is closed" if closed and web.get("kind") != "command" else nobody
            how = manager.ended(release, "web")
            if how:
                fault, late = f"its web process ended by itself ({how})", False
                break
            if answer is None:
                good = 0
                self.system.sleep(min(PAUSE, max(SHORTEST, PART * (self.system.monotonic() - begun))))
                continue
            how = unwell(health, *answer)
            if not how:
                good += 1
                if good == wanted:
                    return
                fault = f"GET {health['path']} is answered well {good} times in a row and not {wanted}"
            else:
                # Not ready yet, as one says that loads a model or fills a cache.
                good, fault = 0, f"GET {health['path']} {how}"
            self.system.sleep(PAUSE)
        # Only whoever closes is asked by TLS: another server would log a request that it does not understand.
        if closed and late and self.system.speaks_tls(path):
            fault = "its server expects TLS, which ends at nginx: take the certificate and the key out of its command or settings"
        elif late:
            fault = f"{fault}. Where it needs longer than {health['timeout']} s, raise processes.web.health.timeout"
        raise HostError(f"release {release} is not healthy: {fault}.{self.processes.log(release, ['web'])}")

    def answers(self, release: str) -> bool:
        """Does the release's web process answer at all, whatever it says? One that has none here is never silent. Asked once."""
        web = self.web(release)
        if not web:
            return True
        try:
            self.system.ask_socket(self.paths.socket(release), web["health"].get("host") or "localhost", web["health"]["path"],
                                   min(ANSWER, web["health"]["timeout"]))
        except OSError:
            return False
        return True

    def now(self, release: str) -> Answer | None:
        """Ask the web process once, as it is now; None for a release that has none here. Raises nothing."""
        web = self.web(release)
        if not web:
            return None
        site = self.store.site(release) or {}
        host, path, begun = web["health"].get("host") or site.get("domain", "localhost"), web["health"]["path"], self.system.monotonic()
        try:
            status, text = self.system.ask_socket(self.paths.socket(release), host, path, min(ANSWER, web["health"]["timeout"]))
        except OSError as error:
            fault = "gets no answer" if isinstance(error, TimeoutError) else "reaches nobody, nothing listens on its socket"
            return {"path": path, "status": None, "seconds": round(self.system.monotonic() - begun, 3), "fault": f"GET {path} {fault}"}
        fault = unwell(web["health"], status, text)
        return {"path": path, "status": status, "seconds": round(self.system.monotonic() - begun, 3), "fault": f"GET {path} {fault}" if fault else ""}

    def visitor(self, release: str) -> str | None:
        """What is wrong for a visitor who comes through nginx, asked once; nothing when all is well, None where there is no site. Raises nothing."""
        web, site = self.web(release), self.store.site(release)
        if not site or not (web or site.get("files")):
            return None
        path = site.get("path", "") + (web["health"]["path"] if web else "/")
        fault = self._fault_through_nginx(web, site, path)
        return f"https://{site['domain']}{path} through nginx {fault}" if fault else ""

    def steady(self, release: str, processes: list[str], seconds: float = 2.0) -> None:
        """Processes without a socket are well when they stay up for a moment."""
        if not processes:
            return
        self.system.sleep(seconds)
        for process in processes:
            how = self.processes.ended(release, process)
            if how:
                raise HostError(f"release {release} is not healthy: its process {process} ended by itself ({how}).{self.processes.log(release, [process])}")

    def _fault_through_nginx(self, web: dict[str, t.Any], site: Site, path: str) -> str:
        """What is wrong with one answer to a visitor; nothing when it is as it should be. A site of files has no web process."""
        try:
            status, text = self.system.ask_site(site["domain"], site.get("port", 443), path)
        except OSError as error:
            return f"fails ({error})"
        if web:
            return unwell(web["health"], status, text)
        return f"answers {status}" if status >= 400 else ""

    def through_nginx(self, release: str) -> None:
        """The way a visitor comes: through nginx, with TLS."""
        web, site = self.web(release), self.store.site(release)
        if not site or not (web or site.get("files")):
            return
        path, fault, begun, tries = site.get("path", "") + (web["health"]["path"] if web else "/"), "", self.system.monotonic(), 3
        while tries:
            tries -= 1
            fault = self._fault_through_nginx(web, site, path)
            if not fault:
                return
            self.system.sleep(0.3)
            # At boot, nginx may come after the application.
            if not tries and self.system.monotonic() < begun + BOOT and self.system.is_state("starting"):
                tries = 1
        address = f"https://{site['domain']}{path}"
        if not web:
            raise HostError(f"release {release} is not healthy: {address} through nginx {fault}.")
        # One worker was asked, and another one answers.
        warming = " Where its workers become ready one by one, raise processes.web.health.successes." if fault == "answers 503" else ""
        raise HostError(f"release {release} is well on its own socket, but {address} through nginx {fault}.{warming}{self.processes.log(release, ['web'])}")
