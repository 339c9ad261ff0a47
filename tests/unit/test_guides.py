# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents have their readers write is what the collection accepts, and what they have them type is there."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import sys

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.pyweb.stack.plugins.plugin_utils._apps import resolve

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import guides  # noqa: E402

YAML = [block for block in guides.blocks() if block.language == "yaml"]
CALLS = list(guides.calls())
SPECS = guides.SPECS
OPTIONS = {name: option for spec in SPECS.values() for entry in spec.values() for name, option in entry["options"].items()}


def whole(apps):
    """Applications of a document that shows some lines of them, with what they need besides."""
    filled = {}
    for name, app in apps.items():
        app = dict(app)
        if app.get("state") == "absent":
            filled[name] = app
            continue
        site = app.get("site") or {}
        app.setdefault("source", {"repo": "https://git.example.com/x.git"})
        if not app.get("preset") and "root" not in site:
            app["processes"] = {"web": {"wsgi": "x:app"}, **(app.get("processes") or {})}
        if site:
            app["site"] = {"domains": [f"{name}.example.com"], **site}
        filled[name] = app
    return filled


def variables_of(content):
    """The variables that a block sets: of an inventory, or of a file of variables."""
    if "hosts" in content.get("pyweb", {}):
        return content["pyweb"].get("vars", {})
    return content


def accepts(variables):
    apps = variables.get("pyweb_apps")
    overrides = variables.get("pyweb_app_overrides") or {}
    if isinstance(apps, dict) or overrides:
        apps = whole(apps or {name: {} for name in overrides})
        resolved = resolve(apps, overrides, host="web1", groups={"pyweb": ["web1"], "workers": ["web1"]})
        assert {app["name"] for app in resolved} == set(apps)
    for name, value in variables.items():
        if name in OPTIONS and "{{" not in str(value):
            result = ArgumentSpecValidator({name: OPTIONS[name]}).validate({name: value})
            assert not result.error_messages, result.error_messages


def is_fragment(content):
    """Some lines of an application, or options of a role or a module."""
    return isinstance(content, dict) and not {"pyweb", "pyweb_apps", "pyweb_app_overrides"} & set(content) and not set(content) & set(OPTIONS)


def exists(module):
    """Whether a module is ours, Ansible's, or of a collection that comes with the package C(ansible)."""
    namespace, collection, name = module.split(".")
    if (namespace, collection) == ("ansible", "builtin"):
        return importlib.util.find_spec(f"ansible.modules.{name}") is not None or importlib.util.find_spec(f"ansible.plugins.action.{name}") is not None
    if (namespace, collection) == ("pyweb", "stack"):
        return any((CHECKOUT / "plugins/modules" / f"{name}.{suffix}").exists() for suffix in ("py", "yml"))
    packages = pathlib.Path(importlib.util.find_spec("ansible").origin).parents[1]
    return (packages / "ansible_collections" / namespace / collection / "plugins/modules" / f"{name}.py").exists()


FRAGMENTS = {"site": lambda value: {"site": value}, "hooks": lambda value: {"hooks": value}, "processes": lambda value: {"processes": value}}


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_inventory_is_accepted(block):
    content = yaml.safe_load(block.body)
    if isinstance(content, list):
        for play in content:
            accepts(play.get("vars") or {})
            for task in play.get("tasks") or []:
                (module,) = [key for key in task if key.count(".") == 2]
                assert exists(module), module
            for role in play.get("roles") or []:
                assert role["role"].removeprefix("pyweb.stack.") in SPECS
                accepts(role.get("vars") or {})
    elif not is_fragment(content):
        known = set(OPTIONS) | guides.OURS
        names = {name for name in variables_of(content) if name.startswith(("pyweb_", *(f"{role}_" for role in SPECS)))}
        assert names <= known
        accepts(variables_of(content))
    elif set(content) <= set(FRAGMENTS):
        accepts({"pyweb_apps": {"shop": {key: value for name, value in content.items() for key, value in FRAGMENTS[name](value).items()}}})


def test_the_blocks_are_found():
    checked = [block for block in YAML if "pyweb_apps" in block.body]
    assert len(checked) > 25 and any(block.document == "docs/start/django.md" for block in checked)


def test_what_nobody_takes_is_noticed():
    with pytest.raises(Exception, match="sourze"):
        accepts({"pyweb_apps": {"shop": {"sourze": {}}}})
    with pytest.raises(AssertionError):
        accepts({"hardening_ssh": {"root": True}})
    assert not exists("community.postgresql.postgresql_usr") and exists("ansible.builtin.apt") and exists("pyweb.stack.release_run")


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[f"{where} {' '.join(call[1:])}" for where, call in CALLS])
def test_every_call_names_what_is_there(where, call):
    assert guides.wrong(call) == [], where


def test_a_call_of_what_is_not_there_is_noticed():
    calls = ["pyweb.stack.deplov", "pyweb.stack.deploy -e apps=shop", "pyweb.stack.provision --tags firewall", "pyweb.stack.site --fast", "-e app=shop"]
    assert [len(guides.wrong(["ansible-playbook", *call.split()])) for call in calls] == [1, 1, 1, 1, 1]


def test_the_calls_are_found():
    assert len(CALLS) > 60 and {"deploy", "rollback", "site", "status"} <= {word.removeprefix("pyweb.stack.") for _where, call in CALLS for word in call}


NAMED = re.compile(r"\[`(test_\w+)`\]\(([^)#]+)\)")


@pytest.mark.parametrize("document", ["docs/guarantees.md", "docs/twelve-factors.md"])
def test_every_test_that_a_promise_names_is_there(document):
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    named = NAMED.findall(text)
    assert len(named) >= 12 and len(named) == len(re.findall(r"`test_\w+`", text))
    missing = [name for name, path in named
               if not re.search(rf"^def {name}\(", (CHECKOUT / "docs" / path).read_text(encoding="utf-8"), re.MULTILINE)]
    assert missing == []


def test_all_twelve_factors_are_there():
    rows = re.findall(r"^\| ([IVX]+)\. .*`test_", (CHECKOUT / "docs/twelve-factors.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]


def test_the_readme_has_every_playbook():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [name for name in guides.PLAYBOOKS if name != "hosts" and not re.search(rf"^\|.*\bpyweb\.stack\.{name}\b|^\|.*`{name}`", text, re.MULTILINE)] == []


def test_every_playbook_says_what_it_does():
    """The comment at its beginning is its entry in the reference."""
    silent = [name for name, text in guides.PLAYBOOKS.items() if name != "hosts" and not text.startswith(f"---\n# ansible-playbook pyweb.stack.{name}")]
    assert silent == []
