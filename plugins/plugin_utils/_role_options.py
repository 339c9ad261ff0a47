# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users set of the variables of roles, checked as ansible-core checks it when a role's turn comes: then hosts have changed already."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

ROLES = Path(__file__).resolve().parents[2] / "roles"
# How near a variable of an inventory is to one of a role's to be taken for a slip of the pen.
NEAR = 0.9

Options = dict[str, dict[str, t.Any]]


def declared(role: str, entry: str, load: t.Callable[[str], t.Any]) -> Options:
    """The options in the specification of a role's entry point; C(load) reads a YAML file."""
    return load(str(ROLES / role / "meta" / "argument_specs.yml"))["argument_specs"][entry]["options"]


def fault(role: str, options: Options, variables: Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> str:
    """What is wrong with the first of the C(options) that C(variables) set, in one sentence; empty where nothing is.

    What a template needs may be known on the host alone: the role sees to that.
    """
    given = {}
    for name in options.keys() & variables.keys():
        try:
            given[name] = template(variables[name])
        except AnsibleError:
            continue
    for name, value in sorted(given.items()):
        # The check of ansible-core fails over it, with words about its own code.
        if options[name]["type"] == "dict" and not isinstance(value, Mapping):
            return _no_mapping(role, name, value, options[name])
    errors = list(ArgumentSpecValidator({name: {**options[name], "required": False} for name in given}).validate(given).errors)
    # The last one names the option, those before it may be what became of its parts.
    return _sentence(role, errors[-1]) if errors else ""


def _no_mapping(role: str, name: str, value: t.Any, option: dict[str, t.Any]) -> str:
    if isinstance(value, bool) and "enabled" in option.get("options", {}):
        return f"{name} is {value}: its options are needed, such as {name}: {{enabled: {str(value).lower()}}}."
    kind = "empty" if value is None else "a text" if isinstance(value, str) else f"a {type(value).__name__}"
    return f"{name} is {kind}: a mapping of its options is needed; the README of role {role} has them."


def _sentence(role: str, error: Exception) -> str:
    said = str(error)
    if isinstance(error, UnsupportedError):
        option, dummy, accepted = said.partition(". Supported parameters include: ")
        return f"{option} is not an option of role {role}: accepted are {accepted}"
    return f"Role {role}: {said.rstrip('.')}."


def slips(options: t.Iterable[str], variables: t.Iterable[str]) -> list[str]:
    """A sentence for each variable that is called nearly as an option, which then is not set."""
    names = list(options)
    return [f"The variable {variable} is none of this collection's: {near[0]} may be meant." for variable in sorted(set(variables) - set(names))
            if (near := difflib.get_close_matches(variable, names, 1, NEAR))]
