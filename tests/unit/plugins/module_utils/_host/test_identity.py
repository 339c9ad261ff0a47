# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import identity
from ansible_collections.pyweb.stack.plugins.module_utils._host.identity import add_source, fault, note, noted, of_source

A = {"schema": 1, "sources": ["repo git.example.com/a/shop"], "domains": ["a.example.com", "www.a.example.com"], "domain": "a.example.com"}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        # However it is reached, and by whom.
        ([{"repo": "https://bot:secret@Git.Example.com:8443/acme/shop.git/"}, {"repo": "git@git.example.com:acme/shop.git"},
          {"repo": "ssh://git@git.example.com:2222/acme/shop"}, {"repo": "git.example.com:acme/shop"}], "repo git.example.com/acme/shop"),
        ([{"repo": "/srv/git/shop.git"}, {"repo": "file:///srv/git/shop.git"}], "repo /srv/git/shop"),
        ([{"path": "../shop"}], "path ../shop"),
        ([{"path": "/builds/4711/acme/shop"}, {"path": "/builds/4712/acme/shop/"}], "path /builds/acme/shop"),
        # Whatever the version and the build.
        ([{"archive": "dist/shop-1.4.tar.gz"}, {"archive": "dist/shop-v2.0rc1.zip"}, {"archive": "dist/shop.TGZ"}], "archive dist/shop"),
        ([{"archive": "https://ci.example.com/acme/builds/17/shop.tar.gz?signature=secret"}, {"archive": "https://ci.example.com/acme/builds/18/shop.tar.gz"}],
         "archive ci.example.com/acme/builds/shop"),
        ([{"package": "Shop_Front[redis]==1.4.0"}, {"package": "shop-front"}], "package shop-front"),
        ([{"package": "dist/shop-1.4-py3-none-any.whl"}, {"package": "dist/shop-1.5-py3-none-any.whl"}], "package dist/shop"),
        ([{"repo": None, "path": None, "package": "shop"}], "package shop"),
        ([{}], ""),
    ],
)
def test_a_source_is_the_same_from_one_version_to_the_next(sources, expected):
    assert {of_source(source) for source in sources} == {expected}


def test_repositories_of_two_teams_are_two():
    assert of_source({"repo": "https://git.example.com/a/shop.git"}) != of_source({"repo": "https://git.example.com/b/shop.git"})


@pytest.mark.parametrize(
    ("before", "source", "domains"),
    [
        (None, "repo git.example.com/b/shop", ["b.example.com"]),  # set up by an older version
        (A, "repo git.example.com/a/shop", ["b.example.com"]),
        (A, "repo git.example.com/a/shop", []),
        (A, "path shop", ["www.a.example.com", "b.example.com"]),
        (A, "path shop", None),  # the role alone
        ({**A, "domains": []}, "path shop", []),  # neither had a site: the source alone has changed
        ({**A, "sources": ["repo git.example.com/a/shop", "path shop"]}, "path shop", ["b.example.com"]),
        (A, of_source({"repo": "/var/lib/pyweb-push/shop/deployed.git"}), ["b.example.com"]),  # a push: with domains of the day when it was set up
    ],
)
def test_one_of_both_may_change(before, source, domains):
    assert fault("shop", before, source, domains) == ""


@pytest.mark.parametrize("domains", [["b.example.com", "shop.example.org"], []])
def test_another_application_is_told_in_a_sentence(domains):
    told = fault("shop", A, "repo git.example.com/b/shop", domains)
    for part in ("pyweb_apps.shop", "repo git.example.com/b/shop", "repo git.example.com/a/shop", "www.a.example.com", *domains, "take another name",
                 "pyweb.stack.destroy -e app=shop -e confirm=shop"):
        assert part in told
    assert told.count(". ") == 0 and told.endswith(".")


def test_what_is_noted_is_what_is_wanted_now():
    before = json.loads(note("path shop", ["b", "a"], "b"))
    assert before == {"schema": 1, "sources": ["path shop"], "domains": ["a", "b"], "domain": "b"} and noted(before) == before


@pytest.mark.parametrize("record", [None, [], {}, {"schema": 2, "sources": 3}])
def test_what_a_newer_version_has_noted_is_not_guessed_at(record):
    assert noted(record) is None


def test_a_deploy_adds_its_source(tmp_path):
    path = tmp_path / "identity.json"
    add_source(str(path), "shop", "path shop")
    assert not path.exists()
    path.write_text(note("path shop", ["a"], "a"))
    before = path.stat().st_mtime_ns
    add_source(str(path), "shop", "path shop")
    add_source(str(path), "shop", "")
    add_source(str(path), "shop", of_source({"repo": "/var/lib/pyweb-push/shop/deployed.git"}))
    assert path.stat().st_mtime_ns == before
    add_source(str(path), "shop", "path other")
    assert json.loads(path.read_text())["sources"] == ["path shop", "path other"]
    assert path.stat().st_mode & 0o777 == identity.MODE and os.listdir(tmp_path) == ["identity.json"]
