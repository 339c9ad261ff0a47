# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody wrote, held against the options that are declared, and one sentence for what does not fit. Pure: no I/O."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import Options, defaults, refusal, spec


class AppsError(ValueError):
    """One sentence for the user: which variable, what value, what is accepted."""


def _unsupported(where: str, parameter: tuple[str, ...], options: Options) -> str:
    for step in parameter[:-1]:
        options = options[step]["options"]
    near = difflib.get_close_matches(parameter[-1], options, n=1)
    hint = f"did you mean {near[0]}?" if near else f"accepted are {', '.join(options)}."
    return f"{where}.{'.'.join(parameter)} is not an option; {hint}"


def _without_choices(specs: dict[str, t.Any]) -> dict[str, t.Any]:
    """Choices are ours to check: Ansible's sentence does not say where the option is."""
    return {name: {key: _without_choices(item) if key == "options" else item for key, item in option.items() if key != "choices"}
            for name, option in specs.items()}


def kind_of(value: t.Any) -> str:
    """What somebody wrote where something else is needed. A text, and what is in a list, may be a secret."""
    if value is None:
        return "empty"
    if isinstance(value, (bool, int, float)):
        return str(value)
    return "a text" if isinstance(value, str) else "a mapping" if isinstance(value, dict) else "a list"


def _shaped(where: str, value: dict[t.Any, t.Any], options: Options) -> dict[str, t.Any]:
    """C(value) with texts as keys on all levels. Raises AppsError where no mapping is: Ansible's check fails over both without a sentence."""
    shaped = {str(key): item for key, item in value.items()}
    for name, item in shaped.items():
        option = options.get(name, {})
        if item is None:
            continue
        if "options" not in option:
            # Such as {404: page.html}.
            shaped[name] = {str(key): one for key, one in item.items()} if isinstance(item, dict) else item
        elif option["type"] == "dict":
            if not isinstance(item, dict):
                raise AppsError(f"{where}.{name} is {kind_of(item)}: a mapping is needed, of {', '.join(option['options'])}.")
            shaped[name] = _shaped(f"{where}.{name}", item, option["options"])
        elif isinstance(item, list) and all(isinstance(one, dict) for one in item):
            shaped[name] = [_shaped(f"{where}.{name}", one, option["options"]) for one in item]
    return shaped


def _typed(where: str, value: dict[str, t.Any], options: Options) -> dict[str, t.Any]:
    """C(value) with its defaults, each of the type that C(options) declare. Raises AppsError."""
    # On a host this code runs without Ansible, and reads Procfiles only: commands are text already.
    if all(isinstance(item, str) and options.get(name, {}).get("type") == "str" for name, item in value.items()):
        if not any(option.get("required") for option in options.values()):
            return defaults(options) | value
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    result = ArgumentSpecValidator(_without_choices(spec(options))).validate(_shaped(where, value, options))
    unsupported = getattr(result, "unsupported_parameters", None) or result._unsupported_parameters
    if unsupported:
        raise AppsError(_unsupported(where, min(one if isinstance(one, tuple) else (one,) for one in unsupported), options))
    if result.error_messages:
        raise AppsError(f"{where}: {'; '.join(result.error_messages)}.")
    parameters: dict[str, t.Any] = result.validated_parameters
    return parameters


def checked(where: str, value: t.Any, options: Options) -> dict[str, t.Any]:
    """C(value) with its defaults, if it is a mapping that C(options) declare; AppsError with one sentence about the first fault otherwise."""
    if not isinstance(value, dict):
        raise AppsError(f"{where} is {kind_of(value)}: a mapping is needed.")
    result = _typed(where, value, options)
    refused = refusal(where, result, options)
    if refused:
        raise AppsError(refused)
    return result
