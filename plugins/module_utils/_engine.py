# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of an application's releases on a host, and the processes of a release.

The modules import this file, and the role appserver installs it as /usr/local/lib/pyweb/engine.py: the boot unit and the
dead man's switch run it there. So it needs nothing but Python's standard library; HTTP and TLS are imported by who asks
somebody, since that takes longer than most steps do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import grp
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import typing as t

ENGINE = "/usr/local/lib/pyweb/engine.py"
UNITS = "/etc/systemd/system"
PROGRAMS = "/etc/supervisor/conf.d"
SUPERVISOR_SOCKET = "/run/supervisor.sock"
SUPERVISOR_CGROUP = "/sys/fs/cgroup/system.slice/supervisor.service"
STATES = "/var/lib/pyweb"
LOGS = "/var/log/pyweb"
LOG_BACKUPS = 3
RUN = "/run/pyweb"
STAMPS = "/var/lib/systemd/timers"
SOCKET = "web.sock"
# nginx's pooled connections leave the old release within keepalive_time + keepalive_timeout (1 s each).
DRAIN = 2.5
# How far what begins, and what ends, stands back. With more, a busy host would not start a release in time.
NICE_START, NICE_END = 5, 19
# What systemd says when a main process has not ended well.
EXITED = "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15"
# How often supervisord is asked whether a process has ended; it looks when it is asked, or else once a second.
POLL = 0.05
# How long the host waits for the controller to go on before it completes or returns a switch by itself.
DEAD_MAN = 90
# How long nginx may take at boot.
BOOT = 60
LEASE = 1800
# A worker's traceback is followed by those of gunicorn's own processes.
LOG_LINES = 40


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

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class EngineError(Exception):
    """One sentence for the user, with the last log lines behind it where there are any."""


class HostStops(EngineError):
    """What ends now says nothing about a release."""

    def __init__(self, release: str):
        super().__init__(f"the host shuts down in the middle of the switch to {release}: it completes it, or returns from it, when it is up again.")


def now() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def write_file(path: str, text: str, mode: int = 0o640, group: int = -1) -> None:
    """Atomic and durable, owned by root; the directory must be root's. One name, so that a kill leaves nothing that piles up."""
    name = f"{os.path.dirname(path)}/.pyweb-{os.path.basename(path)}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchown(handle, -1, group)
            os.fchmod(handle, mode)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.rename(name, path)
        sync_directory(os.path.dirname(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def sync_directory(path: str) -> None:
    """What was renamed, made or removed in this directory is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_systems(paths: t.Iterable[str]) -> None:
    """Everything written below these paths is on the disk when this returns: one syncfs(2) for each file system that they lie on.

    A build writes thousands of files; to sync each of them takes many times longer. Raises OSError where the disk has failed.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    synced = set()
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            device = os.fstat(handle).st_dev
            if device not in synced and libc.syncfs(handle) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
            synced.add(device)
        finally:
            os.close(handle)


def said(error: Exception) -> str:
    """What a person can do about it, for the one error of the system that is likely."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{f' ({error.filename})' if error.filename else ''}: free some space and deploy again."
    return str(error)


def read_json(path: str, default: t.Any = None) -> t.Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def read_text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def may_hurry() -> bool:
    """Root may make a process as urgent again as it was, but not that of every container."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, own - 1)
    except OSError:
        return False
    os.setpriority(os.PRIO_PROCESS, 0, own)
    return True


def host_is(state: str) -> bool:
    """C(starting) until all that belongs to the boot has started, C(stopping) as soon as a shutdown has begun."""
    return run(["systemctl", "is-system-running"]).stdout.strip() == state


def run(argv: list[str], timeout: float | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, check=False)


class App:
    """Where everything of one application lies, and what state it is in."""

    def __init__(self, name: str, dead_man: bool = False):
        if not NAME.fullmatch(name) or len(name) > 26:
            raise EngineError(f"name is {name!r}: a to z, 0 to 9 and single - between them are accepted, 26 characters at the most.")
        self.name = name
        self.dead_man = dead_man
        # The host itself ends a switch: its controller is gone.
        self.alone = dead_man
        self.lock_handle: int | None = None
        self.path = f"/srv/{name}"
        self.releases_path = f"{self.path}/releases"
        self.current = f"{self.path}/current"
        self.shared = f"{self.path}/shared"
        self.build_path = f"{self.path}/build"
        self.state_path = f"/var/lib/pyweb/{name}"
        self.config_path = f"/etc/pyweb/{name}"
        self.run_path = f"{RUN}/{name}"
        self.switch_path = f"{self.state_path}/switch.json"
        self.history_path = f"{self.state_path}/history.jsonl"
        self.lease_path = f"{self.state_path}/lease.json"
        self.key_path = "/var/lib/pyweb/key"
        self.settle_unit = f"pyweb.{name}.settle"

    @property
    def exists(self) -> bool:
        return os.path.isdir(self.state_path)

    def release_path(self, release: str) -> str:
        return f"{self.releases_path}/{release}"

    def meta_path(self, release: str) -> str:
        return f"{self.state_path}/releases/{release}"

    @property
    def gid(self) -> int:
        return grp.getgrnam(self.name).gr_gid

    # --- what is live -------------------------------------------------------------------------------------------------

    @property
    def live(self) -> str | None:
        try:
            target = os.readlink(self.current)
        except FileNotFoundError:
            return None
        except OSError:
            raise EngineError(f"{self.current} is not a symbolic link: move it away, this path belongs to the live release.") from None
        return os.path.basename(target.rstrip("/")) or None

    def set_live(self, release: str | None) -> None:
        """One atomic rename. Only for the way back and for what the host completes by itself."""
        if release is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.current)
            return
        temporary = f"{self.current}.pyweb-return"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(self.release_path(release), temporary)
        os.rename(temporary, self.current)
        sync_directory(self.path)

    # --- manifests and history ----------------------------------------------------------------------------------------

    def manifest(self, release: str) -> dict:
        return read_json(f"{self.meta_path(release)}/manifest.json", {})

    def manifests(self) -> dict[str, dict]:
        try:
            names = sorted(os.listdir(f"{self.state_path}/releases"))
        except FileNotFoundError:
            return {}
        manifests = {name: self.manifest(name) for name in names if not name.startswith(".")}
        for name, manifest in manifests.items():
            # Neither a deploy nor a rollback goes to a release whose files somebody removed.
            if manifest.get("state") in ("built", "active", "superseded") and not os.path.isdir(self.release_path(name)):
                manifest["state"] = "gone"
        return manifests

    def update_manifest(self, release: str, /, **values: t.Any) -> dict:
        manifest = {**self.manifest(release), **values}
        os.makedirs(self.meta_path(release), mode=0o750, exist_ok=True)
        os.chown(self.meta_path(release), 0, self.gid)
        write_file(f"{self.meta_path(release)}/manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n", group=self.gid)
        return manifest

    def history(self) -> list[dict]:
        try:
            with open(self.history_path, encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def record(self, action: str, switch: dict, why: str = "") -> None:
        """A switch that is settled a second time is recorded once."""
        known = {key: value for key, value in switch.items() if key != "token"}
        entry = {**known, "time": now(), "action": action, **({"why": why} if why else {})}
        if action == "return":
            entry["release"], entry["from"] = switch["from"], switch["release"]
        last = (self.history() or [{}])[-1]
        if all(last.get(key) == entry[key] for key in ("since", "action", "release", "from")):
            return
        # As a whole: a line that a full disk cut short would make all that come after it unreadable.
        write_file(self.history_path, "".join(json.dumps(item) + "\n" for item in [*self.history(), entry]), group=self.gid)

    # --- secrets --------------------------------------------------------------------------------------------------------

    def secrets_digest(self, secrets: str) -> str | None:
        """Keyed by a secret of this host, so that the manifest tells nobody what the secrets are."""
        try:
            with open(self.key_path, "rb") as file:
                key = file.read()
        except FileNotFoundError:
            return None
        return hmac.new(key, secrets.encode(), "sha256").hexdigest()

    def write_secrets(self, secrets: str) -> str:
        if self.secrets_digest(secrets) is None:
            write_file(self.key_path, os.urandom(32).hex(), 0o600)
        write_file(f"{self.config_path}/secrets", secrets, group=self.gid)
        return self.secrets_digest(secrets) or ""

    def mask(self, text: str) -> str:
        """An application may print its secrets when it fails."""
        try:
            with open(f"{self.config_path}/secrets", encoding="utf-8") as file:
                values = [pair.split("=", 1)[1] for pair in file.read().split("\0") if pair]
        except FileNotFoundError:
            return text
        # Line by line too: a log, a shell or a traceback writes line breaks in its own way.
        parts = {part for value in values for part in (value, *map(str.strip, value.splitlines()))}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= 6:
                text = text.replace(part, "********")
        return text

    # --- one deploy at a time -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, lease: dict | None, wait: float = 5.0) -> t.Iterator[None]:
        """Held by this process (flock) while it works; between the steps of a deploy the lease says whose turn it is."""
        handle = os.open(f"{self.state_path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            until = time.monotonic() + wait
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise EngineError(f"{self.name}: another step still runs on this host{self._holder()}; wait until it is done.") from None
                    time.sleep(0.1)
            if lease:
                self.take_lease(lease)
            self.lock_handle = handle
            yield
        finally:
            self.lock_handle = None
            os.close(handle)

    def _holder(self) -> str:
        held = read_json(self.lease_path)
        return f", started by {held['by']} at {held['since']}" if held else ""

    def take_lease(self, lease: dict) -> None:
        held = read_json(self.lease_path)
        if held and held["token"] not in (lease["token"], lease.get("takes_over")) and held["until"] > time.time():
            minutes = max(1, round((held["until"] - time.time()) / 60))
            raise EngineError(
                f"{self.name}: {held['by']} has been deploying since {held['since']}; "
                f"wait for it to end, or for {minutes} minutes when that run has crashed; "
                f"ansible-playbook pyweb.stack.unlock -e app={self.name} releases its deploy lock at once."
            )
        since = held["since"] if held and held["token"] == lease["token"] else now()
        try:
            write_file(self.lease_path, json.dumps({**lease, "since": since, "until": time.time() + LEASE}))
        except OSError:
            # On a full disk, whoever's turn it is already may at least end what was begun.
            if not held or held["token"] != lease["token"]:
                raise

    def drop_lease(self, token: str | None) -> None:
        held = read_json(self.lease_path)
        if held and (token is None or held["token"] == token):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.lease_path)

    # --- processes of a release ---------------------------------------------------------------------------------------

    def processes(self, release: str) -> dict[str, dict]:
        """Every instance: C(worker) with C(count) 2 is worker and worker-2. What runs by the clock is not among them."""
        result = {}
        for name, process in self.manifest(release).get("runtime", {}).get("processes", {}).items():
            if process.get("schedule"):
                continue
            for number in range(1, (process.get("count") or 1) + 1):
                result[name if number == 1 else f"{name}-{number}"] = process
        return result

    def manager(self, release: str) -> t.Any:
        """The one that the release was made for: the release before it may run under another."""
        return MANAGERS[self.manifest(release).get("runtime", {}).get("manager") or "systemd"](self)

    def running(self) -> set[str]:
        """Releases that have a process which is not at rest, under any manager."""
        return set().union(*(manager(self).running() for manager in MANAGERS.values()))

    def active(self, release: str) -> bool:
        """All processes of the release are up. One that has none here, such as files alone, is never down."""
        instances = list(self.processes(release))
        if not instances:
            return bool(self.manifest(release).get("runtime"))
        return self.manager(release).active(release, instances)

    def start(self, release: str, processes: list[str]) -> None:
        if not processes:
            return
        self.prepare(release)
        fault = self.manager(release).start(release, processes)
        if fault:
            raise EngineError(f"release {release} does not start: {fault}{self.log(release, processes)}")

    def stop(self, release: str, processes: list[str] | None = None, at_once: bool = False, wait: bool = True) -> None:
        """C(at_once) is for a release that has never served anybody: nothing is worth waiting for. Without C(wait), it only begins to stop."""
        manager = self.manager(release)
        instances = [name for name in (self.processes(release) if processes is None else processes) if manager.defined(release, name)]
        if instances:
            manager.stop(release, instances, at_once, wait)
        if processes is None and wait:
            manager.retire(release, instances)
            shutil.rmtree(f"{self.run_path}/{release}", ignore_errors=True)

    def be_nice(self, release: str, value: int) -> None:
        """What begins and what ends stands back: interpreters that do so all at once would take all processors from visitors for a moment."""
        mark, changed = f"PYWEB_RELEASE={release}".encode(), True
        with contextlib.suppress(OSError, KeyError):
            uid = pwd.getpwnam(self.name).pw_uid
            # What a process starts meanwhile is as nice as that was.
            while changed:
                changed = False
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    with contextlib.suppress(OSError):
                        if os.stat(f"/proc/{pid}").st_uid != uid or os.getpriority(os.PRIO_PROCESS, int(pid)) == value:
                            continue
                        with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/cmdline", "rb") as line:
                            if mark in environ.read().split(b"\0") or release.encode() in line.read():
                                os.setpriority(os.PRIO_PROCESS, int(pid), value)
                                changed = True

    # --- scheduled jobs, by systemd's timers whoever manages the processes ------------------------------------------------

    def jobs(self, release: str | None) -> dict[str, dict]:
        processes = self.manifest(release).get("runtime", {}).get("processes", {}) if release else {}
        return {name: process for name, process in processes.items() if process.get("schedule")}

    def timers(self) -> dict[str, str]:
        """Those that are there: one for each job, whatever release it runs in, so that what was missed is known."""
        paths = sorted(glob.glob(f"{UNITS}/pyweb.{self.name}.*.schedule.timer"))
        return {os.path.basename(path).split(".")[2]: path for path in paths}

    def schedule(self, release: str | None) -> None:
        """Timers of the jobs of this release, and of no other."""
        jobs, there = self.jobs(release), self.timers()
        if not jobs and not there:
            return
        manager = Systemd(self)
        texts = {name: TIMER.format(app=self.name, job=name, release=release, calendar=job["schedule"], unit=manager.unit(release, name))
                 for name, job in jobs.items()}
        wanted = {name: f"{UNITS}/pyweb.{self.name}.{name}.schedule.timer" for name in texts}
        same = [name for name in set(texts) & set(there) if read_text(there[name]) == texts[name]]
        other = [os.path.basename(path) for name, path in there.items() if name not in same]
        if other:
            run(["systemctl", "stop", *other])
        for name, path in there.items():
            if name not in texts:
                # What was missed since then must not begin at once when a job of this name comes back.
                for file in (path, f"{STAMPS}/stamp-{os.path.basename(path)}"):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(file)
        for name in sorted(set(texts) - set(same)):
            write_file(wanted[name], texts[name], 0o644)
        if len(same) < len(texts) or other:
            run(["systemctl", "daemon-reload"])
        if texts:
            self.prepare(release or "")
            started = run(["systemctl", "start", *(os.path.basename(path) for path in wanted.values())])
            if started.returncode != 0:
                raise EngineError(f"the timers of release {release} do not start: {started.stdout.strip()}")

    def pause(self, release: str | None) -> None:
        """No job begins any more; those that run have their time to finish."""
        timers = [os.path.basename(path) for path in self.timers().values()]
        if timers:
            run(["systemctl", "stop", *timers])
        manager, begun = Systemd(self), time.monotonic()
        for name, job in self.jobs(release).items():
            unit = manager.unit(release or "", name)
            while run(["systemctl", "is-active", unit]).stdout.strip() in ("activating", "reloading") and time.monotonic() - begun < job["stop_timeout"]:
                time.sleep(0.2)
            if manager.defined(release or "", name):
                run(["systemctl", "stop", unit])
                run(["systemctl", "reset-failed", unit])

    def check_schedules(self, release: str) -> None:
        """systemd knows best what it understands."""
        for name, job in self.jobs(release).items():
            checked = run(["systemd-analyze", "calendar", "--", job["schedule"]])
            if checked.returncode != 0:
                raise EngineError(f"schedule of {name} is {job['schedule']!r}, which systemd does not understand: systemd-analyze calendar shows why.")

    def log(self, release: str, processes: list[str], lines: int = LOG_LINES) -> str:
        logged, more = self.manager(release).log(release, processes, 2 * lines)
        # Python's marks below the lines of a traceback would push out what it is about.
        text = "\n".join([line for line in logged.splitlines() if not re.fullmatch(r"[ ~^]*\^[ ~^]*", line)][-lines:])
        return f"\nLast log lines ({more} shows more):\n{text}" if text else f"\nIt logged nothing ({more})."

    def write_launcher(self, release: str, revision: str, environment: str) -> None:
        """What processes, migrations and one-off commands of the release start through."""
        meta, path = self.meta_path(release), self.release_path(release)
        data = {
            "path": path, "files": [f"{meta}/environment", f"{self.config_path}/secrets"],
            "env": {
                "PATH": f"{path}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV": f"{path}/.venv",
                "HOME": self.shared, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
                "PYWEB_APP": self.name, "PYWEB_RELEASE": release, "PYWEB_REVISION": revision, "PYWEB_SHARED": self.shared,
            },
        }
        write_file(f"{meta}/environment", environment, group=self.gid)
        write_file(f"{meta}/launch.json", json.dumps(data, indent=1, sort_keys=True), group=self.gid)
        write_file(f"{meta}/launch", LAUNCHER, 0o750, self.gid)

    def prepare(self, release: str) -> None:
        """The socket's directory: the application's, and nginx may pass through it. Units are written once and never changed."""
        manifest = self.manifest(release)
        runtime = manifest.get("runtime")
        if not runtime:
            raise EngineError(f"release {release} has no processes on this host: deploy it first.")
        user = pwd.getpwnam(self.name)
        os.makedirs(self.run_path, mode=0o755, exist_ok=True)
        directory = f"{self.run_path}/{release}"
        os.makedirs(directory, mode=0o700, exist_ok=True)
        try:
            gid = grp.getgrnam(runtime["socket_group"]).gr_gid
            os.chown(directory, user.pw_uid, gid)
            os.chmod(directory, 0o710)
        except KeyError:
            os.chown(directory, user.pw_uid, user.pw_gid)
        meta = self.meta_path(release)
        # As its user: whatever shared/ holds, nothing outside is made.
        wanted = [f"{self.shared}/{path}" for process in runtime["processes"].values() for path in process.get("writable") or [] if path[0] not in "/."]
        if wanted:
            run(["/usr/sbin/runuser", "-u", self.name, "--", "/bin/mkdir", "-p", "--", *wanted])
        if not os.path.exists(f"{meta}/commands.json"):
            commands = {
                name: {"argv": command(self, release, process, runtime.get("applications") or 1), **listening(name, process, f"{directory}/{SOCKET}")}
                for name, process in runtime["processes"].items()
            }
            for process in runtime["processes"].values():
                settings = gunicorn_settings(self, release, process, runtime.get("applications") or 1)
                if settings:
                    write_file(f"{meta}/gunicorn.conf.py", settings, group=self.gid)
            write_file(f"{meta}/commands.json", json.dumps(commands, indent=1), group=self.gid)
        self.manager(release).write(release, self.processes(release))
        Systemd(self).write(release, self.jobs(release))

    # --- is it well? --------------------------------------------------------------------------------------------------

    def preflight(self, release: str) -> None:
        """Does the application import? uvicorn starts workers that do not again and again, and would hide it until the gate's end."""
        web = self.manifest(release).get("runtime", {}).get("processes", {}).get("web") or {}
        if web.get("server") != "uvicorn":
            return
        user = pwd.getpwnam(self.name)
        argv = ["/usr/bin/nice", "-n", str(NICE_START), "/usr/bin/python3", "-IS", f"{self.meta_path(release)}/launch", "-",
                f"{self.release_path(release)}/.venv/bin/python", "-c", PREFLIGHT,
                web["asgi"].split(":")[0]]
        try:
            done = subprocess.run(argv, user=user.pw_uid, group=user.pw_gid, extra_groups=os.getgrouplist(self.name, user.pw_gid), umask=0o027,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  env={"PATH": "/usr/bin:/bin"}, timeout=web["health"]["timeout"], check=False)
        except subprocess.TimeoutExpired:
            raise EngineError(f"release {release} is not healthy: importing {web['asgi']} takes longer than {web['health']['timeout']} s.") from None
        if done.returncode != 0:
            tail = "\n".join(done.stdout.strip().splitlines()[-LOG_LINES:])
            raise EngineError(f"release {release} is not healthy: {web['asgi']} cannot be imported (exit status {done.returncode}).\n{tail}")

    def gate(self, release: str) -> None:
        """Return when the new web process answers on its own socket as it should; otherwise say why not."""
        runtime = self.manifest(release)["runtime"]
        web = runtime["processes"].get("web")
        if not web:
            return
        path, health = f"{self.run_path}/{release}/{SOCKET}", web["health"]
        host = health.get("host") or (runtime.get("site") or {}).get("domain", "localhost")
        begun, manager, wanted, good = time.monotonic(), self.manager(release), health.get("successes") or 1, 0
        fault = f"nothing listens on its socket after {health['timeout']} s"
        while time.monotonic() - begun < health["timeout"]:
            answer = None
            try:
                answer = ask_socket(path, host, health["path"], min(10.0, health["timeout"]))
            except TimeoutError:
                fault = f"GET {health['path']} gets no answer"
            except OSError:
                pass
            how = manager.ended(release, "web")
            if how:
                fault = f"its web process ended by itself ({how})"
                break
            if answer is None:
                good = 0
                time.sleep(0.02)
                continue
            how = unwell(health, *answer)
            if not how:
                good += 1
                if good == wanted:
                    return
                fault = f"GET {health['path']} is answered well {good} times in a row and not {wanted}"
                time.sleep(0.25)
                continue
            good, fault = 0, f"GET {health['path']} {how}"
            # Not ready yet, as one says that loads a model or fills a cache: the timeout alone decides.
            time.sleep(0.25)
        raise EngineError(f"release {release} is not healthy: {fault}.{self.log(release, ['web'])}")

    def answers(self, release: str) -> bool:
        """Does the release's web process answer at all, whatever it says? One that has none here is never silent. Asked once."""
        web = self.manifest(release).get("runtime", {}).get("processes", {}).get("web")
        if not web:
            return True
        try:
            ask_socket(f"{self.run_path}/{release}/{SOCKET}", web["health"].get("host") or "localhost", web["health"]["path"],
                       min(10.0, web["health"]["timeout"]))
        except OSError:
            return False
        return True

    def steady(self, release: str, processes: list[str], seconds: float = 2.0) -> None:
        """Processes without a socket are well when they stay up for a moment."""
        if not processes:
            return
        time.sleep(seconds)
        for process in processes:
            how = self.manager(release).ended(release, process)
            if how:
                raise EngineError(f"release {release} is not healthy: its process {process} ended by itself ({how}).{self.log(release, [process])}")

    def verify(self, release: str) -> None:
        """The way a visitor comes: through nginx, with TLS."""
        runtime = self.manifest(release)["runtime"]
        web, site = runtime["processes"].get("web"), runtime.get("site")
        if not site or not (web or site.get("files")):
            return
        path, fault, begun, tries = web["health"]["path"] if web else "/", "", time.monotonic(), 3
        while tries:
            tries -= 1
            try:
                status, text = ask_site(site["domain"], site.get("port", 443), path)
                fault = unwell(web["health"], status, text) if web else f"answers {status}" if status >= 400 else ""
                if not fault:
                    return
            except OSError as error:
                fault = f"fails ({error})"
            time.sleep(0.3)
            # At boot, nginx may come after the application.
            if not tries and time.monotonic() < begun + BOOT and host_is("starting"):
                tries = 1
        if not web:
            raise EngineError(f"release {release} is not healthy: https://{site['domain']}{path} through nginx {fault}.")
        raise EngineError(f"release {release} is well on its own socket, but https://{site['domain']}{path} through nginx {fault}.{self.log(release, ['web'])}")

    # --- activation ---------------------------------------------------------------------------------------------------

    def split(self, release: str) -> tuple[list[str], list[str], list[str]]:
        """Names of web, ordinary and single processes of a release."""
        web, ordinary, single = [], [], []
        for name, process in self.processes(release).items():
            (web if name == "web" else single if process.get("singleton") else ordinary).append(name)
        return web, ordinary, single

    def begin_switch(self, release: str, action: str, by: str, token: str | None = None) -> None:
        """Start the release beside the live one and prove it. Everything up to the switch itself."""
        pending = os.path.exists(self.switch_path)
        self.recover()
        previous = self.live
        if pending and previous == release and self.manifest(release).get("state") == "active" and self.active(release):
            # What a controller that died has begun is complete now, or returned from: there is nothing left to do.
            return
        web, ordinary, single = self.split(release)
        dummy, old_ordinary, old_single = self.split(previous) if previous and previous != release else ([], [], [])
        switch = {"release": release, "from": previous, "action": action, "by": by, "since": now(), "token": token}
        write_file(self.switch_path, json.dumps(switch))
        patience = sum(process["stop_timeout"] + (process.get("health") or {}).get("timeout", 0) + 10
                       for item in sorted({release, previous or release}) for process in [*self.processes(item).values(), *self.jobs(item).values()])
        try:
            self.arm(patience + DEAD_MAN)
            self.check_schedules(release)
            self.preflight(release)
            self.start(release, web)
            if may_hurry():
                self.be_nice(release, NICE_START)
            self.gate(release)
            # New workers may queue what old ones do not know, so these take nothing more; what they have begun they finish.
            if old_ordinary:
                self.stop(previous, old_ordinary, wait=False)
            self.start(release, ordinary)
            self.steady(release, ordinary)
            self.pause(previous)
            if old_single:
                self.stop(previous, old_single)
            self.start(release, single)
            self.steady(release, single)
            if old_ordinary:
                self.stop(previous, old_ordinary)
            # Before anybody is led there: a power cut must not leave files without content in the live release.
            sync_file_systems([self.release_path(release), self.build_path, self.state_path, self.config_path, UNITS])
        except BaseException as error:
            self._fail(switch, error)
            raise
        self.be_nice(release, 0)
        self.arm(DEAD_MAN)

    def recover(self) -> None:
        """A switch that nobody ended: complete it or return from it, before anything else begins."""
        try:
            self.settle()
        except HostStops:
            raise
        except EngineError:
            pass

    def _fail(self, switch: dict, error: BaseException, blame: bool = True) -> None:
        """Return, but not from what only ends because the host does: all is left as it is for the boot."""
        if host_is("stopping"):
            raise HostStops(switch["release"]) from error
        self._undo(switch, error, blame)

    def _undo(self, switch: dict, error: BaseException, blame: bool = True) -> None:
        """Back to the release that was live; nothing a visitor sees has changed, or it changes back now.

        Without C(blame) the release has no part in the fault: one that has served before stays what it was, so that a rollback may go there.
        """
        release, previous = switch["release"], switch["from"]
        why = said(error).split("\n", 1)[0]
        # The live release that only had to be started again stays what it is.
        if release != previous:
            served = self.live == release
            dummy, ordinary, single = self.split(release)
            web, old_ordinary, old_single = self.split(previous) if previous else ([], [], [])
            if served:
                # Where even the old one does not start, systemd goes on trying; the fault to report is the new one's.
                with contextlib.suppress(EngineError):
                    self.start(previous or "", web)
                self.set_live(previous)
                # Where even this cannot be written, on a full disk, the way back goes on.
                with contextlib.suppress(OSError):
                    self.record("return", switch, why)
            returned = time.monotonic()
            # There are never two of a singleton. New workers may have taken tasks, which they finish.
            self.stop(release, ordinary, wait=False)
            self.stop(release, single)
            with contextlib.suppress(EngineError):
                self.start(previous or "", [*web, *old_ordinary, *old_single])
            with contextlib.suppress(EngineError, OSError):
                self.schedule(previous)
            self.stop(release, ordinary)
            if served and previous:
                time.sleep(max(0.0, returned + DRAIN - time.monotonic()))
            self.stop(release, at_once=not served)
            served_before = self.manifest(release).get("state") in ("superseded", "bad")
            if blame or not served_before:
                with contextlib.suppress(OSError):
                    self.update_manifest(release, state="bad" if served_before else "failed", error=why, ended=now())
        else:
            with contextlib.suppress(EngineError):
                self.start(release, list(self.processes(release)))
                self.schedule(release)
            self.be_nice(release, 0)
        self.end_switch(switch)

    def end_switch(self, switch: dict) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.switch_path)
        if self.alone and switch.get("token"):
            # Its controller is gone: nobody has to wait for it any longer.
            self.drop_lease(switch["token"])
        self.disarm()

    def settle(self, watch: float = 0.0, meanwhile: t.Callable[[], t.Any] | None = None) -> dict:
        """Complete the switch that is under way, or return from it. Every step may be repeated.

        C(meanwhile) is called while the old release finishes what it has begun.
        """
        switch = read_json(self.switch_path)
        if not switch:
            return {"release": self.live, "completed": False}
        release, previous = switch["release"], switch["from"]
        if self.live != release:
            error = EngineError(f"the switch to {release} never happened: the controller went away before it.")
            self._fail(switch, error, blame=False)
            raise error
        begun = time.monotonic()
        try:
            # What is written from here on says that it is live.
            sync_directory(self.path)
            self.verify(release)
            # Without a site there is no nginx whose connections have to leave the old release first; files need no connections.
            runtime = self.manifest(release)["runtime"]
            wait = max(DRAIN if runtime.get("site") or (runtime["processes"].get("web") or {}).get("address") else 0.0, watch)
            if not self.processes(release) and not self.processes(previous or release):
                wait = 0.0
            while True:
                left = begun + wait - time.monotonic()
                for process in self.processes(release):
                    how = self.manager(release).ended(release, process)
                    if how:
                        raise EngineError(f"release {release} ended by itself after the switch: its process {process} ({how}).{self.log(release, [process])}")
                if left <= 0:
                    break
                time.sleep(min(1.0, left))
                # The shutdown waits for this.
                if host_is("stopping"):
                    raise HostStops(release)
            if wait > DRAIN:
                self.verify(release)
            # As long as both run: where it cannot be written, on a full disk, the old one is there to return to.
            self.update_manifest(release, state="active", activated=now(), error=None)
            self.record(switch["action"], switch)
            if previous and previous != release:
                self.update_manifest(previous, state="bad" if switch["action"] == "rollback" else "superseded", ended=now())
            self.schedule(release)
        except Exception as error:
            self._fail(switch, error)
            raise
        leaving = previous if previous != release else None
        if leaving:
            self.be_nice(leaving, NICE_END)
            self.stop(leaving, wait=False)
        try:
            if meanwhile:
                meanwhile()
        finally:
            if leaving:
                self.stop(leaving)
            self.end_switch(switch)
        return {"release": release, "completed": True}

    def arm(self, seconds: float) -> None:
        """Dead man's switch: the host itself ends what the controller does not."""
        self.disarm()
        armed = run(["systemd-run", "--quiet", "--collect", f"--unit={self.settle_unit}", f"--on-active={seconds:.0f}",
                     "--timer-property=AccuracySec=1s", "/usr/bin/python3", "-I", ENGINE, "settle", self.name])
        if armed.returncode != 0:
            raise EngineError(f"systemd-run refused the timer that guards the switch: {armed.stdout.strip()}")

    def disarm(self) -> None:
        # The dead man's own service is the very process that runs this: only its timer ends.
        units = [f"{self.settle_unit}.timer"] + ([] if self.dead_man else [f"{self.settle_unit}.service"])
        units = [unit for unit in units if os.path.exists(f"/run/systemd/transient/{unit}")]
        if units:
            run(["systemctl", "stop", *units])

    def boot(self) -> None:
        """Start exactly what C(current) names. A switch that the machine's end cut short is settled first."""
        switch = read_json(self.switch_path)
        live = self.live
        if live:
            try:
                self.start(live, list(self.processes(live)))
                self.schedule(live)
                if switch and live == switch["release"]:
                    self.gate(live)
            except EngineError as error:
                if not switch or live != switch["release"]:
                    raise
                self._undo(switch, error)
                return
        if switch:
            with contextlib.suppress(EngineError):
                self.settle()


class Systemd:
    """Each instance of a release is a unit: written once for it, never enabled."""

    def __init__(self, app: App):
        self.app = app

    def unit(self, release: str, instance: str) -> str:
        return f"pyweb.{self.app.name}.{instance}.{release}.service"

    def path(self, release: str, instance: str) -> str:
        return f"{UNITS}/{self.unit(release, instance)}"

    def defined(self, release: str, instance: str) -> bool:
        return os.path.exists(self.path(release, instance))

    def write(self, release: str, instances: dict[str, dict]) -> None:
        for instance, process in instances.items():
            if not self.defined(release, instance):
                write_file(self.path(release, instance), unit_text(self.app, release, instance, process), 0o644)

    def remove(self, release: str, instances: t.Iterable[str]) -> None:
        for instance in instances:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(release, instance))

    def retire(self, release: str, instances: t.Iterable[str]) -> None:
        """After the whole release was stopped. Its units stay: nobody starts them by mistake."""

    def reload(self) -> None:
        """After instances were removed. systemd has forgotten a unit that is at rest."""

    def start(self, release: str, instances: list[str]) -> str:
        """What keeps them from starting; nothing when they did."""
        units = [self.unit(release, instance) for instance in instances]
        run(["systemctl", "reset-failed", *units])
        started = run(["systemctl", "start", *units])
        if started.returncode == 5:
            # It finds new units by itself, unless the clock went back since it looked. A reload takes longer than the start.
            run(["systemctl", "daemon-reload"])
            started = run(["systemctl", "start", *units])
        return started.stdout.strip() if started.returncode != 0 else ""

    def stop(self, release: str, instances: list[str], at_once: bool, wait: bool) -> None:
        units = [self.unit(release, instance) for instance in instances]
        if not wait:
            run(["systemctl", "stop", "--no-block", *units])
            return
        if at_once:
            run(["systemctl", "kill", "--signal=SIGKILL", *units])
        run(["systemctl", "stop", *units])
        run(["systemctl", "reset-failed", *units])

    def running(self) -> set[str]:
        listed = run(["systemctl", "list-units", "--plain", "--no-legend", "--full", "--state=active,activating,deactivating,reloading",
                      f"pyweb.{self.app.name}.*.service"])
        found = set()
        for line in listed.stdout.splitlines():
            parts = line.split()[0].split(".")
            if len(parts) == 5 and parts[1] == self.app.name:
                found.add(parts[3])
        return found

    def active(self, release: str, instances: list[str]) -> bool:
        units = [self.unit(release, instance) for instance in instances]
        return all(state == "active" for state in run(["systemctl", "is-active", *units]).stdout.split())

    def ended(self, release: str, instance: str) -> str:
        """How the process ended, if it did by itself since it was started; nothing as long as it is up."""
        shown = run(["systemctl", "show", "-p", "ActiveState,SubState,NRestarts,Result,ExecMainStatus", self.unit(release, instance)])
        state = {"ActiveState": "", "SubState": "", "NRestarts": "0", "Result": "", "ExecMainStatus": ""}
        state.update(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
        if state["NRestarts"] != "0" or state["ActiveState"] in ("failed", "inactive") or state["SubState"] == "auto-restart":
            if state["Result"] != "success":
                return f"{state['Result']}, exit status {state['ExecMainStatus']}"
            # It runs again, and only the journal knows how the one before ended.
            logged = run(["journalctl", "-q", "--no-pager", "-o", "cat", "-n", "1", EXITED, f"UNIT={self.unit(release, instance)}"]).stdout
            found = re.search(r"code=(\w+), status=(\d+)/(\w+)", logged)
            return f"terminated by SIG{found[3]}" if found and found[1] != "exited" else f"exit status {found[2] if found else 0}"
        return ""

    def log(self, release: str, instances: list[str], lines: int) -> tuple[str, str]:
        """The last lines, and the command that shows more."""
        units = [f"_SYSTEMD_UNIT={self.unit(release, instance)}" for instance in instances]
        logged = run(["journalctl", "-q", "--no-pager", "-o", "cat", "-n", str(lines), *units]).stdout.strip()
        return logged, f"journalctl -u {self.unit(release, instances[0])}"


class Refused(EngineError):
    """What supervisord said, such as C(NOT_RUNNING: name)."""


def ask_supervisor(method: str, *arguments: t.Any) -> t.Any:
    """What supervisorctl asks too, with answers that need no reading and without starting a Python for each question."""
    import xmlrpc.client
    from http.client import HTTPConnection, HTTPException

    class Transport(xmlrpc.client.Transport):
        def make_connection(self, host: t.Any) -> HTTPConnection:
            connection = HTTPConnection("localhost", timeout=60)
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(60)
            connection.sock.connect(SUPERVISOR_SOCKET)
            return connection

    try:
        return getattr(xmlrpc.client.ServerProxy("http://localhost", transport=Transport()).supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        raise Refused(fault.faultString) from None
    except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
        raise EngineError(f"supervisord does not answer on {SUPERVISOR_SOCKET} ({error}): systemctl status supervisor says why.") from None


class Supervisor:
    """Each instance of a release is a program of its own: added for it, started by us alone, and removed with it."""

    UP, ENDING = ("STARTING", "RUNNING"), ("STARTING", "RUNNING", "BACKOFF", "STOPPING")

    def __init__(self, app: App):
        self.app = app

    def program(self, release: str, instance: str) -> str:
        return f"pyweb.{self.app.name}.{instance}.{release}"

    def path(self, release: str, instance: str) -> str:
        return f"{PROGRAMS}/{self.program(release, instance)}.conf"

    def log_path(self, release: str, instance: str) -> str:
        return f"{LOGS}/{self.app.name}/{instance}.{release}.log"

    def pids_path(self, release: str) -> str:
        return f"{self.app.run_path}/.{release}.json"

    def defined(self, release: str, instance: str) -> bool:
        return os.path.exists(self.path(release, instance))

    def make_logs(self) -> None:
        logs = f"{LOGS}/{self.app.name}"
        os.makedirs(LOGS, mode=0o755, exist_ok=True)
        os.makedirs(logs, mode=0o750, exist_ok=True)
        os.chown(logs, 0, self.app.gid)
        os.chmod(logs, 0o750)

    def write(self, release: str, instances: dict[str, dict]) -> None:
        if not os.path.isdir(PROGRAMS):
            raise EngineError("supervisor is not installed on this host: ansible-playbook pyweb.stack.site installs it.")
        self.make_logs()
        enter = f"{self.app.meta_path(release)}/enter"
        if not os.path.exists(enter):
            write_file(enter, enter_text(self.app, release), 0o700)
        for instance, process in instances.items():
            if not self.defined(release, instance):
                kept = f"{self.app.meta_path(release)}/{instance}.conf"
                if not os.path.exists(kept):
                    write_file(kept, program_text(self, release, instance, process))
                write_file(self.path(release, instance), read_text(kept), 0o644)

    def retire(self, release: str, instances: t.Iterable[str]) -> None:
        """supervisor knows only of what runs: C(supervisorctl start all) must not start releases of last week."""
        for instance in instances:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(release, instance))
            # supervisord may be down, or it has never heard of it.
            with contextlib.suppress(EngineError):
                ask_supervisor("removeProcessGroup", self.program(release, instance))

    def remove(self, release: str, instances: t.Iterable[str]) -> None:
        instances = list(instances)
        self.retire(release, instances)
        for instance in instances:
            for number in ("", *(f".{count}" for count in range(1, LOG_BACKUPS + 1))):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.log_path(release, instance) + number)

    def reload(self) -> None:
        """supervisord reads no file unless it is told of a new one: what it does not know, it cannot restart."""

    def patience(self, release: str) -> float:
        return max([process["stop_timeout"] for process in self.app.processes(release).values()], default=0) + 30.0

    def states(self) -> dict[str, str]:
        return {info["name"]: info["statename"] for info in ask_supervisor("getAllProcessInfo")}

    def start(self, release: str, instances: list[str]) -> str:
        """What keeps them from starting; nothing when they did."""
        try:
            self._wait(10.0)
            programs = {self.program(release, instance): instance for instance in instances}
            states = self.states()
            missing = [program for program in programs if program not in states]
            if missing:
                ask_supervisor("reloadConfig")
                for program in missing:
                    ask_supervisor("addProcessGroup", program)
            # One that is to start again some time starts now, and counts as new.
            ending = [program for program in programs if states.get(program) in ("BACKOFF", "STOPPING")]
            if ending:
                self._rest(ending, self.patience(release))
            started = {}
            for program, instance in programs.items():
                if states.get(program) not in self.UP:
                    ask_supervisor("startProcess", program, False)
                    started[instance] = ask_supervisor("getProcessInfo", program)["pid"]
        except EngineError as error:
            return str(error)
        if started:
            # supervisord does not count how often it starts a process again.
            write_file(self.pids_path(release), json.dumps({**read_json(self.pids_path(release), {}), **started}))
        uid, end = pwd.getpwnam(self.app.name).pw_uid, time.monotonic() + 30.0
        while not all(became(pid, uid) for pid in started.values()) and time.monotonic() < end:
            time.sleep(0.02)
        return ""

    def stop(self, release: str, instances: list[str], at_once: bool, wait: bool) -> None:
        programs = [self.program(release, instance) for instance in instances]
        # Where supervisord is down, there is nothing that it could stop.
        with contextlib.suppress(EngineError):
            self._rest(programs, self.patience(release) if wait else 0.0, at_once)
        if not wait:
            return
        for program in programs:
            end_cgroup(f"{SUPERVISOR_CGROUP}/{program}")
        for instance in instances:
            shutil.rmtree(f"{self.app.meta_path(release)}/private/{instance}", ignore_errors=True)
        if set(instances) >= set(self.app.processes(release)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.pids_path(release))

    def _wait(self, seconds: float) -> None:
        """Until supervisord, which may just be starting, answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                if ask_supervisor("getState")["statename"] == "RUNNING":
                    return
                fault = EngineError("supervisord is about to end: systemctl status supervisor says why.")
            except EngineError as error:
                fault = error
            if time.monotonic() > end:
                raise fault
            time.sleep(0.1)

    def _rest(self, programs: list[str], patience: float, at_once: bool = False) -> None:
        """Stop them side by side. TERM goes to the main process alone; KILL, when its time is over, to all."""
        states = self.states()
        for program in programs:
            with contextlib.suppress(Refused):
                if states.get(program) in ("STARTING", "RUNNING", "BACKOFF"):
                    ask_supervisor("stopProcess", program, False)
                if at_once and states.get(program) in self.ENDING:
                    ask_supervisor("signalProcess", program, "KILL")
        end = time.monotonic() + patience
        while patience and time.monotonic() < end:
            states = self.states()
            if not any(states.get(program) in self.ENDING for program in programs):
                return
            time.sleep(POLL)

    def running(self) -> set[str]:
        prefix = f"pyweb.{self.app.name}."
        try:
            if not any(name.startswith(prefix) for name in os.listdir(PROGRAMS)):
                return set()
            states = self.states()
        except (FileNotFoundError, EngineError):
            return set()
        return {program.split(".")[3] for program, state in states.items()
                if program.startswith(prefix) and program.count(".") == 3 and state in self.ENDING}

    def active(self, release: str, instances: list[str]) -> bool:
        try:
            states = self.states()
        except EngineError:
            return False
        return all(states.get(self.program(release, instance)) in self.UP for instance in instances)

    def ended(self, release: str, instance: str) -> str:
        """How the process ended, if it did by itself since it was started; nothing as long as it is up."""
        program = self.program(release, instance)
        try:
            # Between two answers, supervisord looks whose end it has not noticed yet.
            ask_supervisor("getProcessInfo", program)
            info = ask_supervisor("getProcessInfo", program)
            if info["statename"] in self.UP and info["pid"] == read_json(self.pids_path(release), {}).get(instance, info["pid"]):
                return ""
            told = re.findall(rf"exited: {re.escape(program)} \(([^;)]*)", ask_supervisor("readLog", -16384, 0))
        except EngineError as error:
            return str(error).rstrip(".")
        return told[-1] if told else info["spawnerr"] or f"it is {info['statename'].lower()}"

    def log(self, release: str, instances: list[str], lines: int) -> tuple[str, str]:
        """The last lines, and the command that shows more."""
        logged = []
        for instance in instances:
            with contextlib.suppress(FileNotFoundError), open(self.log_path(release, instance), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
                logged += file.read().decode(errors="replace").splitlines()[-(lines // len(instances)):]
        return "\n".join(logged).strip(), f"tail -n 1000 {self.log_path(release, instances[0])}"


def became(pid: int, uid: int) -> bool:
    """It is confined and runs as its user, as when systemd says that a unit is active; or it has ended."""
    try:
        return os.stat(f"/proc/{pid}").st_uid == uid
    except FileNotFoundError:
        return True


def end_cgroup(path: str) -> None:
    """Whatever a process has left behind, in whatever session."""
    with contextlib.suppress(OSError):
        with open(f"{path}/cgroup.kill", "w", encoding="ascii") as file:
            file.write("1")
    for dummy in range(50):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)


MANAGERS = {"systemd": Systemd, "supervisor": Supervisor}


def unwell(health: dict, status: int, text: str) -> str:
    """What is wrong with the answer; nothing when it is as it should be."""
    if not (status in health["status"] if health.get("status") else status < 500):
        return f"answers {status}"
    return f"answers {status} without {health['body']!r}" if health.get("body") and health["body"] not in text else ""


def ask(connection: t.Any, host: str, path: str) -> tuple[int, str]:
    """The status of the answer, and its text. What is no answer is an OSError."""
    from http.client import HTTPException

    try:
        connection.request("GET", path, headers={
            "Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1",
            "User-Agent": "pyweb-health", "Connection": "close",
        })
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode(errors="replace")
    except HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from None
    finally:
        connection.close()


def ask_socket(path: str, host: str, url: str, timeout: float) -> tuple[int, str]:
    from http.client import HTTPConnection

    connection = HTTPConnection("localhost", timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout)
    connection.sock.connect(path)
    return ask(connection, host, url)


def ask_site(domain: str, port: int, url: str, timeout: float = 10.0) -> tuple[int, str]:
    """On this machine, whatever the domain's address is; the certificate may be self-signed."""
    import ssl
    from http.client import HTTPSConnection

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = HTTPSConnection(domain, port, timeout=timeout, context=context)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout), server_hostname=domain)
    return ask(connection, domain, url)


def listening(name: str, process: dict, path: str) -> dict[str, t.Any]:
    """How a process comes to the release's socket: the launcher makes it, or the server does, or what knows only PORT is led to it."""
    mine = bool(process["server"])
    makes = name == "web" and not mine and "{socket}" in process["command"]
    leads = name == "web" and not mine and not makes
    return {"socket": path if mine or leads else None, "opens": path if makes else None, "leads": leads}


def default_workers(applications: int = 1, limit_mb: int | None = None, memory_mb: int | None = None, cores: int | None = None) -> int:
    """This application's share of twice as many as there are cores and one more; 256 MB for each keep a small machine out of swap."""
    cores = cores or os.cpu_count() or 1
    if memory_mb is None:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    share = min(2 * cores + 1, memory_mb // 256) // max(applications, 1)
    return max(2, min(share, (limit_mb or memory_mb) // 256))


def gunicorn_file(place: str, options: list[str]) -> tuple[str | None, list[str]]:
    """gunicorn's own configuration that the source brings, or that options name; and the options without it."""
    rest, path, waiting = [], "gunicorn.conf.py", False
    for option in options:
        found = re.fullmatch(r"(?:--config=|-c=?)(.+)", option)
        if waiting or found:
            path, waiting = (found.group(1) if found and not waiting else option), False
        elif option in ("-c", "--config"):
            waiting = True
        else:
            rest.append(option)
    if path.startswith("python:"):
        return None, options
    path = os.path.normpath(os.path.join(place, path.removeprefix("file:")))
    return (path, rest) if os.path.exists(path) else (None, options)


# Bytes of a request line: the most that gunicorn can be told, and nearly nginx's 8 kB. Its own 4094 refuse long queries.
REQUEST_LINE = 8190

# Of each server, the oldest version that is tried; and from which version on it understands what we use of it.
OLDEST = {"gunicorn": (20, 0), "uvicorn": (0, 15)}
ASGI_WORKERS, CONTROL_SOCKET, GRACEFUL_SHUTDOWN = (24, 0), (25, 1), (0, 22)
NEWEST = (sys.maxsize,)


def server_version(place: str, name: str) -> tuple[int, ...]:
    """The version of a server in the environment of the release in C(place), such as (23, 0, 0); NEWEST where nothing tells."""
    for found in glob.glob(f"{glob.escape(place)}/.venv/lib/python*/site-packages/{name}-*.dist-info"):
        numbers = re.match(r"\d+(?:\.\d+)*", os.path.basename(found)[len(name) + 1:])
        if numbers:
            return tuple(map(int, numbers[0].split(".")))
    return NEWEST


def check_server(release: str, process: dict, version: tuple[int, ...]) -> None:
    """Refuse a server that cannot do what is asked of it, before anything starts."""
    server, shown = process["server"], ".".join(map(str, version))
    if version < OLDEST[server]:
        oldest = ".".join(map(str, OLDEST[server]))
        raise EngineError(f"release {release} has {server} {shown}: {oldest} or newer is needed; raise it in the application's requirements.")
    if server == "gunicorn" and process["kind"] == "asgi" and version < ASGI_WORKERS:
        raise EngineError(f"release {release} has gunicorn {shown}, which does not serve ASGI: raise it to {ASGI_WORKERS[0]} or newer "
                          "in the application's requirements, or set server: uvicorn.")


def command(app: App, release: str, process: dict, applications: int = 1) -> list[str]:
    """What the launcher executes, in the release's directory. Always python -m: scripts name the environment that made them."""
    place = app.release_path(release)
    python = f"{place}/.venv/bin/python"
    stop = process["stop_timeout"]
    if process["kind"] == "command":
        # bash replaces itself by the last command, so signals arrive, and "cd there && A=b command" is one too.
        return ["/bin/bash", "-c", process["command"].replace("{socket}", f"{app.run_path}/{release}/{SOCKET}")]
    version = server_version(place, process["server"])
    check_server(release, process, version)
    default = default_workers(applications, megabytes(process.get("memory")))
    most = process.get("max_requests")
    # Workers that begin together would otherwise end together.
    jitter = str(max(most // 10, 1)) if most else ""
    if process["server"] == "uvicorn":
        # Older versions do not know this option, and ignore a variable.
        limit = ["/usr/bin/env", f"UVICORN_LIMIT_MAX_REQUESTS_JITTER={jitter}"] if most else []
        return [*limit, python, "-m", "uvicorn", "--fd", "3", "--workers", str(process["workers"] or default), "--proxy-headers",
                "--forwarded-allow-ips", "*", *(["--header", "Connection:close"] if process.get("address") else ["--timeout-keep-alive", "5"]),
                *(["--timeout-graceful-shutdown", str(stop)] if version >= GRACEFUL_SHUTDOWN else []), "--no-server-header",
                "--no-access-log", *(["--limit-max-requests", str(most)] if most else []), *process["options"], process["asgi"]]
    worker_class = "asgi" if process["kind"] == "asgi" else process.get("worker_class")
    threads = process["threads"]
    file, options = gunicorn_file(place, process["options"])
    if file:
        # What nobody has told us, the file may; see gunicorn_settings().
        settings = {"--config": f"{app.meta_path(release)}/gunicorn.conf.py", "--workers": process["workers"], "--worker-class": worker_class,
                    "--threads": threads}
    else:
        worker_class = worker_class or "gthread"
        settings = {"--workers": process["workers"] or default, "--worker-class": worker_class,
                    "--threads": (threads or 4) if worker_class == "gthread" else None, "--timeout": 60,
                    "--limit-request-line": REQUEST_LINE}
        if worker_class == "asgi":
            settings["--config"] = f"{app.meta_path(release)}/gunicorn.conf.py"
    settings |= {"--max-requests": most, "--max-requests-jitter": jitter}
    return [python, "-m", "gunicorn", "--bind", "fd://3", *(str(item) for name, value in settings.items() if value for item in (name, value)),
            # What comes by an address keeps its connections for as long as it likes, and so would stay with the old release.
            "--keep-alive", "0" if process.get("address") else "5", "--graceful-timeout", str(stop), "--worker-tmp-dir", "/dev/shm",
            *(["--no-control-socket"] if version >= CONTROL_SOCKET else []), "--forwarded-allow-ips", "*", *options, process[process["kind"]]]


def gunicorn_settings(app: App, release: str, process: dict, applications: int = 1) -> str | None:
    """What gunicorn's command line cannot say, and what a file of the source's own may not; None when there is nothing of both."""
    if process.get("server") != "gunicorn":
        return None
    file = gunicorn_file(app.release_path(release), process["options"])[0]
    workers, place = default_workers(applications, megabytes(process.get("memory"))), app.release_path(release)
    text = GUNICORN.format(file=file, workers=workers, place=place, line=REQUEST_LINE) if file else ""
    if process["kind"] == "asgi":
        text += GUNICORN_ASGI
    return text or None


def megabytes(memory: str | None) -> int | None:
    """512M, 2G; see systemd.resource-control(5)."""
    found = re.fullmatch(r"(\d+)([KMGT])", memory or "")
    return int(found.group(1)) * 1024 ** "KMGT".index(found.group(2)) // 1024 if found else None


GUNICORN = """# Written once for this release.
workers, worker_class, timeout, limit_request_line = {workers}, "gthread", 60, {line}
__file__ = {file!r}
with open(__file__, "rb") as _file:
    exec(compile(_file.read(), __file__, "exec"))
if worker_class == "gthread":
    globals().setdefault("threads", 4)
# A release has one socket, one user and one directory, and does not change.
daemon = reload = check_config = print_config = False
pidfile = user = group = None
umask, chdir = 0, {place!r}
"""

# uvicorn does this by itself. 1012 is "service restart": whoever is told comes back at once.
GUNICORN_ASGI = """# Written once for this release.
_post_worker_init = globals().get("post_worker_init")


def post_worker_init(worker):
    # gunicorn would wait for WebSockets as long as it may, and then cut them off.
    if hasattr(worker, "asgi"):
        import asyncio
        app, sockets = worker.asgi, set()

        async def asgi(scope, receive, send):
            if scope["type"] != "websocket":
                return await app(scope, receive, send)
            sockets.add(send)
            try:
                await app(scope, receive, send)
            finally:
                sockets.discard(send)

        async def close():
            while worker.alive:
                await asyncio.sleep(0.5)
            await asyncio.gather(*(send({"type": "websocket.close", "code": 1012}) for send in sockets), return_exceptions=True)

        worker.asgi = asgi
        worker.pyweb_close = worker.loop.create_task(close())
    if _post_worker_init:
        _post_worker_init(worker)
"""

# Reads what systemd and supervisor would quote in different ways, so that every value arrives byte for byte.
LAUNCHER = """#!/usr/bin/python3 -IS
import json, os, sys
with open(sys.argv[0] + ".json", "rb") as file:
    data = json.load(file)
env = dict(os.environ)
env.update(data["env"])
for path in data["files"]:
    try:
        with open(path, "rb") as file:
            pairs = file.read().split(b"\\0")
    except FileNotFoundError:
        continue
    env.update(os.fsdecode(pair).split("=", 1) for pair in pairs if pair)
os.chdir(data["path"])
argv = sys.argv[2:]
if argv:
    # Python ignores these, and what it becomes would too.
    import signal
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
else:
    with open(os.path.dirname(sys.argv[0]) + "/commands.json", "rb") as file:
        process = json.load(file)[sys.argv[1]]
    argv = process["argv"]
    if process["socket"]:
        # Bound here, so that the server needs no call that the sandbox refuses. Its directory says who may connect.
        import socket
        try:
            os.unlink(process["socket"])
        except FileNotFoundError:
            pass
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        umask = os.umask(0)
        listener.bind(process["socket"])
        os.umask(umask)
        listener.listen(2048)
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
    elif process.get("opens"):
        # The server makes it, some for themselves alone; its directory says who may connect. Whoever waits for it is nobody's child.
        import socket, time
        try:
            os.unlink(process["opens"])
        except FileNotFoundError:
            pass
        server, child = os.getpid(), os.fork()
        if child == 0:
            if os.fork() == 0:
                while True:
                    try:
                        os.kill(server, 0)
                        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(process["opens"])
                        os.chmod(process["opens"], 0o777)
                    except ProcessLookupError:
                        pass
                    except OSError:
                        time.sleep(0.1)
                        continue
                    break
            os._exit(0)
        os.waitpid(child, 0)
    if process.get("leads"):
        # The command knows only PORT: a loopback port of this start, and systemd's proxy leads to it from the socket.
        import signal
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        env["PORT"] = str(port)
        # gunicorn would take PORT on all addresses.
        env.setdefault("GUNICORN_CMD_ARGS", f"--bind=127.0.0.1:{port}")
        proxy = os.fork()
        if proxy == 0:
            leads = "/usr/lib/systemd/systemd-socket-proxyd"
            os.execve(leads, [leads, "--connections-max=16384", f"127.0.0.1:{port}"], {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
        os.close(3)
        server = os.fork()
        if server:
            # Requests under way keep their way until the server has ended.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
                signal.signal(number, lambda number, frame: os.kill(server, number))
            ended = 0
            while ended not in (proxy, server):
                ended, status = os.wait()
            try:
                os.kill(proxy if ended == server else server, signal.SIGTERM)
            except ProcessLookupError:
                pass
            if ended == server and os.WIFSIGNALED(status):
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
                os.kill(os.getpid(), os.WTERMSIG(status))
            sys.exit(os.WEXITSTATUS(status) if ended == server else 1)
try:
    os.execvpe(argv[0], argv, env)
except OSError as error:
    sys.stderr.write(argv[0] + ": " + error.strerror + "\\n")
    sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
"""

# Units of local databases, caches and brokers, as Debian and their makers name them: processes start after these and end before
# them, so that a worker that finishes its task at a shutdown still has its broker. A unit that a host lacks counts for nothing.
BACKING_SERVICES = ("postgresql.service mariadb.service mysql.service redis-server.service valkey-server.service memcached.service "
                    "rabbitmq-server.service mongod.service elasticsearch.service opensearch.service")

# Everything that served a GET and a POST into SQLite with gunicorn and uvicorn still worked under; writable is shared/ alone.
# Processes of a release have it, and its one-off commands.
SANDBOX = """\
User={user}
Group={user}
UMask=0027
WorkingDirectory={path}
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
DevicePolicy=closed
"""

UNIT = """# Written once for this release; the next deploy writes new ones.
[Unit]
Description={app} {instance} ({release})
After=network.target {services}
# However long what it needs is away, a database say: it comes back by itself.
StartLimitIntervalSec=0

[Service]
{kind}
ExecStart=/usr/bin/python3 -IS {meta}/launch {process}
KillMode=mixed
# A master starts a new worker for one that wanted too much memory; the others serve on.
OOMPolicy=continue
TimeoutStopSec={stop}
SyslogIdentifier={app}-{instance}
{sandbox}"""


TIMER = """# Belongs to the live release; written at each switch that changes it.
[Unit]
Description={app} {job} by the clock ({release})

[Timer]
OnCalendar={calendar}
Persistent=yes
AccuracySec=1s
Unit={unit}
"""


def sandbox(app: App, release: str | None, process: dict, *more: str) -> str:
    """What a process may do, and how much of the host it may take; an empty one is the default. A command may have no release."""
    listed = process.get("writable")
    writable = [app.shared] if listed is None else [f"-{path}" if path.startswith("/") else f"-{os.path.normpath(f'{app.shared}/{path}')}" for path in listed]
    # A command that knows only PORT needs a loopback, be it one of its own.
    web = listening("web", process, "") if process.get("health") else {"leads": False, "opens": None}
    network, loopback = process.get("network") or "yes", web["leads"]
    lines = {
        # A server that makes its socket may give it to its own user; without capabilities the kernel refuses every other owner.
        "SystemCallFilter": "@chown" if web["opens"] is not None else None,
        "LimitNOFILE": process.get("files") or 65536,
        "TasksMax": process.get("tasks"),
        "MemoryMax": process.get("memory"),
        # Otherwise a host with swap would move to it what is beyond the limit.
        "MemorySwapMax": "0" if process.get("memory") else None,
        "CPUQuota": process.get("cpu"),
        "MemoryDenyWriteExecute": None if process.get("jit") else "yes",
        "RestrictAddressFamilies": "AF_UNIX" if network == "no" and not loopback else "AF_UNIX AF_INET AF_INET6",
        "PrivateNetwork": "yes" if network == "no" else None,
        "IPAddressDeny": None if network == "yes" else "any",
        "IPAddressAllow": "localhost" if network == "local" or (network == "no" and loopback) else None,
    }
    return SANDBOX.format(user=app.name, path=app.release_path(release) if release else app.path, writable=" ".join([*writable, *more])) + "".join(
        f"{name}={value}\n" for name, value in lines.items() if value)


def unit_text(app: App, release: str, instance: str, process: dict) -> str:
    return UNIT.format(
        services=BACKING_SERVICES, app=app.name, instance=instance, process=re.sub(r"-\d+$", "", instance), release=release, meta=app.meta_path(release),
        # The server's own graceful end comes first, then the manager's.
        kind="Type=oneshot" if process.get("schedule") else "Type=exec\nRestart=always\nRestartSec=1",
        stop=process["stop_timeout"] + 5, sandbox=sandbox(app, release, process, f"{app.run_path}/{release}"),
    )


# systemd takes a command that TERM has ended for one that ended well: bash tells it as 143, as any shell does.
ONE_OFF = 'trap : HUP INT TERM; "$@"; exit "$?"'


def one_off(app: App, release: str | None, argv: list[str], unit: str, terminal: bool = False) -> list[str]:
    """What runs a command in the sandbox of the release's processes, with its environment and the secrets of today; without one, with neither."""
    # Code that makes machine code does so in a one-off command as well.
    jit = any(process.get("jit") for process in app.manifest(release).get("runtime", {}).get("processes", {}).values()) if release else False
    launcher = ["/usr/bin/python3", "-IS", f"{app.meta_path(release)}/launch", "-"] if release else []
    started = ["/bin/bash", "-c", ONE_OFF, "bash", *launcher, *argv]
    return [
        "systemd-run", "--quiet", "--collect", "--wait", "--pty" if terminal else "--pipe", "--no-ask-password", "--service-type=exec", f"--unit={unit}",
        f"--description={app.name} command ({release or 'no release'})",
        *(f"--property={line}" for line in [*sandbox(app, release, {"jit": jit}).splitlines(), "IgnoreSIGPIPE=no"]),
        # systemd replaces $NAME in the arguments of a unit, and $$ by $.
        "--", *(argument.replace("$", "$$") for argument in started),
    ]


def run_one_off(app: App, release: str | None, argv: list[str], terminal: bool = False, **options: t.Any) -> subprocess.CompletedProcess:
    """Run such a command to its end. A signal to us is one to the command; whatever it leaves in the background ends with it."""
    if release and not os.path.exists(f"{app.meta_path(release)}/launch"):
        raise EngineError(f"release {release} is not built on this host.")
    # As a unit of the release it keeps the release from being pruned.
    unit = f"pyweb.{app.name}.run-{os.getpid()}-{os.urandom(3).hex()}{f'.{release}' if release else ''}.service"

    def forward(number: int, dummy: t.Any) -> None:
        run(["systemctl", "kill", "--kill-whom=all", f"--signal={number}", unit])

    signals = () if terminal else (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, forward) for number in signals}
    # The terminal stays as it is: newer versions would colour it.
    env = {**os.environ, "SYSTEMD_TINT_BACKGROUND": "0", "SYSTEMD_ADJUST_TERMINAL_TITLE": "0"}
    try:
        # With a terminal, systemd-run passes on what is typed. Without one, ^C would end it and not the command.
        with subprocess.Popen(one_off(app, release, argv, unit, terminal), env=env, start_new_session=not terminal,
                              # However this process ends, no other step begins before the command has ended.
                              pass_fds=[] if app.lock_handle is None else [app.lock_handle], **options) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(argv, process.returncode, output, errors)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command_line(name: str, argv: list[str]) -> int:
    """The command <application>-run. 125 is for what keeps a command from being run, as with env and timeout."""
    program = f"{name}-run"
    try:
        if not argv:
            raise EngineError(f"say what is to run, such as sudo {program} python manage.py shell.")
        if os.geteuid() != 0:
            raise EngineError(f"only root may run commands as {name}: use sudo {program}.")
        app = App(name)
        release = app.live if app.exists else None
        if not release:
            raise EngineError(f"{name} has no live release on this host: deploy it first.")
        terminal = all(os.isatty(number) for number in (0, 1, 2))
        return run_one_off(app, release, argv, terminal).returncode
    except EngineError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 125


PROGRAM = """; Written once for this release; it is here as long as the release runs.
[program:{program}]
command=/bin/sh {meta}/enter {instance}
directory={path}
umask=027
autostart=false
autorestart=true
startsecs=5
; It never gives up; the pause grows by a second with each start that fails.
startretries=1000000
stopsignal=TERM
stopwaitsecs={stop}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups={backups}
"""

# Only names go in there whose characters mean nothing to supervisor; values of variables come through the launcher.
ENTER = """#!/bin/sh
# Written once for this release. supervisor starts it as root, to do what systemd does by itself under its own units:
# nothing is left of the process before, and the new one sees and writes to no more than it needs.
set -eu
umask 027
own={cgroup}/{prefix}.$1.{release}
private={meta}/private/$1
if [ "${{2-}}" != inside ]; then
    if {{ [ -d "$own" ] || mkdir "$own"; }} 2>/dev/null && [ -e "$own/cgroup.kill" ]; then
        echo 1 > "$own/cgroup.kill"
        while grep -q 'populated 1' "$own/cgroup.events"; do sleep 0.1; done
        echo $$ > "$own/cgroup.procs"
    fi
    rm -rf "$private"
    mkdir -p "$private/tmp"
    chmod 1777 "$private/tmp"
    exec unshare --mount --ipc -- /bin/sh "$0" "$1" inside
fi
mount --rbind {shared} {shared}
mount --bind {run} {run}
mount --bind "$private/tmp" /tmp
mount --bind "$private/tmp" /var/tmp
while read -r id parent device root point rest; do
    case $point in
        {shared} | {shared}/* | {run} | /tmp | /tmp/* | /var/tmp | /var/tmp/* | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
        *) mount -o remount,bind,ro "$point" || : ;;
    esac
done < /proc/self/mountinfo
for place in /home /root; do
    mount -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555 tmpfs "$place"
done
mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc /proc
cd {path}
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec env -i USER={user} LOGNAME={user} SHELL=/usr/sbin/nologin PATH=/usr/local/bin:/usr/bin:/bin \\
    setpriv --reuid={user} --regid={user} --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all \\
    /usr/bin/python3 -IS {meta}/launch "${{1%-[0-9]*}}"
"""


def program_text(manager: Supervisor, release: str, instance: str, process: dict) -> str:
    app = manager.app
    return PROGRAM.format(program=manager.program(release, instance), instance=instance, path=app.release_path(release), meta=app.meta_path(release),
                          stop=process["stop_timeout"] + 5, log=manager.log_path(release, instance), backups=LOG_BACKUPS)


def enter_text(app: App, release: str) -> str:
    return ENTER.format(cgroup=SUPERVISOR_CGROUP, prefix=f"pyweb.{app.name}", release=release, meta=app.meta_path(release), shared=app.shared,
                        run=f"{app.run_path}/{release}", path=app.release_path(release), user=app.name)


def every_app() -> list[App]:
    try:
        return [App(name) for name in sorted(os.listdir(STATES)) if NAME.fullmatch(name) and os.path.isdir(f"{STATES}/{name}/releases")]
    except FileNotFoundError:
        return []


def its_turn(app: App, verb: str) -> contextlib.AbstractContextManager:
    """At boot nothing else can run; the dead man's switch waits for a step that still does, but no shutdown for a build."""
    return contextlib.nullcontext() if verb == "stop" and host_is("stopping") else app.lock(None, wait=600.0)


def under_supervisor(verb: str) -> int:
    """When supervisord comes up, its live releases do; and before it ends they end in their own time."""
    status = 0
    for app in every_app():
        try:
            if verb == "logs":
                Supervisor(app).make_logs()
                continue
            with its_turn(app, verb):
                live = app.live
                if verb == "stop":
                    for release in Supervisor(app).running():
                        app.stop(release)
                elif live and isinstance(app.manager(live), Supervisor):
                    app.start(live, list(app.processes(live)))
        except (EngineError, KeyError, OSError) as error:
            sys.stderr.write(f"{app.name}: {error}\n")
            status = 1
    return status


def forget(app: App) -> None:
    """Nothing of an application that is no longer wanted stays under supervisor."""
    with contextlib.suppress(EngineError):
        states = Supervisor(app).states()
        programs = [program for program in states if program.startswith(f"pyweb.{app.name}.") and program.count(".") == 3]
        Supervisor(app)._rest(programs, 3600.0)
        for program in programs:
            end_cgroup(f"{SUPERVISOR_CGROUP}/{program}")
            ask_supervisor("removeProcessGroup", program)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["run"] and arguments[2:3] == ["--"]:
        return command_line(arguments[1], arguments[3:])
    if arguments[1:] == ["--supervisor"] and arguments[0] in ("boot", "stop", "logs"):
        return under_supervisor(arguments[0])
    if len(arguments) != 2 or arguments[0] not in ("boot", "stop", "settle", "forget"):
        sys.stderr.write("usage: engine.py boot|stop|settle|forget APPLICATION, or engine.py boot|stop|logs --supervisor, "
                         "or engine.py run APPLICATION -- COMMAND...\n")
        return 2
    app = App(arguments[1], dead_man=arguments[0] == "settle")
    if arguments[0] == "forget":
        forget(app)
    if not app.exists or arguments[0] == "forget":
        return 0
    try:
        with its_turn(app, arguments[0]):
            if arguments[0] == "boot":
                app.alone = True
                app.boot()
            elif arguments[0] == "settle":
                app.settle()
            else:
                app.pause(app.live)
                for release in app.running():
                    app.stop(release)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
