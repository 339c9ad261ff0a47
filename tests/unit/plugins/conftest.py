# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a directory: the engine's own paths lead there, and a small service manager keeps its units as files."""

from __future__ import annotations

import fnmatch
import grp
import json
import os
import pwd
import shutil
import subprocess

import pytest

from ansible.module_utils.testing import patch_module_args

from ansible_collections.pyweb.stack.plugins.module_utils._host import package, switch, system
from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError, Refused
from ansible_collections.pyweb.stack.plugins.module_utils._host.health import Checks
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers import supervisor
from ansible_collections.pyweb.stack.plugins.module_utils._host.oneoff import OneOff
from ansible_collections.pyweb.stack.plugins.module_utils._host.processes import Processes
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 1, "health": None,
}
WEB = {**PROCESS, "wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "health": {"path": "/", "status": None, "timeout": 1}}


class Systemd:
    """Stands in for systemctl and its relatives; what it knows outlives the process that asked."""

    def __init__(self, state):
        self.state = state
        (state / "up").mkdir(parents=True)
        (state / "show").mkdir()
        self.calls_path = state / "calls"

    def note(self, text):
        with open(self.calls_path, "a", encoding="utf-8") as file:
            file.write(text + "\n")

    @property
    def calls(self):
        return self.calls_path.read_text(encoding="utf-8").splitlines() if self.calls_path.exists() else []

    @property
    def up(self):
        return set(os.listdir(self.state / "up"))

    def host(self, state):
        """It starts, runs, or stops."""
        (self.state / "host").write_text(f"{state}\n")

    def refuse(self, unit):
        (self.state / f"refuse-{unit}").touch()

    def overlook(self, unit):
        """Until it is told to look again."""
        (self.state / f"overlook-{unit}").touch()

    def show(self, unit, **values):
        (self.state / "show" / unit).write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def __call__(self, argv, timeout=None):
        """In place of System.run()."""
        name, verb, *rest = argv if argv[0] == "systemctl" else (argv[0], "", *argv[1:])
        self.note(" ".join(argv[:1] + argv[1:2] + [item for item in rest if not item.startswith("-")]))
        status, output = 0, ""
        if name == "systemd-run":
            status, output = ((1, "no timers here") if (self.state / "refuse-timer").exists() else (0, ""))
            if "/bin/rm" in argv and status == 0:
                subprocess.run(argv[argv.index("/bin/rm"):], check=True)
        elif name == "/bin/rm":
            subprocess.run(argv, check=True)
        elif name == "journalctl":
            output = (self.state / "journal").read_text() if (self.state / "journal").exists() else ""
        elif verb == "start":
            for unit in rest:
                if (self.state / f"refuse-{unit}").exists():
                    status, output = 1, f"Job for {unit} failed."
                elif (self.state / f"overlook-{unit}").exists():
                    status, output = 5, f"Failed to start {unit}: Unit {unit} not found."
                else:
                    (self.state / "up" / unit).touch()
        elif verb == "daemon-reload":
            for path in self.state.glob("overlook-*"):
                path.unlink()
        elif verb == "stop" and "--no-block" not in rest:
            for unit in rest:
                (self.state / "up" / unit).unlink(missing_ok=True)
        elif verb == "is-active":
            output = "".join("active\n" if unit in self.up else "inactive\n" for unit in rest)
        elif verb == "is-system-running":
            output = (self.state / "host").read_text() if (self.state / "host").exists() else "running\n"
        elif verb == "list-units":
            output = "".join(f"{unit} loaded active running Some text\n" for unit in sorted(self.up) if fnmatch.fnmatch(unit, rest[-1]))
        elif verb == "show":
            told = self.state / "show" / rest[-1]
            alive = rest[-1] in self.up
            output = told.read_text() if told.exists() else (
                f"ActiveState={'active' if alive else 'inactive'}\nSubState={'running' if alive else 'dead'}\n"
                "NRestarts=0\nResult=success\nExecMainStatus=0\n")
        return subprocess.CompletedProcess(argv, status, output, "")


class Supervisor:
    """Stands in for supervisord: it knows the programs that it was told of, and notices the end of a process only when it looks."""

    def __init__(self, state, programs, note):
        self.state, self.programs, self.note = state, programs, note
        for name in ("read", "known", "up", "ending", "show"):
            (state / name).mkdir(parents=True)

    def names(self, what):
        return set(os.listdir(self.state / what))

    @property
    def up(self):
        return self.names("up")

    def restart(self):
        """It reads all files, and starts nothing."""
        for what in ("read", "known", "up", "ending"):
            for name in self.names(what):
                (self.state / what / name).unlink()
        for path in self.programs.glob("*.conf"):
            (self.state / "read" / path.stem).touch()
            (self.state / "known" / path.stem).touch()

    def info(self, name):
        state = "STOPPING" if name in self.names("ending") else "RUNNING" if name in self.up else "STOPPED"
        pid = int((self.state / "up" / name).read_text() or 0) if name in self.up else 0
        info = {"name": name, "statename": state, "pid": pid, "spawnerr": "", "exitstatus": 0}
        told = self.state / "show" / name
        return {**info, **json.loads(told.read_text())} if told.exists() and state == "RUNNING" else info

    def __call__(self, method, *arguments):
        """In place of System.ask_supervisor()."""
        self.note(" ".join(["supervisord", method, *map(str, arguments)]))
        if (self.state / "down").exists():
            raise HostError("supervisord does not answer.")
        name = arguments[0] if arguments else None
        answer = True
        if method == "getState":
            return {"statename": "RUNNING"}
        if method == "readLog":
            return (self.state / "log").read_text() if (self.state / "log").exists() else ""
        if method == "getAllProcessInfo":
            answer = [self.info(name) for name in sorted(self.names("known"))]
            for name in self.names("ending"):
                (self.state / "up" / name).unlink(missing_ok=True)
                (self.state / "ending" / name).unlink()
            return answer
        if method == "reloadConfig":
            for path in self.programs.glob("*.conf"):
                (self.state / "read" / path.stem).touch()
        elif method == "addProcessGroup":
            self.refuse_unless(name in self.names("read"), "BAD_NAME", name)
            self.refuse_unless(name not in self.names("known"), "ALREADY_ADDED", name)
            (self.state / "known" / name).touch()
        else:
            self.refuse_unless(name in self.names("known"), "BAD_NAME", name)
            if method == "getProcessInfo":
                return self.info(name)
            if method == "removeProcessGroup":
                self.refuse_unless(name not in self.up, "STILL_RUNNING", name)
                (self.state / "known" / name).unlink()
            elif method == "startProcess":
                self.refuse_unless(name not in self.up, "ALREADY_STARTED", name)
                self.refuse_unless(not (self.state / f"refuse-{name}").exists(), "SPAWN_ERROR", name)
                number = self.state / "pid"
                pid = int(number.read_text() if number.exists() else 100) + 1
                number.write_text(str(pid))
                (self.state / "up" / name).write_text(str(pid))
            else:
                self.refuse_unless(name in self.up, "NOT_RUNNING", name)
                if method == "stopProcess":
                    (self.state / "ending" / name).touch()
        return answer

    @staticmethod
    def refuse_unless(holds, what, name):
        if not holds:
            raise Refused(f"{what}: {name}")


class FakeSystem(System):
    """What a host is asked, in a directory: its service managers keep what they know in files."""

    def __init__(self, host):
        self.host = host
        self.root = str(host.root)
        # Accounts are the one thing that a test cannot make: everything here belongs to whoever runs it.
        self.me = pwd.getpwuid(os.getuid())
        self.clock = None  # seconds, for a test that does not want to wait

    def run(self, argv, timeout=None):
        return self.host.systemd(argv)

    def ask_supervisor(self, config, method, *arguments):
        return self.host.supervisor(method, *arguments)

    def account(self, name):
        return self.me

    def monotonic(self):
        return super().monotonic() if self.clock is None else self.clock

    def sleep(self, seconds):
        if self.clock is None:
            return super().sleep(seconds)
        self.clock += seconds

    def as_user(self, user, function):
        self.host.users.append(user)
        return function()

    def became(self, pid, uid):
        return True

    def boot(self):
        return self.host.boot

    def program(self):
        return f"{package.LIBRARY}/{'0' * 32}/engine.py"


class Host:
    manager = "systemd"

    def __init__(self, root, monkeypatch):
        self.managers = {}  # by release, where it is not the one above
        self.root = root
        self.monkeypatch = monkeypatch
        self.systemd = Systemd(root / "systemd")
        self.units = root / "etc/systemd/system"
        self.units.mkdir(parents=True)
        self.programs = root / "etc/supervisor/conf.d"
        self.programs.mkdir(parents=True)
        self.logs = f"{root}/var/log/pyweb"
        self.supervisor = Supervisor(root / "supervisor", self.programs, self.systemd.note)
        self.gate = self.verify = None  # a release of which this is the id is found ill; "all" of them are
        self.silent = None  # a release of which this is the id does not answer on its socket
        self.boot = "the first"  # of the host; another one after a power cut
        self.real_health = False
        self.real_priorities = False  # those of this machine's processes, whoever else tests here at the same time
        self.users = []  # as whom something was done
        self.system = FakeSystem(self)
        self._health(monkeypatch)
        # Modules and the command line ask for the machine that they run on.
        monkeypatch.setattr(system, "_HERE", self.system)
        monkeypatch.setattr(switch, "DRAIN", 0.0)
        monkeypatch.setattr(supervisor, "POLL", 0.0)
        if os.getuid() != 0:
            monkeypatch.setattr(os, "chown", lambda *arguments, **options: None)

    def _health(self, monkeypatch):
        """Releases are as well as a test says; none of them really listens."""
        host, ready, answers, steady = self, Checks.ready, Checks.answers, Checks.steady
        self.through_nginx = Checks.through_nginx

        def fake_ready(checks, release):
            host.systemd.note(f"gate {release}")
            if host.real_health:
                ready(checks, release)
            if host.gate in (release, "all"):
                raise HostError(f"release {release} is not healthy: GET / answers 500.\nLast log lines: secret")

        def fake_through_nginx(checks, release):
            host.systemd.note(f"verify {release}")
            if host.verify == release:
                raise HostError(f"release {release} is well on its own socket, but not through nginx.")

        set_priority = Processes.set_priority
        monkeypatch.setattr(Processes, "set_priority", lambda processes, *arguments: set_priority(processes, *arguments) if host.real_priorities else None)
        monkeypatch.setattr(Checks, "ready", fake_ready)
        monkeypatch.setattr(Checks, "answers", lambda checks, release: answers(checks, release) if host.real_health else host.silent != release)
        monkeypatch.setattr(Checks, "through_nginx", fake_through_nginx)
        monkeypatch.setattr(Checks, "steady", lambda checks, release, processes: steady(checks, release, processes, 0.0))

    def App(self, name, **options):
        return App(name, self.system, **options)

    def app(self, name="shop"):
        app = self.App(name)
        for path in (app.paths.releases, app.paths.shared, app.paths.metas, app.paths.config, app.paths.run, f"{app.paths.build}/envs"):
            os.makedirs(path, exist_ok=True)
        return app

    def release(self, app, release, state="built", processes=None, site=None, live=False, **manifest):
        os.makedirs(app.paths.release(release), exist_ok=True)
        runtime = {"manager": self.manager_of(release), "processes": {"web": WEB} if processes is None else processes, "site": site,
                   "socket_group": grp.getgrgid(os.getgid()).gr_name}
        app.store.update(release, state=state, runtime=runtime, **manifest)
        if live:
            os.symlink(app.paths.release(release), app.paths.current)
            app.processes.start(release, list(app.store.instances(release)))
            app.store.record("activate", {"release": release, "from": None, "action": "activate", "by": "me", "since": "20261101T000000Z"})
            self.systemd.calls_path.unlink(missing_ok=True)
        return release

    def up(self):
        """The releases that have a process, with the number of those."""
        found = {}
        for unit in [*self.systemd.up, *self.supervisor.up]:
            release = unit.split(".")[3]
            found[release] = found.get(release, 0) + 1
        return found

    def manager_of(self, release):
        return self.managers.get(release, self.manager)

    # Faults of one process, whatever its manager.

    def refuse(self, release, instance):
        """It does not start."""
        name = f"pyweb.shop.{instance}.{release}"
        if self.manager_of(release) == "systemd":
            self.systemd.refuse(f"{name}.service")
        else:
            (self.supervisor.state / f"refuse-{name}").touch()

    def fail(self, release, instance, again=False):
        """It has ended with exit status 3; or it was started again since."""
        name = f"pyweb.shop.{instance}.{release}"
        if self.manager_of(release) == "systemd":
            state = {"ActiveState": "active", "SubState": "running", "NRestarts": 2} if again else {"ActiveState": "failed", "SubState": "failed"}
            self.systemd.show(f"{name}.service", **{"NRestarts": 0, "Result": "exit-code", "ExecMainStatus": 3, **state})
        else:
            state = {"statename": "RUNNING", "pid": 99} if again else {"statename": "BACKOFF", "pid": 0}
            (self.supervisor.state / "show" / name).write_text(json.dumps(state))
            with open(self.supervisor.state / "log", "a", encoding="utf-8") as file:
                file.write(f"2026-11-21 07:15:47,000 WARN exited: {name} (exit status 3; not expected)\n")

    def power_cut(self, app):
        for unit in self.systemd.up:
            (self.systemd.state / "up" / unit).unlink()
        for path in (*self.systemd.state.glob("show/*"), *self.supervisor.state.glob("show/*")):
            path.unlink()
        self.supervisor.restart()
        shutil.rmtree(app.paths.run, ignore_errors=True)


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


@pytest.fixture(params=["systemd", "supervisor"])
def any_host(request, host):
    """The same under each process manager."""
    host.manager = request.param
    return host


@pytest.fixture
def sandboxed(monkeypatch):
    """What systemd-run was given, in the place of systemd: the command runs without the sandbox."""
    real, seen = OneOff.argv, []

    def one_off(*arguments):
        argv = real(*arguments)
        seen.append(argv)
        return [item.replace("$$", "$") for item in argv[argv.index("--") + 1:]]

    monkeypatch.setattr(OneOff, "argv", one_off)
    return seen


@pytest.fixture
def call(capsys):
    """Run a module's main() in this process and return what it says."""

    def call(main, check=False, **arguments):
        arguments = {key: value for key, value in arguments.items() if value is not None}
        capsys.readouterr()
        with patch_module_args({**arguments, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}):
            with pytest.raises(SystemExit):
                main()
        return json.loads(capsys.readouterr().out)

    return call
