# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _extra


@pytest.mark.parametrize("name, meant", [
    ("apps", "app"), ("App", "app"), ("application", "app"), ("app_name", "app"), ("versions", "version"), ("verson", "version"),
    ("forced", "force"), ("pined", "pinned"), ("comand", "command"), ("audit_fial", "audit_fail"), ("patch_rebot", "patch_reboot"),
])
def test_a_name_that_is_nearly_right(name, meant):
    fault = _extra.fault(["stage", name])
    assert fault.startswith(f"-e {name}=… ") and f"did you mean {meant} (-e " in fault and "\n" not in fault


@pytest.mark.parametrize("name", [*_extra.ACCEPTED, "stage", "env", "ansible_user", "pyweb_apps", "pyweb_serial", "python_versions", "map", "region",
                                  "app_image", "service_version", "db_version", "forks"])
def test_names_that_are_right_or_somebody_elses(name):
    assert _extra.fault([name]) == ""


@pytest.mark.parametrize("value", [True, False, "true", "False", "yes", "0", 1, "{{ lookup('env', 'FAIL') }}"])
def test_words_for_true_and_false(value):
    assert _extra.switch_fault({"audit_fail": value, "app": "maybe"}) == ""


def test_a_word_that_ansible_would_take_for_false():
    assert _extra.switch_fault({"status_fail": "maybe"}) == "status_fail is 'maybe': true or false is needed, as -e status_fail=true."


@pytest.mark.parametrize("given, names", [
    (None, []), ("", []), ("shop", ["shop"]), ("shop,blog", ["shop", "blog"]), (" shop , blog,, shop", ["shop", "blog"]), (["shop", "blog"], ["shop", "blog"]),
])
def test_applications_by_name(given, names):
    assert _extra.chosen(given) == names
