# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.filter import shared_host as filters
from ansible_collections.pyweb.stack.plugins.plugin_utils._shared_host import GROUPS, LISTS, USUAL, need, shared

ROLE = yaml.safe_load((pathlib.Path(__file__).parents[4] / "roles/hardening/defaults/main.yml").read_text(encoding="utf-8"))
COMPANY = {"path": "/company.crt", "content": "PEM\n"}


def run(variables, others, files=()):
    return shared(need(variables, list(files)), [need(*other) for other in others], variables)


def test_an_inventory_that_has_the_host_alone_gets_what_it_says():
    variables = {"hardening_level": "strict", "hardening_firewall": {"ssh_rate": 10}, "hardening_ssh": {"settings": {"Banner": "none"}}}
    result = run(variables, [])
    assert {name: value for name, value in result["variables"].items() if value} == variables
    assert result["notes"] == result["faults"] == []


@pytest.mark.parametrize(
    ("theirs", "name", "expected", "note"),
    [
        ({"hardening_firewall": {"allow": [{"port": 8443}]}}, "hardening_firewall", {"allow": [{"port": "80"}, {"port": "443"}, {"port": 8443}]},
         "hardening_firewall.allow tcp/8443"),
        ({"hardening_firewall": {"allow": [{"protocol": "vrrp", "from": ["10.0.0.2"]}]}}, "hardening_firewall",
         {"allow": [{"port": "80"}, {"port": "443"}, {"protocol": "vrrp", "from": ["10.0.0.2"]}]}, "hardening_firewall.allow vrrp from 10.0.0.2"),
        ({"hardening_intrusion": {"exempt": ["192.0.2.0/24"]}}, "hardening_intrusion", {"exempt": ["192.0.2.0/24"]},
         "hardening_intrusion.exempt 192.0.2.0/24"),
        ({"hardening_modules": {"allow": ["usb-storage"]}}, "hardening_modules", {"allow": ["usb-storage"]}, "hardening_modules.allow usb-storage"),
        ({"hardening_sysctl": {"settings": {"net.core.somaxconn": "4096"}}}, "hardening_sysctl", {"settings": {"net.core.somaxconn": "4096"}},
         "hardening_sysctl.settings net.core.somaxconn"),
        ({"hardening_level": "strict"}, "hardening_level", "strict", "hardening_level strict"),
    ],
)
def test_what_others_have_asked_for_stays_and_is_said(theirs, name, expected, note):
    result = run({}, [(theirs, [])])
    assert result["variables"][name] == expected
    assert result["notes"] == [note]


def test_what_both_ask_for_is_there_once():
    mine = {"hardening_firewall": {"allow": [{"port": "80"}, {"port": 443, "protocol": "tcp"}]}, "hardening_level": "strict"}
    result = run(mine, [({}, []), ({"hardening_level": "strict"}, [COMPANY])], [COMPANY])
    assert result["variables"]["hardening_firewall"] == mine["hardening_firewall"]
    assert result["notes"] == []


def test_a_setting_that_this_inventory_has_is_its_own():
    result = run({"hardening_sysctl": {"settings": {"vm.swappiness": "1"}}}, [({"hardening_sysctl": {"settings": {"vm.swappiness": "60", "a.b": "1"}}}, [])])
    assert result["variables"]["hardening_sysctl"]["settings"] == {"vm.swappiness": "1", "a.b": "1"}
    assert result["notes"] == ["hardening_sysctl.settings a.b"]


def test_certificates_of_others_stay():
    mine = {"python_ca_certificates": [{"name": "own", "src": "own.pem"}]}
    result = run(mine, [({}, [COMPANY])], [{"path": "/own.crt", "content": "OWN\n"}])
    assert result["variables"]["python_ca_certificates"] == [{"name": "own", "src": "own.pem"}, {"name": "company", "content": "PEM\n"}]
    assert result["notes"] == ["the CA certificate company"]


def test_two_certificates_of_one_name_are_a_fault():
    result = run({}, [({}, [COMPANY])], [{**COMPANY, "content": "OTHER\n"}])
    assert len(result["faults"]) == 1 and "'company'" in result["faults"][0]


def test_groups_and_what_is_usual_are_those_of_the_role():
    groups = {name: options for name, options in ROLE.items() if isinstance(options, dict)}
    # Nothing that a new machine was given is ever taken back, so nothing of it can be taken from another inventory.
    assert "enabled" not in groups.pop("hardening_base")
    assert GROUPS == {name: options["enabled"] for name, options in groups.items()}
    assert {name: USUAL.get(name, []) for name in LISTS} == {name: ROLE[name][key] for name, key in LISTS.items()}


def test_a_group_that_another_inventory_has_on_stays_on():
    result = run({"hardening_firewall": {"enabled": False, "ssh_rate": 9}, "hardening_logs": {"enabled": "no"}}, [({"hardening_logs": {"enabled": False}}, [])])
    assert result["variables"]["hardening_firewall"]["enabled"] is True
    assert result["variables"]["hardening_logs"] == {"enabled": "no"}
    assert result["notes"] == ["hardening_firewall"]


def test_nobody_takes_away_the_hardening_that_another_inventory_has():
    theirs = {"hardening_banner": {"enabled": False}, "hardening_integrity": {"enabled": True}}
    result = run({"hardening_state": "absent", "hardening_ssh": {"password_login": True}}, [(theirs, [])])
    assert result["variables"]["hardening_state"] == "present"
    assert {name for name in GROUPS if result["variables"][name].get("enabled", GROUPS[name])} == set(GROUPS) - {"hardening_banner"}
    # Of a group that this inventory does not want, it says nothing, either.
    assert "password_login" not in result["variables"]["hardening_ssh"]
    assert "hardening_firewall" in result["notes"] and "hardening_banner" not in result["notes"]


def test_an_inventory_alone_may_take_it_away():
    assert run({"hardening_state": "absent"}, [({"hardening_state": "absent"}, [])])["variables"]["hardening_state"] == "absent"


def test_options_that_another_inventory_alone_has_given_stay():
    theirs = {"hardening_ssh": {"password_login": True, "root_login": False}, "hardening_upgrades": {"mail": "root", "hold": ["mariadb-server"]}}
    result = run({"hardening_ssh": {"root_login": True}}, [(theirs, [])])
    assert result["variables"]["hardening_ssh"] == {"root_login": True, "password_login": True}
    assert result["variables"]["hardening_upgrades"] == {"mail": "root", "hold": ["supervisor", "mariadb-server"]}
    assert result["notes"] == ["hardening_ssh.password_login", "hardening_upgrades.mail", "hardening_upgrades.hold mariadb-server"]


def test_a_note_of_an_older_version_asks_for_no_groups():
    older = {key: value for key, value in need({}, []).items() if key not in ("groups", "options")}
    result = shared(need({"hardening_state": "absent"}, []), [older], {"hardening_state": "absent"})
    assert result["variables"]["hardening_state"] == "absent" and result["notes"] == []


def test_options_without_a_value_are_as_usual():
    assert run({"hardening_firewall": None, "hardening_ssh": {"settings": None}}, [({}, [])])["notes"] == []


def test_a_newer_note_is_not_guessed_at():
    assert shared(need({}, []), [{"schema": 2}], {})["notes"] == []


def test_one_run_notes_what_another_one_reads():
    noted = filters.shared_host({"hardening_level": "strict"}, [COMPANY], [])["need"]
    assert json.loads(noted)["schema"] == 1
    assert filters.shared_host({}, [], [noted])["notes"] == ["hardening_level strict", "the CA certificate company"]
