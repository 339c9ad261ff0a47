# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all roles promise of their interface: specs, defaults and READMEs say the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.pyweb.stack.plugins.filter.complete_app import complete_app

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parents[1].name for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml"))

# Where a role merges the defaults of nested options that defaults/main.yml cannot hold,
# because they belong to an application or to the items of a list: what it merges, by the variables of the role.
MERGED = {
    "app_config": lambda _variables: {name: value for name, value in complete_app({}).items() if name not in ("source", "hooks")},
    "app_config.source": lambda _variables: complete_app({})["source"],
    "app_config.hooks": lambda _variables: complete_app({})["hooks"],
    "nginx_sites[]": lambda variables: variables["__nginx_site_defaults"],
}
# Groups that go to a module as they are, which has the defaults: its name, and where its options are.
IN_MODULE = {
    "appserver_config.site": ("release", ["runtime", "suboptions", "site"]),
    "app_config.dependencies": ("../doc_fragments/release", ["dependencies"]),
}
NOTHING = ("none", "omit", "null")


def load(role, path):
    """Of a file, or of all files of the directory that stands for it, as Ansible reads it."""
    file = CHECKOUT / "roles" / role / path
    files = [file] if file.exists() else sorted(file.with_suffix("").glob("*.yml"))
    return {key: value for each in files for key, value in (yaml.safe_load(each.read_text(encoding="utf-8")) or {}).items()}


def options_of(role, *entry_points):
    specs = load(role, "meta/argument_specs.yml")["argument_specs"]
    merged = {}
    for name in entry_points or specs:
        merged.update(specs[name].get("options") or {})
    return merged


def walk(options, prefix=""):
    for name, option in options.items():
        yield prefix + name, option
        yield from walk(option.get("options") or {}, inside(prefix + name, option) + ".")


def inside(path, option):
    return path + "[]" if option["type"] == "list" else path


def nested_defaults(options, path=""):
    """The defaults of the options of one group, with the groups in it that have no place of their own."""
    found = {}
    for name, option in options.items():
        if option["type"] == "dict" and option.get("options"):
            inner = nested_defaults(option["options"])
            if inner and f"{path}.{name}" not in {*MERGED, *IN_MODULE}:
                found[name] = inner
        elif "default" in option:
            found[name] = option["default"]
    return found


def inline_defaults(role, path):
    """What the role's own files say with "<path>.<option> | default(<value>)"."""
    found = {}
    for file in sorted((CHECKOUT / "roles" / role).glob("*/**/*")):
        if file.is_file() and file.relative_to(CHECKOUT / "roles" / role).parts[0] in ("tasks", "vars", "handlers", "templates"):
            text = file.read_text(encoding="utf-8")
            for name, value in re.findall(rf"\b{re.escape(path)}\.(\w+) \| default\(([^(),]*)", text):
                if value not in NOTHING:
                    found.setdefault(name, []).append(yaml.safe_load(value))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_and_a_description(role):
    for path, option in walk(options_of(role)):
        assert option.get("type"), path
        assert option.get("description"), path
        assert option["type"] != "list" or option.get("elements"), path
        assert "default" not in option or not option.get("required"), path


@pytest.mark.parametrize("role", ROLES)
def test_public_names_begin_with_the_role_s_name_and_are_all_specified(role):
    defaults = load(role, "defaults/main.yml")
    assert set(defaults) == set(options_of(role, "main"))
    assert all(name.startswith(role + "_") for name in options_of(role))
    assert all(name.startswith(f"__{role}_") or name == f"__{role}" for name in load(role, "vars/main.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specs_have_the_same_values(role):
    defaults = load(role, "defaults/main.yml")
    for name, option in options_of(role, "main").items():
        if option.get("required"):
            assert not defaults[name], f"{name} is required, so its default is empty"
            continue
        assert defaults[name] == option["default"], name
        if option["type"] == "dict" and option.get("options"):
            assert defaults[name] == nested_defaults(option["options"], name), name


@pytest.mark.parametrize("role", ROLES)
def test_nested_defaults_are_the_values_that_the_role_uses(role):
    variables = load(role, "vars/main.yml")
    in_defaults = [name for name, option in options_of(role).items() if option["type"] == "dict" and option.get("default")]
    for path, option in walk(options_of(role)):
        if not option.get("options") or path.split(".")[0] in in_defaults:
            continue
        place = inside(path, option)
        specified = nested_defaults(option["options"], place)
        used = inline_defaults(role, place)
        for name, values in used.items():
            assert f"{place}.{name}" in MERGED or all(value == specified.get(name) for value in values), f"{place}.{name}"
        if place in MERGED:
            # Null stands for "no default".
            assert specified == {key: value for key, value in MERGED[place](variables).items() if value is not None}
        elif place in IN_MODULE:
            assert specified == nested_defaults(module_options(*IN_MODULE[place])), place
        elif not any(place.startswith((f"{known}.", f"{known}[")) for known in MERGED):
            assert set(specified) == set(used), f"{place}: its defaults are used nowhere, or in no place that is compared"


def module_options(name, keys):
    text = (CHECKOUT / "plugins/modules" / f"{name}.py").read_text(encoding="utf-8")
    found = yaml.safe_load(re.search(r'^ *(?:DOCUMENTATION|SOURCE) = r"""(.*?)^"""', text, re.MULTILINE | re.DOTALL)[1])["options"]
    for key in keys:
        found = found[key]
    return found["suboptions"]


def test_the_option_table_shows_nested_options():
    sys.path.insert(0, str(CHECKOUT / "tests/support"))
    try:
        import role_docs
    finally:
        sys.path.pop(0)
    options = {
        "x_sites": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "description": "Sites, see O(x_other) | more.",
            "options": {"name": {"type": "str", "required": True, "description": ["One.", "Two V(2)."]}},
        }
    }
    text = role_docs.readme_with_table("# x\n\nText.\n", {"main": {"options": options}})
    assert text == (
        "# x\n\nText.\n\n## Options\n\n"
        "| Option | Type | Default | Description |\n|---|---|---|---|\n"
        "| `x_sites` | list of dict | `[]` | Sites, see `x_other` \\| more. |\n"
        "| `x_sites[].name` | str | required | One. Two `2`. |\n"
    )
    assert role_docs.readme_with_table(text, {"main": {"options": options}}) == text


@pytest.mark.parametrize("role", ROLES)
def test_what_is_written_has_one_order(role):
    """Ansible's filters for sets give back another order in each run: what a loop writes by them would change each time."""
    loops = re.compile(r"\{%-? *for [^%]*\| *(ansible\.builtin\.)?(union|difference|intersect|symmetric_difference)\(")
    for file in (CHECKOUT / "roles" / role).rglob("*"):
        if file.suffix in (".yml", ".j2"):
            assert not loops.search(file.read_text(encoding="utf-8")), f"{file.relative_to(CHECKOUT)} loops over a set: take select or reject"
