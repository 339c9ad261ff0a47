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
    ({"nginx_server": {}, "nginx_acme": True}, "nginx_acme is True: a mapping is needed, of "),
    ({"hardening_ssh": None}, "hardening_ssh is empty: a mapping is needed, of "),
    ({"python_uv": "0.9"}, "python_uv is a text: a mapping is needed, of "),
    ({"appserver_metrics": True}, "appserver_metrics is True: a mapping is needed, of "),
    ({"hardening_firewall": {"alow": []}}, "hardening_firewall.alow is not an option of role hardening: accepted are allow, enabled, ssh_rate."),
    ({"hardening_level": "paranoid"}, "Role hardening: value of hardening_level must be one of: baseline, strict, got: paranoid."),
    ({"hardening_firewall": {"allow": ["80"]}}, "hardening_firewall.allow[0] is a text: a mapping is needed, of port, protocol, from."),
    ({"hardening_firewall": {"allow": True}}, "hardening_firewall.allow is True: a list is needed, such as [a, b]."),
    ({"hardening_ssh": {"settings": ["a"]}}, "hardening_ssh.settings is a list: a mapping is needed."),
    ({"nginx_sites": [{"name": "a", "tls": True}]}, "nginx_sites[0].tls is True: a mapping is needed, of source, certificate, key, hsts_max_age."),
    ({"nginx_sites": [{"name": "a", "probes": [None]}]}, "nginx_sites[0].probes[0] is empty: a single value is needed."),
    ({"nginx_sites": [{"name": ["a"]}]}, "nginx_sites[0].name is a list: a single value is needed."),
    ({"python_versions": "3.12.4"}, "python_versions is a text: a list is needed, such as [a, b]."),
    ({"hardening_upgrades": {"automatic_reboot": "maybe"}}, "Role hardening: argument 'automatic_reboot' is of type str found in 'hardening_upgrades'"),
])
def test_what_a_role_would_refuse_later(variables, said):
    assert fault(variables).startswith(said)


@pytest.mark.parametrize("variables", [
    {}, {"hardening_ssh": {"enabled": False}, "hardening_level": "strict", "nginx_server": {"balancers": []}},
    {"hardening_ssh": {"root_login": None}, "nginx_sites": [{"name": "a", "domains": ["a.example"], "upstream": None}]},
    # Others' variables, and what is known on the host alone.
    {"nginx_port": 80, "hardening_done": True}, {"nginx_server": "{{ of_the_host }}"},
])
def test_what_roles_take(variables):
    assert fault(variables) == ""


def test_slips_of_the_pen():
    options = ["hardening_firewall", "nginx_server", "nginx_sites"]
    assert role_options.slips(options, ["hardening_firewal", "nginx_server", "nginx_server_sandbox", "nginx_worker", "app"]) == [
        "The variable hardening_firewal is none of this collection's: hardening_firewall may be meant.",
        "The variable nginx_server_sandbox is none of this collection's: nginx_server may be meant.",
    ]
