# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose sites stay on a host or go, and which certificates are to be made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.module_utils import _nginx_config
from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_changes, _site_plan

STORE, ASKING = "/acme", "/acme/sites.d"
LOOK = {"sites": [], "listed": [], "missing_files": [], "certificates": []}
SHOP = {"site": "shop", "source": "acme", "domains": ["shop.org"], "place": "/acme/shop",
        "certificate": "/acme/shop/current/fullchain.pem", "key": "/acme/shop/current/privkey.pem"}
PLAN = {"named": ["shop", "absent"], "acme_pairs": [SHOP], "acme_sites": [{"name": "shop"}], "self_signed": [],
        "sites": [], "nameless": None}


def there(name):
    return {"name": name, "path": f"/conf.d/pyweb.site.{name}.conf", "live": True}


def changes(plan=None, keep=False, **look):
    return _site_changes.changes(plan or PLAN, {**LOOK, **look}, keep=keep, store=STORE, directory=ASKING)


def test_sites_of_another_inventory_stay_with_their_files_where_they_are_kept():
    ours, other = f"/tls/shop-{'a' * 12}.crt", f"/tls/other-{'b' * 12}.key"
    found = {"sites": [there("shop"), there("other")], "listed": [ours, other, "/acme/sites.d/other.json"]}
    kept, gone = changes(keep=True, **found), changes(**found)
    assert kept["kept"] == [there("other")] and kept["leaving"] == []
    assert kept["kept_files"] == [there("other")["path"], other] and kept["acme_gone"] == []
    assert gone["kept"] == [] and gone["leaving"] == [there("other")]
    assert gone["kept_files"] == [] and gone["acme_gone"] == ["/acme/sites.d/other.json"]


def test_a_site_that_is_named_is_nobody_elses():
    assert changes(sites=[there("shop"), there("absent")])["leaving"] == []


@pytest.mark.parametrize("path, gone", [
    ("/acme/sites.d/shop.json", False), ("/acme/sites.d/old.json", True),
    # As an earlier version kept all of them.
    ("/acme/acme.json", True), ("/tls/old-0123456789ab.crt", False),
])
def test_who_no_longer_asks_by_acme(path, gone):
    assert changes(listed=[path])["acme_gone"] == ([path] if gone else [])


@pytest.mark.parametrize("missing", [[SHOP["certificate"]], [SHOP["key"]], [SHOP["key"], SHOP["certificate"]]])
def test_acme_begins_with_a_certificate_that_is_self_signed(missing):
    found = changes(missing_files=missing)
    assert found["acme_to_begin"] == [SHOP]
    assert found["to_make"] == [{**SHOP, "source": "self-signed", "certificate": "/acme/shop/self-signed/fullchain.pem",
                                 "key": "/acme/shop/self-signed/privkey.pem"}]


def test_a_certificate_is_made_where_it_is_missing_or_due_by_the_companys_authority():
    pairs = [{"site": name, "source": "company-ca", "domains": [], "certificate": f"/{name}.crt", "key": f"/{name}.key"} for name in "abcd"]
    seen = [{"site": "a", "source": "company-ca", "due": True, "damaged": False}, {"site": "b", "source": "files", "due": True, "damaged": True},
            {"site": "shop", "source": "acme", "due": True, "damaged": True}]
    found = changes({**PLAN, "self_signed": pairs}, missing_files=["/c.key"], certificates=seen)
    assert [pair["site"] for pair in found["to_make"]] == ["a", "c"]
    assert found["acme_damaged"] == ["shop"]


ROLE = Path(__file__).resolve().parents[4] / "roles" / "nginx"
ACME = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))["nginx_acme"]
DEFAULTS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__nginx_site_defaults"]


def planned(*sites):
    return _site_plan.plan(list(sites), defaults=DEFAULTS, directory="/tls", store=STORE, ca="", acme=ACME, paths={})


PLAIN = {"name": "plain", "domains": ["plain.org"], "root": "/srv/plain"}
ASKED = {"name": "asked", "domains": ["asked.org", "192.0.2.7"], "upstream": "http://127.0.0.1:8000", "probes": ["/up"], "trusted_proxies": ["192.0.2.1"],
         "retry_after": 60}


def test_what_a_kept_site_needs_of_the_common_parts_is_read_from_its_file():
    mine = changes(planned(PLAIN, ASKED))
    assert list(mine["records"]) == ["asked"] and [site["name"] for site in mine["shared"]] == ["asked", "plain"]
    record = _nginx_config.record_of(f"# managed\n# For runs of another inventory: {json.dumps(mine['records']['asked'])}\nserver {{\n}}\n")
    other = changes(planned(PLAIN), keep=True, sites=[{**there("asked"), "record": record}])
    assert other["shared"] == mine["shared"] and other["nameless"]["certificate"] == mine["nameless"]["certificate"]
    assert changes(planned(PLAIN), sites=[{**there("asked"), "record": record}])["nameless"] is None


@pytest.mark.parametrize("text", ["server {\n}\n", '# For runs of another inventory: {"schema": 99, "probes": ["/up"]}\n'])
def test_a_site_without_a_record_that_we_know_is_kept_without_it(text):
    found = [{**there("asked"), "record": _nginx_config.record_of(text)}]
    assert [site["name"] for site in changes(planned(PLAIN), keep=True, sites=found)["shared"]] == ["plain"]


@pytest.mark.parametrize("option", [
    {"probes": ["/up"]}, {"trusted_proxies": ["192.0.2.1"]}, {"retry_after": 60}, {"domains": ["2001:db8::7"]}, {"tls": {"source": "acme"}},
])
def test_each_option_of_the_common_parts_is_recorded(option):
    assert list(changes(planned({**PLAIN, **option}))["records"]) == ["plain"]
