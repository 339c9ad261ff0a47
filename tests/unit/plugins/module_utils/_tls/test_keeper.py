# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose certificates a host keeps."""

from __future__ import annotations

import json

from ansible_collections.pyweb.stack.plugins.module_utils._tls import keeper


def store(tmp_path, *names):
    (tmp_path / "sites.d").mkdir()
    for name in names:
        site = {"name": name, "domains": [f"{name}.example.com"], "dns": False, "settings": {"directory": f"https://{name}.example.com/dir"}}
        (tmp_path / "sites.d" / f"{name}.json").write_text(json.dumps(site))
    return str(tmp_path)


def test_each_site_has_the_settings_of_its_inventory(tmp_path):
    config = keeper.Config.read(store(tmp_path, "shop", "blog"))
    assert [(site.name, site.settings.directory) for site in config.sites] == [
        ("blog", "https://blog.example.com/dir"), ("shop", "https://shop.example.com/dir"),
    ]


def test_what_others_renew_is_not_ours(tmp_path):
    outcome = keeper.Keeper(keeper.Config.read(store(tmp_path, "shop"))).deployed("/etc/letsencrypt/live/their.example.org")
    assert (outcome.done, outcome.faults) == ([], [])
