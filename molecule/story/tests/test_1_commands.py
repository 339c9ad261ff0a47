# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off commands of an administrator, in the live release of an application."""

from __future__ import annotations

import json

import pytest
from plugin import live

NASTY = ["a b", "", "it's", '"', "$HOME", "$$", "${X}", "%h", "\\n", "l1\nl2", "*", "-x", "--", "ü"]
PRINT = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), os.environ['PYWEB_RELEASE'], os.getuid(), sys.prefix]))"


def test_a_command_runs_in_the_live_release(host):
    release = live(host, "probe")
    for arguments in (NASTY, []):
        done = host.run("probe-run python -c %s " + "%s " * len(arguments), PRINT, *arguments)
        assert done.rc == 0, done.stderr
        place = f"/srv/probe/releases/{release}"
        assert json.loads(done.stdout) == [arguments, place, release, int(host.check_output("id -u probe")), f"{place}/.venv"]


@pytest.mark.parametrize(("command", "status", "said"), [
    ("exit 0", 0, ""), ("exit 3", 3, ""), ("kill -TERM $$", 143, "Terminated"), ("kill -KILL $$", 137, "Killed"),
    ("no-such-command", 127, "not found"), ("touch /etc/x", 1, "Read-only file system"), ("touch here", 1, "Read-only file system"),
])
def test_the_status_of_a_command_is_that_of_the_wrapper(host, command, status, said):
    done = host.run("probe-run sh -c %s", command)
    assert done.rc == status and said in done.stderr, done.stderr


def test_a_command_has_what_it_is_given_and_gives_what_it_has(host):
    assert host.run("printf 'a\\0b' | probe-run od -An -c | tr -d ' '").stdout == "a\\0b\n"
    assert host.run("head -c 3000000 /dev/zero | probe-run cat | wc -c").stdout == "3000000\n"
    assert host.run("probe-run sh -c 'echo out; echo error >&2' 2> /dev/null").stdout == "out\n"
    # With a terminal, the command has one of its own.
    assert host.run("script -qec 'probe-run sh -c \"test -t 0 && test -t 1 && exit 7\"' /dev/null").rc == 7


def test_a_command_has_the_sandbox_of_the_processes(host):
    release = live(host, "probe")
    names = ["User", "Group", "UMask", "LimitNOFILE", "CapabilityBoundingSet", "AmbientCapabilities", "NoNewPrivileges", "PrivateTmp", "PrivateDevices",
             "PrivateUsers", "PrivateIPC", "PrivateMounts", "ProtectSystem", "ProtectHome", "ProtectClock", "ProtectHostname", "ProtectKernelLogs",
             "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "ProtectProc", "ProcSubset", "LockPersonality",
             "MemoryDenyWriteExecute", "KeyringMode", "RemoveIPC", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
             "RestrictAddressFamilies", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber", "DevicePolicy"]
    found = host.check_output(
        "probe-run sleep 60 > /dev/null & listed() { systemctl list-units --plain --no-legend --state=active 'pyweb.probe.run-*' | cut -d' ' -f1; }; "
        "until [ -n \"$(listed)\" ]; do sleep 0.2; done; "
        "for unit in pyweb.probe.web.%s.service $(listed); do systemctl show -p %s $unit; echo ---; done; kill $!", release, ",".join(names))
    web, command, rest = [set(part.strip().splitlines()) for part in found.split("---")]
    assert web == command and len(web) == len(names) and not rest, web ^ command


def test_a_signal_ends_the_command_and_what_it_has_started(host):
    assert host.run("timeout --preserve-status --signal TERM 1 probe-run sh -c 'sleep 60 & sleep 60'").rc == 143
    assert host.run("probe-run sh -c 'sleep 60 & true'").rc == 0
    assert host.run("pgrep -u probe -x sleep").stdout == ""
    assert host.run("systemctl list-units --all --plain --no-legend 'pyweb.probe.run-*'").stdout == ""


@pytest.mark.parametrize(("command", "said"), [
    ("runuser -u nobody -- probe-run true", "probe-run: only root may run commands as probe: use sudo probe-run."),
    ("probe-run", "probe-run: say what is to run, such as sudo probe-run python manage.py shell."),
])
def test_what_keeps_a_command_from_being_run(host, command, said):
    done = host.run(command)
    assert (done.rc, done.stderr.strip()) == (125, said)
