# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relative files are found beside the user's playbook, then beside the inventory, whatever playbook of the collection runs."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

from ansible import context

from ansible_collections.pyweb.stack.plugins.plugin_utils import _places

CHECKOUT = pathlib.Path(__file__).parents[4]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import playbook  # noqa: E402


@pytest.fixture
def project(tmp_path):
    for name in ("inventory", "mine", "imported", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine/site.yml").write_text("[]")
    return tmp_path


@pytest.mark.parametrize("files, found", [
    (["mine/ca.crt", "imported/ca.crt"], "mine/ca.crt"),
    (["imported/ca.crt", "inventory/ca.crt"], "imported/ca.crt"),
    (["mine/files/ca.crt", "mine/ca.crt"], "mine/files/ca.crt"),
    (["inventory/ca.crt", "elsewhere/ca.crt"], "inventory/ca.crt"),
    (["inventory/files/ca.crt"], "inventory/files/ca.crt"),
    (["elsewhere/ca.crt"], "elsewhere/ca.crt"),
    ([], None),
])
def test_order(project, monkeypatch, files, found):
    for name in files:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x")
    monkeypatch.chdir(project / "elsewhere")
    monkeypatch.setattr(context, "CLIARGS", {"args": (str(project / "mine/site.yml"), "pyweb.stack.releases")})
    places = _places.places({"playbook_dir": str(project / "imported"), "inventory_dir": str(project / "inventory")})
    assert _places.find("ca.crt", places) == (found and str(project / found))
    assert _places.find(str(project / "mine/site.yml"), places) == str(project / "mine/site.yml")


def test_whoever_has_neither_playbook_nor_inventory_has_the_current_directory(project, monkeypatch):
    monkeypatch.chdir(project / "elsewhere")
    monkeypatch.setattr(context, "CLIARGS", {})
    assert _places.places({"playbook_dir": None}) == [str(project / "elsewhere")]


def test_a_playbook_of_the_collection_has_no_files_for_users(project):
    """Run by its name: tasks/check.yml lies beside it, and is none of the user's."""
    inventory = {"pyweb": {"hosts": {"web1": {"ansible_connection": "local"}}, "vars": {
        "pyweb_apps": {"shop": {"source": {"repo": "x"}, "processes": {"web": {"wsgi": "a:b"}}, "hooks": {"on_failure": [{"tasks": "tasks/check.yml"}]}}}}}}
    (project / "inventory/hosts.yml").write_text(json.dumps(inventory))
    command = ("pyweb.stack.deploy", "-i", str(project / "inventory/hosts.yml"), "--check")
    (said,) = playbook.play(*command, cwd=project / "elsewhere").messages
    assert said.startswith("pyweb_apps.shop.hooks.on_failure is tasks/check.yml, but the controller has no such file")
