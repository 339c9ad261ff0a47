# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories that come with the collection are what the collection accepts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils._apps import resolve

CHECKOUT = Path(__file__).resolve().parents[2]
INVENTORIES = ["demo/hosts.yml", "example/staging.yml", "example/production.yml"]


def variables(inventory, host):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible")), "-i", f"inventories/{inventory}", host, "-c", "local"]
        + ["-m", "ansible.builtin.debug", "-a", "msg={{ [pyweb_apps, pyweb_app_overrides | default({}), groups] | to_json }}"],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(json.loads(done.stdout.partition("=>")[2])["msg"])


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_applications_are_accepted(inventory):
    apps, overrides, groups = variables(inventory, "pyweb[0]")
    resolved = resolve(apps, overrides, host=groups["pyweb"][0], groups=groups)
    assert sorted(app["name"] for app in resolved) == sorted(apps)


def test_stages_differ_where_the_example_says_so():
    seen = {}
    for stage in ("staging", "production"):
        apps, overrides, groups = variables(f"example/{stage}.yml", "pyweb[0]")
        seen[stage] = {app["name"]: app for app in resolve(apps, overrides, host=groups["pyweb"][0], groups=groups)}
    assert seen["staging"]["shop"]["site"]["domains"] == ["shop.staging.example.com"]
    assert seen["production"]["shop"]["site"]["domains"] == ["shop.example.com", "www.shop.example.com"]
    assert seen["staging"]["shop"]["app"]["env"] == {"DJANGO_SETTINGS_MODULE": "shop.settings", "SHOP_STAGE": "staging"}
