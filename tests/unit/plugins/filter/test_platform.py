# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems that are tested, that are accepted without that, and that are refused.

No Ubuntu and no arm64 runs in the tests of this collection: here, facts are what such hosts tell of themselves, and the roles' data for
them is looked at as templates see it."""

from __future__ import annotations

import pathlib
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.filter import platform
from ansible_collections.pyweb.stack.plugins.plugin_utils import _platform

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))
from role_variables import seen, variables  # noqa: E402


def facts(distribution, version, machine="x86_64"):
    return {"distribution": distribution, "distribution_version": version, "distribution_major_version": version.split(".")[0], "architecture": machine}


@pytest.fixture
def warned(monkeypatch):
    said = []
    monkeypatch.setattr(platform.Display, "warning", lambda self, text, *more, **other: said.append(text))
    return said


@pytest.mark.parametrize("told", [facts("Debian", "12.11"), facts("Debian", "13.2"), {"distribution": "Debian", "distribution_major_version": "13"}])
def test_what_is_tested_is_accepted_without_a_word(told, warned):
    assert platform.platform(told, "web1")["fault"] == "" and warned == []


@pytest.mark.parametrize("told, begins", [
    (facts("Ubuntu", "22.04"), "Ubuntu 22.04 is"),
    (facts("Ubuntu", "24.04"), "Ubuntu 24.04 is"),
    (facts("Ubuntu", "26.04", "aarch64"), "Ubuntu 26.04 on aarch64 is"),
    (facts("Debian", "13.2", "aarch64"), "Debian 13 on aarch64 is"),
])
def test_what_is_not_tested_is_accepted_with_one_line(told, begins, warned):
    assert platform.platform(told, "web1")["fault"] == ""
    (line,) = warned
    assert line.startswith(f"web1: {begins} not among what this collection is tested on (Debian 12 and Debian 13 on x86_64)") and "\n" not in line


@pytest.mark.parametrize("told, name", [
    (facts("Debian", "11.9"), "Debian 11"), (facts("Ubuntu", "23.10"), "Ubuntu 23.10"), (facts("Ubuntu", "20.04"), "Ubuntu 20.04"),
    (facts("Fedora", "44"), "Fedora 44"), ({}, "a system that its facts do not name"),
])
def test_everything_else_is_refused_in_one_sentence(told, name, warned):
    fault = platform.platform(told, "web1")["fault"]
    assert fault.startswith(f"This host runs {name}; pyweb.stack supports Debian 12 and Debian 13, and accepts Ubuntu 22.04,")
    assert "\n" not in fault and warned == []


def test_nginx_knows_every_system_that_is_accepted():
    assert set(variables("nginx")["__nginx_systems"]) == {*_platform.TESTED, *_platform.ACCEPTED}


@pytest.mark.parametrize("name, directive, pools, rejects, hybrid, http3", [
    ("Debian 12", False, True, True, False, False),
    ("Debian 13", True, True, True, True, True),
    ("Ubuntu 22.04", False, False, False, False, False),
    ("Ubuntu 24.04", False, True, True, False, False),
    ("Ubuntu 26.04", True, True, True, True, True),
])
def test_nginx_writes_what_the_system_s_version_reads(name, directive, pools, rejects, hybrid, http3):
    told = {"__nginx_platform": {"name": name, "fault": ""}}
    assert seen("nginx", "__nginx_http2_as_directive", **told) is directive
    assert seen("nginx", "__nginx_pools", **told) is pools
    assert seen("nginx", "__nginx_has_http3", **told) is http3
    assert seen("nginx", "__nginx_rejects_handshakes", **told) is rejects
    assert ("X25519MLKEM768" in seen("nginx", "__nginx_tls_groups", **told)) is hybrid


@pytest.mark.parametrize("name, extra", [("Ubuntu 22.04", ["python3-tomli"]), ("Ubuntu 24.04", []), ("Debian 12", [])])
def test_python_installs_what_the_system_s_python_lacks(name, extra):
    wanted = seen("python", "__python_wanted_packages", __python_platform={"name": name}, python_extra_packages=[])
    assert [package for package in wanted if package not in variables("python")["__python_packages"]] == extra


@pytest.mark.parametrize("system", ["Debian", "Ubuntu"])
def test_hardening_upgrades_from_the_system_s_own_security_archive(system):
    archives = seen("hardening", "__hardening_security_archives", ansible_facts={"distribution": system})
    assert all(archive.startswith(f"origin={system}") and "ecurity" in archive for archive in archives)
