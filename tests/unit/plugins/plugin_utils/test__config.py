# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release runs with, and how it differs from the inventory, from what a host says of a release that this very inventory made."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.secrets import MASK
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _config

APPS = {"shop": {
    "source": {"repo": "https://git.example.com/shop.git", "version": "v1"}, "env": {"COLOUR": "blue", "DSN": "db://u:hunter22@h"},
    "secrets": {"TOKEN": "hunter22"}, "build": ["make"], "build_env": {"MODE": "prod"},
    "processes": {"web": {"wsgi": "shop:app", "workers": 2, "health": {"path": "/up"}}, "worker": {"command": "work", "count": 2}},
    "site": {"domains": ["shop.example.com"], "static": {"/static/": "static"}},
}}


def item(**changes):
    apps = copy.deepcopy(APPS)
    apps["shop"].update(changes)
    return _apps.resolve(apps)[0]


@pytest.fixture
def live():
    """As the module release_config tells of the release that APPS made."""
    made = item()
    return {
        "release": "R1", "version": "v1", "source": "https://git.example.com/shop.git", "revision": "f" * 40, "kind": "repo", "python_version": "3.13",
        "env": {"COLOUR": "blue", "DSN": f"db://u:{MASK}@h"}, "static": made["app"]["static"], "build": ["make"], "build_env": ["MODE"],
        "shared": made["app"]["shared"], "manager": "systemd", "domain": "shop.example.com", "processes": made["appserver"]["processes"],
        "secrets": {"TOKEN": MASK},
    }


def compared(live, made, **more):
    found = {"config": live, "compared": None, "secrets_differ": False, **more}
    return "\n".join(_config.lines("shop", {"web1": found, "web2": found}, {"web1": made, "web2": made}, "inventory"))


def test_what_is_shown(live):
    shown = "\n".join(_config.lines("shop", {"web1": {"config": live}}, {"web1": item()}, None))
    assert shown.startswith("shop on web1:\n  release: R1\n") and "path: /up" in shown and "TOKEN: '********'" in shown
    assert "stop_timeout" not in shown and "hunter22" not in shown and "scale" not in shown


def test_the_inventory_that_made_it(live):
    assert compared(live, item()) == "shop on web1, web2:\n  The inventory has the configuration of release R1."
    assert "Secrets or files have other contents" in compared(live, item(), secrets_differ=True)


@pytest.mark.parametrize("changes, lines", [
    ({"env": {"COLOUR": "red", "DSN": "db://u:hunter22@h"}}, ["-  COLOUR: blue", "+  COLOUR: red"]),
    ({"env": {"COLOUR": "hunter22"}}, [f"+  COLOUR: '{MASK}'", f"-  DSN: db://u:{MASK}@h"]),
    ({"secrets": {"TOKEN": "hunter22", "KEY": "hunter33"}}, [f"+  KEY: '{MASK}'"]),
    ({"source": {"repo": "https://git.example.com/shop.git", "version": "v2"}}, ["-version: v1", "+version: v2"]),
    ({"build": ["make", "make more"]}, ["+- make more"]),
    ({"processes": {"web": {"wsgi": "shop:app", "workers": 3, "health": {"path": "/up"}}}}, ["-    workers: 2", "+    workers: 3", "-  worker:"]),
    ({"manager": "supervisor"}, ["-manager: systemd", "+manager: supervisor"]),
])
def test_what_the_next_deploy_changes(live, changes, lines):
    told = compared(live, item(**changes))
    assert all(f"  {line}" in told.split("\n") for line in lines) and "hunter22" not in told, told


def test_numbers_that_deploys_keep_to_are_no_difference(live):
    live["processes"] = {**live["processes"], "worker": {**live["processes"]["worker"], "count": 5}}
    live["scale"] = {"worker": {"option": "count", "number": 5, "instead_of": 2, "by": "me", "since": "now"}}
    assert "The inventory has the configuration" in compared(live, item())


def test_what_an_older_version_did_not_record(live):
    for key in ("build", "build_env", "shared"):
        del live[key]
    assert "The inventory has the configuration" in compared(live, item(build=["other"]))


def test_two_releases(live):
    other = {**live, "release": "R0", "env": {"COLOUR": "green"}}
    found = {"config": live, "compared": other, "secrets_differ": False}
    told = _config.lines("shop", {"web1": found}, {"web1": item()}, "R0")
    assert "  -  COLOUR: blue" in told and "  +  COLOUR: green" in told and "  --- release R1" in told
    same = _config.lines("shop", {"web1": {**found, "compared": {**live, "release": "R0"}}}, {"web1": item()}, "R0")
    assert same[1:] == ["  Both releases have the same configuration: R1, R0."]
