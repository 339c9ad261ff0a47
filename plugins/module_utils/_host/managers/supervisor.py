# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as programs of supervisord."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import machine, programs as files_of_releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, Refused
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, read_text, write_file
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.base import Instances
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import Instance
from ansible_collections.pyweb.stack.plugins.module_utils._host.store import Store
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

LOG_BACKUPS = 3
# Seconds between two questions whether a process has ended; supervisord looks when it is asked, or else once a second.
POLL = 0.05
# Seconds, for what nobody waits for but the end of an application.
FOREVER = 3600.0

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


class Supervisor:
    """Each instance of a release is a program of its own: added for it, started by us alone, and removed with it."""

    UP, ENDING = ("STARTING", "RUNNING"), ("STARTING", "RUNNING", "BACKOFF", "STOPPING")

    def __init__(self, paths: Layout, system: System, store: Store):
        self.paths = paths
        self.system = system
        self.store = store

    def program(self, release: str, instance: str) -> str:
        return self.paths.instance(release, instance)

    def path(self, release: str, instance: str) -> str:
        return f"{self.paths.programs}/{self.program(release, instance)}.conf"

    def log_path(self, release: str, instance: str) -> str:
        return f"{self.paths.logs}/{instance}.{release}.log"

    def pids_path(self, release: str) -> str:
        return f"{self.paths.run}/.{release}.json"

    def defined(self, release: str, instance: str) -> bool:
        return os.path.exists(self.path(release, instance))

    def make_logs(self) -> None:
        """The directory that supervisord writes to, readable by the application."""
        logs = self.paths.logs
        os.makedirs(self.paths.all_logs, mode=0o755, exist_ok=True)
        os.makedirs(logs, mode=0o750, exist_ok=True)
        os.chown(logs, 0, self.store.own_group())
        os.chmod(logs, 0o750)

    def write(self, release: str, instances: Instances) -> None:
        if not os.path.isdir(self.paths.programs):
            raise HostError("supervisor is not installed on this host: ansible-playbook pyweb.stack.site installs it.")
        self.make_logs()
        enter = f"{self.paths.meta(release)}/enter"
        if not os.path.exists(enter):
            write_file(enter, self._enter(release), 0o700)
        for instance, process in instances.items():
            if not self.defined(release, instance):
                kept = f"{self.paths.meta(release)}/{instance}.conf"
                if not os.path.exists(kept):
                    write_file(kept, self._program(release, instance, process))
                write_file(self.path(release, instance), read_text(kept), 0o644)

    def retire(self, release: str, instances: t.Iterable[str]) -> None:
        """supervisor knows only of what runs: C(supervisorctl start all) must not start releases of last week."""
        for instance in instances:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(release, instance))
            # supervisord may be down, or it has never heard of it.
            with contextlib.suppress(HostError):
                self._ask("removeProcessGroup", self.program(release, instance))

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
        return max([process["stop_timeout"] for process in self.store.instances(release).values()], default=0) + 30.0

    def _ask(self, method: str, *arguments: t.Any) -> t.Any:
        return self.system.ask_supervisor(self.paths.supervisor_config, method, *arguments)

    def _program(self, release: str, instance: str, process: t.Mapping[str, t.Any]) -> str:
        return PROGRAM.format(program=self.program(release, instance), instance=instance, path=self.paths.release(release), meta=self.paths.meta(release),
                              stop=process["stop_timeout"] + 5, log=self.log_path(release, instance), backups=LOG_BACKUPS)

    def _enter(self, release: str) -> str:
        """Only names go in there whose characters mean nothing to a shell or to supervisor; values of variables come through the launcher."""
        return files_of_releases.text("enter.sh", cgroup=self.paths.supervisor_cgroup, prefix=f"pyweb.{self.paths.name}", release=release,
                                      meta=self.paths.meta(release), shared=self.paths.shared, run=self.paths.sockets(release),
                                      path=self.paths.release(release), user=self.paths.user)

    def states(self) -> dict[str, str]:
        return {info["name"]: info["statename"] for info in self._ask("getAllProcessInfo")}

    def start(self, release: str, instances: list[str]) -> str:
        """What keeps them from starting; nothing when they did."""
        try:
            self._wait(10.0)
            programs = {self.program(release, instance): instance for instance in instances}
            states = self.states()
            missing = [program for program in programs if program not in states]
            if missing:
                self._ask("reloadConfig")
                for program in missing:
                    self._ask("addProcessGroup", program)
            # One that is to start again some time starts now, and counts as new.
            ending = [program for program in programs if states.get(program) in ("BACKOFF", "STOPPING")]
            if ending:
                self._rest(ending, self.patience(release))
            started = {}
            for program, instance in programs.items():
                if states.get(program) not in self.UP:
                    self._ask("startProcess", program, False)
                    started[instance] = self._ask("getProcessInfo", program)["pid"]
        except HostError as error:
            return str(error)
        if started:
            # supervisord does not count how often it starts a process again.
            write_file(self.pids_path(release), json.dumps({**read_json(self.pids_path(release), {}), **started}))
        uid, end = self.system.account(self.paths.user).pw_uid, self.system.monotonic() + 30.0
        while not all(self.system.became(pid, uid) for pid in started.values()) and self.system.monotonic() < end:
            self.system.sleep(0.02)
        return ""

    def stop(self, release: str, instances: list[str], at_once: bool, wait: bool) -> None:
        programs = [self.program(release, instance) for instance in instances]
        # Where supervisord is down, there is nothing that it could stop.
        with contextlib.suppress(HostError):
            self._rest(programs, self.patience(release) if wait else 0.0, at_once)
        if not wait:
            return
        for program in programs:
            end_cgroup(f"{self.paths.supervisor_cgroup}/{program}", self.system)
        for instance in instances:
            shutil.rmtree(f"{self.paths.meta(release)}/private/{instance}", ignore_errors=True)
        if set(instances) >= set(self.store.instances(release)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.pids_path(release))

    def _wait(self, seconds: float) -> None:
        """Until supervisord, which may just be starting, answers."""
        end = self.system.monotonic() + seconds
        while True:
            try:
                if self._ask("getState")["statename"] == "RUNNING":
                    return
                fault = HostError("supervisord is about to end: systemctl status supervisor says why.")
            except HostError as error:
                fault = error
            if self.system.monotonic() > end:
                raise fault
            self.system.sleep(0.1)

    def _rest(self, programs: list[str], patience: float, at_once: bool = False) -> None:
        """Stop them side by side. TERM goes to the main process alone; KILL, when its time is over, to all."""
        states = self.states()
        for program in programs:
            with contextlib.suppress(Refused):
                if states.get(program) in ("STARTING", "RUNNING", "BACKOFF"):
                    self._ask("stopProcess", program, False)
                if at_once and states.get(program) in self.ENDING:
                    self._ask("signalProcess", program, "KILL")
        end = self.system.monotonic() + patience
        while patience and self.system.monotonic() < end:
            states = self.states()
            if not any(states.get(program) in self.ENDING for program in programs):
                return
            self.system.sleep(POLL)

    def running(self) -> set[str]:
        prefix = f"pyweb.{self.paths.name}."
        try:
            if not any(name.startswith(prefix) for name in os.listdir(self.paths.programs)):
                return set()
            states = self.states()
        except (FileNotFoundError, HostError):
            return set()
        return {program.split(".")[3] for program, state in states.items()
                if program.startswith(prefix) and program.count(".") == 3 and state in self.ENDING}

    def active(self, release: str, instances: list[str]) -> bool:
        try:
            states = self.states()
        except HostError:
            return False
        return all(states.get(self.program(release, instance)) in self.UP for instance in instances)

    def ended(self, release: str, instance: str) -> str:
        """How the process ended, if it did by itself since it was started; nothing as long as it is up."""
        program = self.program(release, instance)
        try:
            # Between two answers, supervisord looks whose end it has not noticed yet.
            self._ask("getProcessInfo", program)
            info = self._ask("getProcessInfo", program)
            if info["statename"] in self.UP and info["pid"] == read_json(self.pids_path(release), {}).get(instance, info["pid"]):
                return ""
            told = re.findall(rf"exited: {re.escape(program)} \(([^;)]*)", self._ask("readLog", -16384, 0))
        except HostError as error:
            return str(error).rstrip(".")
        return told[-1] if told else info["spawnerr"] or f"it is {info['statename'].lower()}"

    def look(self, release: str, instances: list[str]) -> list[Instance]:
        try:
            told = {info["name"]: info for info in self._ask("getAllProcessInfo")}
        except HostError:
            told = {}
        found: list[Instance] = []
        for instance in instances:
            program = self.program(release, instance)
            info = told.get(program, {"statename": "UNKNOWN"})
            up = info["statename"] in self.UP
            found.append({
                "name": instance, "state": "active" if up else info["statename"].lower(), "since": info["now"] - info["start"] if up else None,
                # supervisord does not count them.
                "restarts": None, "memory": machine.memory(f"{self.paths.supervisor_cgroup}/{program}"),
            })
        return found

    def log(self, release: str, instances: list[str], lines: int) -> tuple[str, str]:
        """The last lines, and the command that shows more."""
        logged = []
        for instance in instances:
            with contextlib.suppress(FileNotFoundError), open(self.log_path(release, instance), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
                logged += file.read().decode(errors="replace").splitlines()[-(lines // len(instances)):]
        return "\n".join(logged).strip(), f"tail -n 1000 {self.log_path(release, instances[0])}"

    def forget(self) -> None:
        """Nothing of an application that is no longer wanted stays under supervisor."""
        with contextlib.suppress(HostError):
            prefix = f"pyweb.{self.paths.name}."
            programs = [program for program in self.states() if program.startswith(prefix) and program.count(".") == 3]
            self._rest(programs, FOREVER)
            for program in programs:
                end_cgroup(f"{self.paths.supervisor_cgroup}/{program}", self.system)
                self._ask("removeProcessGroup", program)


def end_cgroup(path: str, system: System) -> None:
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
            system.sleep(0.02)
