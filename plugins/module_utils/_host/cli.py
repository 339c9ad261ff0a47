# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the host package: what units, the guard's timer and <application>-run start, and what one types at 3 a.m."""

from __future__ import annotations

import contextlib
import os
import sys

from ansible_collections.pyweb.stack.plugins.module_utils._host.app import App
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import applications
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.supervisor import Supervisor
from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System, here

USAGE = ("usage: engine.py boot|stop|settle|forget|backup APPLICATION, or engine.py boot|stop|logs --supervisor, "
         "or engine.py metrics DIRECTORY, or engine.py run APPLICATION -- COMMAND...\n")
# Keeps a command from being run, as with env and timeout.
NOT_RUN = 125
# Seconds that the boot unit and the guard wait for a step of a deploy that still runs.
PATIENCE = 600.0


def deploy_lock(app: App, verb: str) -> contextlib.AbstractContextManager[None]:
    """At boot nothing else can run; the guard waits for a step that still does, but no shutdown for a build."""
    return contextlib.nullcontext() if verb == "stop" and app.system.is_state("stopping") else app.lock.hold(None, wait=PATIENCE)


def run_command(name: str, argv: list[str], system: System) -> int:
    """The command <application>-run."""
    program = f"{name}-run"
    try:
        if not argv:
            raise HostError(f"say what is to run, such as sudo {program} python manage.py shell.")
        if os.geteuid() != 0:
            raise HostError(f"only root may run commands as {name}: use sudo {program}.")
        app = App(name, system)
        release = app.live if app.exists else None
        if not release:
            raise HostError(f"{name} has no live release on this host: deploy it first.")
        terminal = all(os.isatty(number) for number in (0, 1, 2))
        return app.one_off.run(release, argv, terminal).returncode
    except HostError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return NOT_RUN


def under_supervisor(verb: str, system: System) -> int:
    """When supervisord comes up, its live releases do; and before it ends they end in their own time."""
    status = 0
    for name in applications(system.root):
        try:
            app = App(name, system)
            supervisor = Supervisor(app.paths, app.system, app.store)
            if verb == "logs":
                supervisor.make_logs()
                continue
            with deploy_lock(app, verb):
                live = app.live
                if verb == "stop":
                    for release in supervisor.running():
                        app.processes.stop(release)
                elif live and isinstance(app.processes.manager(live), Supervisor):
                    app.processes.start(live, list(app.store.instances(live)))
        except (HostError, KeyError, OSError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            status = 1
    return status


def back_up(name: str, system: System) -> int:
    """What the timer of an application's backups starts."""
    # Not for every boot: restic and what goes with it is imported here alone.
    from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.make import make

    try:
        good = make(App(name, system))
    except HostError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    sys.stdout.write(f"{name}: backup {good['snapshot']} holds {good['bytes']} bytes and was verified, after {good['seconds']} s.\n")
    return 0


def write_metrics(directory: str, system: System) -> int:
    """What the timer of the metrics starts."""
    # Not for every boot, either.
    from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import metrics

    try:
        metrics.write(directory, system)
    except (HostError, OSError) as error:
        sys.stderr.write(f"metrics: {error}\n")
        return 1
    return 0


def for_one(verb: str, name: str, system: System) -> int:
    """boot and stop are the boot unit's, settle is the guard's, forget is for an application that goes."""
    app = App(name, system, is_guard=verb == "settle", alone=verb == "boot")
    if verb == "forget":
        Supervisor(app.paths, app.system, app.store).forget()
        return 0
    if not app.exists:
        return 0
    try:
        with deploy_lock(app, verb):
            if verb == "boot":
                app.switcher.boot()
            elif verb == "settle":
                app.switcher.settle()
            else:
                app.end()
    except HostError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    return 0


def main(arguments: list[str], system: System | None = None) -> int:
    """The exit status: 0, 1 for a failure that is said, 2 for wrong arguments, or that of the command."""
    system = system or here()
    if arguments[:1] == ["run"] and arguments[2:3] == ["--"]:
        return run_command(arguments[1], arguments[3:], system)
    if arguments[1:] == ["--supervisor"] and arguments[0] in ("boot", "stop", "logs"):
        return under_supervisor(arguments[0], system)
    if len(arguments) == 2 and arguments[0] == "backup":
        return back_up(arguments[1], system)
    if len(arguments) == 2 and arguments[0] == "metrics":
        return write_metrics(arguments[1], system)
    if len(arguments) != 2 or arguments[0] not in ("boot", "stop", "settle", "forget"):
        sys.stderr.write(USAGE)
        return 2
    return for_one(arguments[0], arguments[1], system)
