# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import cli
from ansible_collections.pyweb.stack.plugins.module_utils._host.oneoff import OneOff
from ansible_collections.pyweb.stack.plugins.module_utils._host.units import unit_text

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 30, "health": None,
}


@pytest.fixture
def launcher(host, app):
    host.release(app, A)
    app.launcher.write(A, "r" * 40, "")
    return app


def test_a_command_has_the_sandbox_of_the_processes(app):
    argv = app.one_off.argv(A, ["true"], "x.service")
    given = [item.split("=", 1)[1] for item in argv if item.startswith("--property=")]
    unit = unit_text(app.paths, A, "web", PROCESS).splitlines()
    own = {"IgnoreSIGPIPE=no", f"ReadWritePaths={app.paths.shared}"}
    assert set(given) - set(unit) == own, "the processes may write to the directory of their socket, too"
    ours = ("[", "#", "Description", "After", "StartLimit", "Type", "Exec", "Restart", "KillMode", "OOMPolicy", "Timeout", "Syslog", "ReadWritePaths")
    assert [line for line in unit if line and not line.startswith(ours)] == [line for line in given if line not in own]
    assert "--wait" in argv and "--pipe" in argv and "--pty" in app.one_off.argv(A, ["true"], "x.service", terminal=True)


def as_systemd_does(argv):
    """What systemd makes of the arguments of a unit."""
    return [item.replace("$$", "$") for item in argv[argv.index("--") + 1:]]


@pytest.mark.parametrize("arguments", [["a b", "", "it's", '"', "$HOME", "$$", "${X}", "%h", "\\", "l1\nl2", "*", "-x", "--", "ü"], []])
def test_arguments_of_a_command_arrive_byte_for_byte(launcher, arguments):
    show = [sys.executable, "-c", "import sys; sys.stdout.buffer.write('\\0'.join(sys.argv[1:]).encode())"]
    argv = as_systemd_does(launcher.one_off.argv(A, [*show, *arguments], "x.service"))
    assert subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=20).stdout.decode() == "\0".join(arguments)


@pytest.mark.parametrize("command, status", [
    (["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -TERM $$"], 143), (["sh", "-c", "kill -KILL $$"], 137), (["true"], 0),
    (["no-such-command"], 127), (["/etc/passwd"], 126),
])
def test_the_status_of_a_command(launcher, command, status):
    done = subprocess.run(as_systemd_does(launcher.one_off.argv(A, command, "x.service")), stderr=subprocess.PIPE, text=True, check=False, timeout=20)
    assert done.returncode == status and "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_us_is_one_to_the_command(host, launcher, monkeypatch, tmp_path, number):
    """Popen starts what stands in for systemd-run; systemctl kill reaches it by the name of the unit."""
    real = subprocess.Popen
    monkeypatch.setattr(launcher.one_off, "argv", lambda release, argv, unit, terminal: as_systemd_does(["--", *argv]))
    children = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **options: children.append(real(*arguments, **options)) or children[-1])
    told = []

    def kill(argv, timeout=None):
        told.append(argv)
        children[0].send_signal(number)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(host.system, "run", kill)

    def signal_us():
        # As soon as there is a command that it could go to.
        while not children:
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(os.getpid(), number)

    threading.Thread(target=signal_us, daemon=True).start()
    before = signal.getsignal(number)
    done = launcher.one_off.run(A, ["sleep", "20"])
    assert done.returncode == -number and signal.getsignal(number) == before
    assert told[0][:3] == ["systemctl", "kill", "--kill-whom=all"] and f"--signal={int(number)}" in told[0] and f".{A}.service" in told[0][-1]


@pytest.mark.parametrize("argv, user, said", [
    ([], 0, "shop-run: say what is to run, such as sudo shop-run python manage.py shell."),
    (["true"], 1000, "shop-run: only root may run commands as shop: use sudo shop-run."),
    (["true"], 0, "shop-run: shop has no live release on this host: deploy it first."),
])
def test_what_keeps_a_command_from_being_run_is_one_sentence(app, monkeypatch, capsys, argv, user, said):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert cli.main(["run", "shop", "--", *argv]) == 125
    assert capsys.readouterr().err == said + "\n"


def test_a_command_runs_in_the_live_release(host, launcher, monkeypatch):
    host.release(launcher, A, live=True)
    seen = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(OneOff, "run", lambda one_off, release, argv, terminal: (
        seen.append((one_off.paths.name, release, argv)) or subprocess.CompletedProcess(argv, 42)))
    assert cli.main(["run", "shop", "--", "manage", "--", "-x", ""]) == 42
    assert seen == [("shop", A, ["manage", "--", "-x", ""])]
