# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scenarios run, on which hosts, and how many of them at a time."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runner():
    """scripts/molecule.py, under a name that is not Molecule's own."""
    spec = importlib.util.spec_from_file_location("scenario_runner", CHECKOUT / "scripts" / "molecule.py")
    module = sys.modules["scenario_runner"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scenario_runner"]


NAMES = sorted(path.parent.name for path in CHECKOUT.glob("molecule/*/molecule.yml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_has_hosts_in_each_run(runner, monkeypatch, name):
    scenario = runner.Scenario(name)
    monkeypatch.delenv("PYWEB_FULL", raising=False)
    assert scenario.hosts == (1 if (scenario.directory / "SYSTEM").exists() else len(scenario.platforms)) >= 1
    assert scenario.only in (None, *scenario.platforms)
    monkeypatch.setenv("PYWEB_FULL", "1")
    assert scenario.only is None and scenario.hosts == len(scenario.platforms)
    assert all(host.startswith(f"{name}-") for host in scenario.platforms)


def test_a_system_that_no_host_has_is_refused(runner, monkeypatch, tmp_path):
    folder = tmp_path / "molecule" / "shop"
    folder.mkdir(parents=True)
    (folder / "molecule.yml").write_text("---\n")
    (folder / "SYSTEM").write_text("debian11\n")
    monkeypatch.delenv("PYWEB_FULL", raising=False)
    monkeypatch.setattr(runner, "CHECKOUT", tmp_path)
    with pytest.raises(ValueError, match="SYSTEM names 'debian11'; the scenario has the hosts shop-debian12, shop-debian13"):
        runner.Scenario("shop").hosts


def test_more_hosts_than_the_machine_lets_start_are_refused(runner):
    scenarios = [runner.Scenario(name) for name in ("nginx", "lockout")]
    assert runner.too_large(scenarios[:1], 7) == ""
    assert runner.too_large(scenarios, 7).endswith("sysctl -w fs.inotify.max_user_instances=400")
    assert runner.too_large(scenarios, 24) == ""


def test_the_hosts_of_all_that_run_fit_into_the_machine(runner, capsys):
    lock, now, most, begun = threading.Lock(), [0], [0], []

    class Timed(runner.Scenario):
        hosts = 0

        def run(self):
            with lock:
                begun.append(self.name)
                now[0] += self.hosts
                most[0] = max(most[0], now[0])
            time.sleep(0.02)
            with lock:
                now[0] -= self.hosts
            self.passed = True

    scenarios = [Timed(f"s{number}") for number in range(12)] + [Timed("story")]
    for number, scenario in enumerate(scenarios):
        scenario.hosts = number % 4 + 1
    scenarios[0].hosts = 9
    runner.Schedule(scenarios, 3, 7).run()
    assert sorted(begun) == sorted(scenario.name for scenario in scenarios)
    # The one that is larger than the machine has it alone.
    assert most[0] == 9
    most[0] = 0
    runner.Schedule(scenarios[1:], 3, 7).run()
    assert 4 <= most[0] <= 7
    assert "molecule s1" in capsys.readouterr().out


def test_it_is_said_how_long_each_step_took(runner, monkeypatch, tmp_path):
    """Also of one that leaves something behind which holds on to its output."""
    monkeypatch.setattr(runner, "LOGS", tmp_path)
    monkeypatch.setattr(runner.Scenario, "only", None)
    monkeypatch.setattr(runner.sys, "executable", str(tmp_path / "python"))
    program = tmp_path / "molecule"
    program.write_text(
        "#!/bin/sh\necho 'INFO     [shop > create] Executing'\nsleep 90 &\necho $! > $(dirname $0)/child\n"
        "echo '\033[36mINFO    \033[0m [shop > verify] Executing'\necho 'INFO     [shop > verify] Executing Testinfra tests'\n"
    )
    program.chmod(0o755)
    scenario = runner.Scenario("shop")
    try:
        scenario.run()
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert scenario.passed and [name for name, _began in scenario.steps] == ["create", "verify"]
    assert re.search(r"\(create \d+:\d\d, verify \d+:\d\d\)$", scenario.line())
    assert scenario.log.read_text().splitlines()[-1] == scenario.timings()
