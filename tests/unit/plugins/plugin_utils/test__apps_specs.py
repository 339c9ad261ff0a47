# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One option is described in several places: pyweb_apps, the roles, the modules. They say the same, by key and by value."""

from __future__ import annotations

import json
import pathlib

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.action import release as action
from ansible_collections.pyweb.stack.plugins.doc_fragments.release import ModuleDocFragment
from ansible_collections.pyweb.stack.plugins.module_utils import _options, _processes
from ansible_collections.pyweb.stack.plugins.modules import release
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps

CHECKOUT = pathlib.Path(__file__).parents[4]


def role(name):
    specs = yaml.safe_load((CHECKOUT / "roles" / name / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    return specs["argument_specs"]["main"]["options"][f"{name}_config"]["options"]


def role_vars(name):
    return yaml.safe_load((CHECKOUT / "roles" / name / "vars/main.yml").read_text(encoding="utf-8"))


def meaning(option, without=()):
    """What an option accepts, without its prose."""
    found = {key: option[key] for key in ("type", "default", "choices", "elements", "required") if key in option and key not in without}
    for key in ("options", "suboptions"):
        if option.get(key):
            found["options"] = {name: meaning(item, without) for name, item in option[key].items()}
    return found


APP, APPSERVER = role("app"), role("appserver")


@pytest.mark.parametrize("name", ["state", "python", "env", "secrets", "build_env", "build", "migrate", "shared", "keep_releases", "keep_days", "keep_free",
                                  "source", "dependencies", "system_packages", "hooks"])
def test_the_role_app_takes_what_pyweb_apps_has(name):
    assert meaning(APP[name]) == meaning(_apps.APP[name])


def test_the_role_appserver_takes_what_pyweb_apps_has():
    assert meaning(APPSERVER["state"]) == meaning(_apps.APP["state"])
    for name in ("keep_releases", "watch"):
        assert meaning(APPSERVER[name]) == meaning(_apps.APP[name])
    assert APPSERVER["manager"]["default"] == _apps.APP["manager"]["default"]


def test_the_roles_take_every_slice():
    resolved = _apps.resolve({"shop": {
        "source": {"repo": "x"}, "site": {"domains": ["a.example"], "static": {"/s/": "s"}}, "processes": {"web": {"wsgi": "a:b"}}, "migrate": "x",
    }})[0]
    assert set(resolved["app"]) <= set(APP) and set(resolved["appserver"]) <= set(APPSERVER)
    assert set(resolved["appserver"]["site"]) <= set(APPSERVER["site"]["options"])
    assert set(resolved["app"]["source"]) == set(APP["source"]["options"])


def test_a_process_with_its_defaults_stays_as_it_is():
    """Who uses the role appserver alone gets what pyweb_apps gives; a slice of pyweb_apps goes through the same filter."""
    full = _processes.valid_processes({"web": {"wsgi": "a:b"}, "worker": {"command": "x"}}, "processes")
    assert set(full["web"]) == {*_processes.PROCESS, "kind"}
    assert _processes.valid_processes(full, "processes") == full


def test_defaults_of_the_role_app():
    given = role_vars("app")
    assert given["__app_defaults"] == {name: option.get("default") for name, option in APP.items() if name not in ("name", "source")}
    assert given["__app_source_defaults"] == {name: option.get("default") for name, option in APP["source"]["options"].items()}


def test_the_role_makes_a_key_for_the_addresses_that_use_it():
    assert f"match('{_options.SSH.pattern}')" in role_vars("app")["__app_needs_key"]


@pytest.mark.parametrize("name, spec", [("source", _options.SOURCE), ("dependencies", _options.DEPENDENCIES)])
def test_what_several_modules_take(name, spec):
    documented = yaml.safe_load(ModuleDocFragment.SOURCE)["options"][name]
    assert meaning({"type": "dict", "options": spec}) == meaning(documented)


def test_the_action_takes_what_it_documents():
    documented = yaml.safe_load(release.DOCUMENTATION)["options"]
    assert json.loads(json.dumps({name: meaning(option) for name, option in action.ARGUMENTS.items()})) == {
        # False is what an option without a default is anyway.
        name: meaning(option) for name, option in documented.items()
    }


def test_what_the_readme_of_a_process_promises():
    prose = " ".join(APPSERVER["processes"]["description"])
    assert all(f"C({name})" in prose for name in _processes.PROCESS if name != "hosts")
    assert "(seconds, 30)" in prose and "(C(/))" in prose and "(seconds, 60)" in prose
