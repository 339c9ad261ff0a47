# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks hand to roles and to each other arrives there."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.plugin_utils import _shared_host

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

import playbook  # noqa: E402

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PLAYS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CHECKOUT.glob("playbooks/*.yml"))}


def tasks(block: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in block:
        yield task
        for name in ("block", "rescue", "always"):
            yield from tasks(task.get(name, []))


def roles(plays: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Each play with a task that runs a role, that task, and what it says of the role."""
    for play in plays:
        for task in tasks(play.get("tasks", [])):
            said = task.get("ansible.builtin.include_role") or task.get("ansible.builtin.import_role")
            if said:
                yield play, task, said


@pytest.mark.parametrize("name", PLAYS)
def test_nginx_of_a_member_knows_its_balancers(name):
    """Whatever playbook writes nginx's configuration anew: without them it would believe nothing that they say of visitors."""
    for play, task, said in roles(PLAYS[name]):
        if said["name"] == "pyweb.stack.nginx" and "tasks_from" not in said and play["hosts"] == "pyweb":
            assert "__pyweb_nginx" in task["vars"]["nginx_server"]


@pytest.mark.parametrize("name", PLAYS)
def test_what_a_playbook_hands_to_another_is_not_set_there(name):
    """Variables of a role's task win over those of whoever imports the playbook."""
    for play in PLAYS[name]:
        if "ansible.builtin.import_playbook" in play and play.get("vars"):
            other = PLAYS[pathlib.Path(play["ansible.builtin.import_playbook"]).stem]
            for _play, task, _said in roles(other):
                assert not set(play["vars"]) & set(task.get("vars", {}))


def test_the_roles_are_found():
    assert len([1 for plays in PLAYS.values() for _role in roles(plays)]) > 15
    nginx = [name for name, plays in PLAYS.items() for _play, _task, said in roles(plays) if said["name"] == "pyweb.stack.nginx" and "tasks_from" not in said]
    assert {"provision", "destroy", "take_over"} <= set(nginx)


def test_sites_of_others_are_looked_for_before_the_host_changes():
    """What nginx would refuse in the end is refused first; and the look is a part of a round trip that there is anyway."""
    play = next(play for play in PLAYS["provision"] if play["name"] == "Provision")
    found = next(task for task in tasks(play["tasks"]) if "pyweb.stack.bootstrap" in task)
    names = [(said["name"].rpartition(".")[2], said.get("tasks_from")) for _play, _task, said in roles([play])]
    # Names that others have, as well: the role app itself comes when the host has been hardened.
    assert names[:4] == [("nginx", "others"), ("app", "look"), ("app", "validate"), ("hardening", None)]
    assert play["tasks"].index(found) < play["tasks"].index(next(roles([play]))[1])
    variables = yaml.safe_load((CHECKOUT / "roles/nginx/vars/main.yml").read_text(encoding="utf-8"))
    assert {variables["__nginx_site_files"], variables["__nginx_templates"]["http.conf.j2"]} <= {*found["pyweb.stack.bootstrap"]["look_for"]}
    # A host that this role has never set up is asked for all that it would refuse in the end.
    first = next(roles([play]))[1]
    assert first["when"].startswith(f"'{variables['__nginx_templates']['http.conf.j2']}' not in __pyweb_found and not ansible_check_mode or ")
    # With -e app=…, a domain of another application is no fault of this run: somebody else may serve it until it is taken over.
    assert "pyweb_survey.wanted" in first["vars"]["nginx_sites"]
    look = yaml.safe_load((CHECKOUT / "roles/nginx/tasks/others.yml").read_text(encoding="utf-8"))
    assert "__nginx_rules_of_others" in str(look) and "__nginx_rules_of_others" in (CHECKOUT / "roles/nginx/tasks/look.yml").read_text(encoding="utf-8")
    hardening = next(task for _play, task, said in roles([play]) if said["name"] == "pyweb.stack.hardening")
    assert hardening["vars"]["__hardening_bootstrapped"] and found["tags"] == "always"


def test_what_other_inventories_have_asked_of_the_host_is_not_taken_away():
    """Their notes are looked for before anything changes, and whatever may be in them is handed over to the roles."""
    play = next(play for play in PLAYS["provision"] if play["name"] == "Provision")
    found = next(task for task in play["tasks"] if "pyweb.stack.bootstrap" in task)
    assert "/var/lib/pyweb/*/host.json" in found["pyweb.stack.bootstrap"]["read"]
    # Whichever roles are left out: those that remain need it.
    asking = [task for task in play["tasks"] if "pyweb_host" in str(task) and "ansible.builtin.import_role" not in task and "when" not in task]
    assert [task["tags"] for task in asking] == ["always"]
    names = [task["name"] for task in play["tasks"]]
    assert names.index(found["name"]) < names.index("Refuse what cannot be for both") < names.index("Harden the host")
    handed = {name for _play, task, said in roles([play]) if said["name"].rpartition(".")[2] in ("hardening", "python") for name in task.get("vars", {})}
    assert {*_shared_host.LISTS, *_shared_host.MAPPINGS, *_shared_host.GROUPS, "hardening_level", "hardening_state", "python_ca_certificates"} <= handed
    asked = yaml.safe_load((CHECKOUT / "playbooks/vars/host.yml").read_text(encoding="utf-8"))["__pyweb_of_inventory"]
    assert {*_shared_host.GROUPS, "hardening_level", "hardening_state"} <= set(asked)


def test_an_application_of_another_inventory_is_refused_before_the_host_changes():
    """It is read with the rest, and a run that only serves the sites notes their domains, too."""
    play = next(play for play in PLAYS["provision"] if play["name"] == "Provision")
    found = next(task for task in play["tasks"] if "pyweb.stack.bootstrap" in task)
    assert Layout("shop").identity.replace("shop", "*") in found["pyweb.stack.bootstrap"]["read"]
    refusal = next(task for task in play["tasks"] if task["name"] == "Refuse what cannot be for both")
    assert "pyweb_identities.faults" in refusal["when"] and "pyweb_identities.faults" in refusal["ansible.builtin.fail"]["msg"] and refusal["tags"] == "always"
    noting = [task["tags"] for task in play["tasks"] if "pyweb_identities" in str(task.get("pyweb.stack.config_files"))]
    assert noting == ["app", "nginx"]
    # A deploy asks with what it looks by anyway.
    look = yaml.safe_load((CHECKOUT / "roles/app/tasks/inspect.yml").read_text(encoding="utf-8"))[0]
    assert look["pyweb.stack.release_info"]["domains"] == "{{ __app_full.domains }}"


def test_a_command_runs_on_the_first_host_that_has_the_application(tmp_path):
    """No host answers, so the one that is asked fails."""
    application = {"source": {"repo": "https://git.example.com/shop.git"}, "processes": {"web": {"wsgi": "shop:app"}}, "hosts": ["web2", "web3"]}
    variables = {"ansible_host": "192.0.2.1", "ansible_ssh_executable": "/bin/false", "pyweb_apps": {"shop": application}}
    (tmp_path / "hosts.yml").write_text(json.dumps({"pyweb": {"hosts": {"web1": {}, "web2": {}, "web3": {}}, "vars": variables}}))
    outcome = playbook.play("run", "-i", str(tmp_path / "hosts.yml"), app="shop", command="true")
    assert [host for host, figures in outcome.recap.items() if figures["failed"]] == ["web2"], outcome.output
