# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of another kind than an option needs is told by a sentence, and becomes nothing else on the way."""

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError, checked, misshapen
from ansible_collections.pyweb.stack.plugins.module_utils._declared.app import APP
from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import PROCESS


@pytest.mark.parametrize("options, value, says", [
    # As a Dockerfile has it.
    (PROCESS, {"command": ["celery", "worker"]}, "web.command is a list: a single value is needed."),
    (PROCESS, {"wsgi": {"shop": "app"}}, "web.wsgi is a mapping: a single value is needed."),
    (PROCESS, {"count": [1]}, "web.count is a list: a single value is needed."),
    (PROCESS, {"options": {"a": 1}}, "web.options is a mapping: a list is needed, such as [a, b]."),
    (PROCESS, {"health": "/up"}, "web.health is a text: a mapping is needed, of path, host, status"),
    # A colon and a space in a line of YAML.
    (APP, {"build": ["make", {"echo": "done"}]}, "web.build[1] is a mapping: a single value is needed."),
    (APP, {"build": [["make"]]}, "web.build[0] is a list: a single value is needed."),
    (APP, {"shared": [None]}, "web.shared[0] is empty: a single value is needed."),
    (APP, {"shared": True}, "web.shared is True: a list is needed, such as [a, b]."),
    (APP, {"env": [1]}, "web.env is a list: a mapping is needed."),
    (APP, {"dependencies": {"git": ["https://git.example.com/"]}}, "web.dependencies.git[0] is a text: a mapping is needed, of "),
    (APP, {"backup": {"keep": 5}}, "web.backup.keep is 5: a mapping is needed, of daily, weekly, monthly."),
])
def test_another_kind_of_value(options, value, says):
    with pytest.raises(AppsError) as caught:
        checked("web", value, options)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("options, value, name, wanted", [
    (APP, {"build": "make"}, "build", ["make"]), (APP, {"shared": "a,b"}, "shared", ["a", "b"]), (APP, {"env": "A=1"}, "env", {"A": "1"}),
    (APP, {"migrate": ["a", "b"]}, "migrate", ["a", "b"]), (APP, {"python": 3.12}, "python", "3.12"), (PROCESS, {"count": "2"}, "count", 2),
    (APP, {"python": None, "source": {"repo": None}}, "python", None),
    (APP, {"hooks": {"before_build": ["make", {"command": "make"}]}}, "hooks", None),
])
def test_what_ansible_reads_from_another_type(options, value, name, wanted):
    assert wanted in (None, checked("web", value, options)[name])


@pytest.mark.parametrize("value, says", [
    (False, "firewall is False: its options are needed, such as firewall: {enabled: false}."),
    ({"allow": "80"}, "firewall.allow is a text: a list is needed, such as [a, b]."),
    ({"allow": [80, [81]]}, "firewall.allow[1] is a list: a single value is needed."),
    ({"enabled": None, "allow": [80]}, ""),
])
def test_a_text_is_no_list_where_nothing_reads_it(value, says):
    options = {"enabled": {"type": "bool"}, "allow": {"type": "list", "elements": "int"}}
    assert misshapen("firewall", value, {"type": "dict", "options": options}) == says
