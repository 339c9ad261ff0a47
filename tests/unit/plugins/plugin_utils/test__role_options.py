# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _role_options as role_options

ENTRIES = {"hardening": "main", "python": "main", "nginx": "main", "appserver": "metrics"}


def load(path):
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def as_is(value):
    if value == "{{ of_the_host }}":
        raise AnsibleError("of_the_host is undefined")
    return value


def fault(variables):
    found = (role_options.fault(role, role_options.declared(role, entry, load), variables, as_is) for role, entry in ENTRIES.items())
    return next(filter(None, found), "")


@pytest.mark.parametrize("variables, said", [
    ({"hardening_firewall": False}, "hardening_firewall is False: its options are needed, such as hardening_firewall: {enabled: false}."),
    ({"nginx_server": {}, "nginx_acme": True}, "nginx_acme is a bool: a mapping of its options is needed; the README of role nginx has them."),
    ({"hardening_ssh": None}, "hardening_ssh is empty: a mapping of its options is needed; the README of role hardening has them."),
    ({"python_uv": "0.9"}, "python_uv is a text: a mapping of its options is needed; the README of role python has them."),
    ({"appserver_metrics": True}, "appserver_metrics is a bool: a mapping of its options is needed; the README of role appserver has them."),
    ({"hardening_firewall": {"alow": []}}, "hardening_firewall.alow is not an option of role hardening: accepted are allow, enabled, ssh_rate."),
    ({"hardening_level": "paranoid"}, "Role hardening: value of hardening_level must be one of: baseline, strict, got: paranoid."),
    ({"hardening_firewall": {"allow": ["80"]}}, "Role hardening: Elements value for option 'allow' found in 'hardening_firewall' is of type str and we "
     "were unable to convert to dict: dictionary requested, could not parse JSON or key=value."),
])
def test_what_a_role_would_refuse_later(variables, said):
    assert fault(variables) == said


@pytest.mark.parametrize("variables", [
    {}, {"hardening_ssh": {"enabled": False}, "hardening_level": "strict", "nginx_server": {"balancers": []}},
    # Others' variables, and what is known on the host alone.
    {"nginx_port": 80, "hardening_done": True}, {"nginx_server": "{{ of_the_host }}"},
])
def test_what_roles_take(variables):
    assert fault(variables) == ""


def test_slips_of_the_pen():
    options = ["hardening_firewall", "nginx_server", "nginx_sites"]
    assert role_options.slips(options, ["hardening_firewal", "nginx_server", "nginx_sites_of_mine", "nginx_worker", "app"]) == [
        "The variable hardening_firewal is none of this collection's: hardening_firewall may be meant."
    ]
