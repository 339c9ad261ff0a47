# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the host package: which one a host starts, and which ones go."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import package

A = "20261101T000000Z-1a2b3c4"
OLD, NEW = f"{package.LIBRARY}/engine.py", f"{package.LIBRARY}/{'0' * 32}/engine.py"
BOOT = "[Service]\nExecStart=/usr/bin/python3 -I {program} boot shop\nExecStop=/usr/bin/python3 -I {program} stop shop\n"


@pytest.fixture
def units(host):
    """What role appserver has written for the one file of version 0.1.0."""
    (host.root / "usr/local/bin").mkdir(parents=True)
    paths = {
        host.units / "pyweb.shop.service": (BOOT, 0o644),
        host.root / "usr/local/bin/shop-run": ('#!/bin/sh\nexec /usr/bin/python3 -I {program} run shop -- "$@"\n', 0o755),
        host.programs / "pyweb.conf": ("[program:pyweb]\ncommand=/usr/bin/python3 -I {program} boot --supervisor\n", 0o644),
        host.units / "pyweb-metrics.service": ("[Service]\nExecStart=/usr/bin/python3 -I {program} metrics /var/lib/node\n", 0o644),
    }
    for path, (text, mode) in paths.items():
        path.write_text(text.format(program=OLD))
        path.chmod(mode)
    return paths


def test_a_deploy_makes_the_host_start_the_code_that_it_was_done_with(host, units):
    app = host.app()
    host.release(app, A)
    app.switcher.begin(A, "activate", "me")
    for path, (text, mode) in units.items():
        assert path.read_text() == text.format(program=NEW) and path.stat().st_mode & 0o777 == mode
    assert [call for call in host.systemd.calls if "daemon-reload" in call] == ["systemctl daemon-reload"]
    host.systemd.calls_path.unlink()
    app.switcher.begin(A, "activate", "me")
    assert not any("daemon-reload" in call for call in host.systemd.calls), "once"


def test_a_boot_unit_of_somebody_else_stays_as_it_is(host):
    app = host.app()
    text = "[Service]\nExecStart=/usr/bin/python3 /usr/local/lib/pyweb-tools/engine.py boot shop\n"
    (host.units / "pyweb.shop.service").write_text(text)
    package.adopt(app.paths, app.system)
    assert (host.units / "pyweb.shop.service").read_text() == text


@pytest.fixture
def library(tmp_path):
    """Six copies, the first one the oldest, the one file of before, and an installation that did not end."""
    top = tmp_path / "library"
    for number in range(6):
        (top / (str(number) * 32)).mkdir(parents=True)
        os.utime(top / (str(number) * 32), (1000 + number, 1000 + number))
    (top / "engine.py").touch()
    for name, age in ((".new-cut", 1000), (".new-now", None)):
        (top / name).mkdir()
        if age:
            os.utime(top / name, (age, age))
    (top / "notes").mkdir()
    return top


def names(library):
    return {entry[0] if len(entry) == 32 else entry for entry in os.listdir(library)}


@pytest.mark.parametrize("starters, kept", [
    ({}, {"5", "4", "3"}),
    ({"etc/systemd/system/pyweb.shop.service": "0"}, {"5", "4", "3", "0"}),
    ({"run/systemd/transient/pyweb.shop.settle.service": "1"}, {"5", "4", "3", "1"}),
    ({"usr/local/bin/shop-run": "", "etc/supervisor/conf.d/pyweb.conf": "2"}, {"5", "4", "3", "2", "engine.py"}),
])
def test_copies_go_when_nothing_starts_them(tmp_path, library, starters, kept):
    for name, digit in starters.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"exec python3 {package.LIBRARY}/{digit * 32 + '/' if digit else ''}engine.py\n")
    (tmp_path / "root/var/cache/pyweb/copy").mkdir(parents=True)
    package.remove_unused(str(library), "5" * 32, str(tmp_path / "root"))
    assert os.listdir(tmp_path / "root/var/cache") == []
    assert names(library) == kept | {".new-now", "notes"}


def test_the_guard_starts_the_copy_that_armed_it(host):
    app = host.app()
    app.guard.arm(90)
    assert any(call.startswith("systemd-run") and f"{NEW} settle shop" in call for call in host.systemd.calls)
