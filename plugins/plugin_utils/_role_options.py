# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users set of the variables of roles, checked before any host is asked. ansible-core checks it when a role begins: then hosts have changed."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.pyweb.stack.plugins.module_utils._checked import misshapen

ROLES = Path(__file__).resolve().parents[2] / "roles"
# How near a variable of an inventory is to one of a role's to be taken for a slip of the pen.
NEAR = 0.9
# Letters that both begin with, whatever comes then.
BEGINNING = 4

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
    wrong = next(filter(None, (misshapen(name, value, options[name]) for name, value in sorted(given.items()))), "")
    if wrong:
        return wrong
    errors = list(ArgumentSpecValidator({name: {**options[name], "required": False} for name in given}).validate(given).errors)
    # The last one names the option, those before it may be what became of its parts.
    return _sentence(role, errors[-1]) if errors else ""


def _sentence(role: str, error: Exception) -> str:
    said = str(error)
    if isinstance(error, UnsupportedError):
        option, dummy, accepted = said.partition(". Supported parameters include: ")
        return f"{option} is not an option of role {role}: accepted are {accepted}"
    return f"Role {role}: {said.rstrip('.')}."


def slips(options: t.Iterable[str], variables: t.Iterable[str]) -> list[str]:
    """A sentence for each variable that is called nearly as an option, or as one and more behind it: it sets nothing."""
    names = list(options)
    # Of all that a host has, few begin like one of them, and to compare takes time.
    beginnings = {name[:BEGINNING] for name in names}
    others = sorted({variable for variable in variables if variable[:BEGINNING] in beginnings} - set(names))
    found = {variable: [name for name in names if variable.startswith(f"{name}_")] or difflib.get_close_matches(variable, names, 1, NEAR)
             for variable in others}
    return [f"The variable {variable} is none of this collection's: {near[0]} may be meant." for variable, near in found.items() if near]
