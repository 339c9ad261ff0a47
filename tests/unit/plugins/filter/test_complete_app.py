# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.filter.complete_app import complete_app
from ansible_collections.pyweb.stack.plugins.module_utils._declared import roles


def test_what_is_given_stays_and_the_rest_has_its_defaults():
    full = complete_app({"name": "shop", "keep_releases": 2, "source": {"path": "shop"}, "hooks": {"on_failure": [{"command": "true"}]}})
    assert set(full) == set(roles.APP_CONFIG)
    assert (full["name"], full["keep_releases"], full["build"]) == ("shop", 2, [])
    assert (full["source"]["path"], full["source"]["version"], full["source"]["repo"]) == ("shop", "HEAD", None)
    assert (full["hooks"]["on_failure"], full["hooks"]["before_build"]) == ([{"command": "true"}], [])


def test_groups_that_are_null_have_their_defaults():
    assert complete_app({"name": "shop", "source": None, "hooks": None})["hooks"]["on_rollback"] == []


def test_one_application_does_not_change_another():
    complete_app({"name": "shop"})["env"]["A"] = "1"
    assert complete_app({"name": "blog"})["env"] == {}


def test_a_command_alone_is_a_list_of_one():
    """As a text, a module would part it at its commas, and a loop in its characters."""
    command = "npm run build -- --only=a,b"
    given = {"name": "shop", "source": {"path": "shop", "prepare": command}, "build": command, "hooks": {"after_build": command, "before_build": [command]}}
    full = complete_app(given)
    assert full["build"] == full["source"]["prepare"] == full["hooks"]["after_build"] == full["hooks"]["before_build"] == [command]
    assert given["build"] == given["hooks"]["after_build"] == command
