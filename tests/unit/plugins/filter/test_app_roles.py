# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles app and appserver ask of an application's hooks, and of a host's accounts."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.filter import accounts_to_correct, hook_tasks

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "support"))

from role_variables import seen  # noqa: E402

CHECKOUT = pathlib.Path(__file__).resolve().parents[4]
HOOKS = {
    "before_activate": ["true", {"command": "true"}, {"tasks": "a.yml"}, {"tasks": "b.yml"}], "after_activate": [{"tasks": None}], "on_failure": None,
    "after_build": [{"tasks": "c.yml", "command": None}],
}


@pytest.mark.parametrize("phases, wanted", [
    (["before_activate"], [("before_activate", "a.yml"), ("before_activate", "b.yml")]),
    # The order is that of a deploy.
    (["after_build", "before_activate"], [("after_build", "c.yml"), ("before_activate", "a.yml"), ("before_activate", "b.yml")]),
    (["on_failure"], []), (["after_activate"], []), (["on_rollback"], []),
    (None, [("before_activate", "a.yml"), ("before_activate", "b.yml"), ("after_build", "c.yml")]),
])
def test_files_of_tasks_with_their_phases(phases, wanted):
    assert [(item["phase"], item["tasks"]) for item in hook_tasks.hook_tasks(HOOKS, phases)] == wanted


def test_no_hooks():
    assert hook_tasks.hook_tasks(None) == hook_tasks.hook_tasks({}, ["on_failure"]) == []


USERS = [
    {"name": "shop-build", "comment": "Builds shop", "groups": ["shop-web"]}, {"name": "shop", "comment": "Runs shop", "groups": ["shop-web", "shop-build"]},
]
# As getent tells them.
PASSWD = {
    "root": ["x", "0", "0", "root", "/root", "/bin/bash"],
    "shop-build": ["x", "990", "991", "Builds shop", "/srv/shop", "/usr/sbin/nologin"],
    "shop": ["x", "992", "993", "Runs shop", "/srv/shop", "/usr/sbin/nologin"],
}
GROUP = {"root": ["x", "0", ""], "shop-web": ["x", "990", "shop-build,shop,www-data"], "shop-build": ["x", "991", "shop"], "shop": ["x", "993", ""]}


@pytest.mark.parametrize("passwd, group, wanted", [
    ({}, {}, []),
    ({"shop": None}, {}, ["shop"]),
    ({}, {"shop": None}, ["shop"]),
    ({"shop": ["x", "992", "1", "Runs shop", "/srv/shop", "/usr/sbin/nologin"]}, {}, ["shop"]),
    ({"shop": ["x", "992", "993", "somebody", "/srv/shop", "/usr/sbin/nologin"]}, {}, ["shop"]),
    ({"shop": ["x", "992", "993", "Runs shop", "/home/shop", "/usr/sbin/nologin"]}, {}, ["shop"]),
    ({"shop": ["x", "992", "993", "Runs shop", "/srv/shop", "/bin/sh"]}, {}, ["shop"]),
    ({}, {"shop-web": ["x", "990", "shopkeeper,shop-build"]}, ["shop"]),
    ({}, {"shop-web": None}, ["shop-build", "shop"]),
    ({}, {"shop-build": ["x", "991", ""]}, ["shop"]),
])
def test_accounts_that_are_other_than_they_have_to_be(passwd, group, wanted):
    def host(base, other):
        return {name: value for name, value in {**base, **other}.items() if value is not None}

    found = accounts_to_correct.accounts_to_correct(USERS, host(PASSWD, passwd), host(GROUP, group), "/srv/shop", "/usr/sbin/nologin")
    assert [user["name"] for user in found] == wanted


@pytest.mark.parametrize("accounts, groups, wanted", [
    ([], [], []),
    ([], ["shop"], ["shop"]),
    ([], ["shop-build", "shop-web"], ["shop-build", "shop-web"]),
    # The accounts are judged by their homes and comments, which says more.
    (["shop-build"], ["shop-build"], []),
    # Of an application shop-web, whose secrets its group may read.
    (["shop-web"], ["shop-web", "shop-web-build", "shop-web-web"], ["shop-web"]),
    (["shop", "shop-build"], ["shop", "shop-build", "shop-web"], []),
])
def test_groups_of_others_are_told_before_the_application_has_an_account(accounts, groups, wanted):
    facts = {"getent_passwd": dict.fromkeys(accounts, []), "getent_group": dict.fromkeys(groups, [])}
    assert seen("app", "__app_foreign_groups", app_config={"name": "shop"}, ansible_facts=facts) == wanted


def test_accounts_and_groups_that_no_listing_shows_are_seen():
    """Those of a directory service, which the host tells when it is asked for one by name."""
    git = ["x", "1500", "1500", "", "/srv/git", "/bin/bash"]
    told = {
        "app_config": {"name": "git"}, "ansible_facts": {"getent_passwd": {"root": []}, "getent_group": {"root": []}},
        "__app_places": {"stdout_lines": ["account:git:x:1500:1500::/srv/git:/bin/bash", "group:git-web:x:1501:", "d /srv/git"]},
    }
    assert seen("app", "__app_accounts", **told) == {"root": [], "git": git}
    assert seen("app", "__app_foreign_groups", **told) == ["git-web"]


def test_names_are_asked_for_one_by_one(tmp_path):
    (tmp_path / "getent").write_text('#!/bin/sh\nshift; [ "$1" = -- ] && shift || exit; echo "$1:x:1500:1500::/srv/git:/bin/bash"\n')
    (tmp_path / "getent").chmod(0o755)
    tasks = yaml.safe_load((CHECKOUT / "roles/app/tasks/validate.yml").read_text(encoding="utf-8"))
    script = next(task["vars"]["__app_look_script"] for task in tasks if "__app_look_script" in task.get("vars", {}))
    done = subprocess.run(
        ["sh", "-c", script, "look", "git", "git-build", "git-web", str(tmp_path)], check=False, capture_output=True, text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    lines = done.stdout.splitlines()
    assert lines[:3] == ["account:git:x:1500:1500::/srv/git:/bin/bash", "group:git:x:1500:1500::/srv/git:/bin/bash", f"d {tmp_path}"]
