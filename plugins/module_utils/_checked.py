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


def misshapen(where: str, value: t.Any, option: t.Mapping[str, t.Any], texts: bool = False) -> str:
    """Which value is a mapping, a list or neither, where C(option) needs another, as one sentence; empty where all is well. None is no value, but for
    C(value) itself and in lists.

    Ansible's check fails over some without a sentence, and makes texts or lists of others, which nobody sees. With C(texts), what it reads from a text is
    let through: a list, and a mapping whose options are not declared.
    """
    kind, elements, inner = option["type"], option.get("elements"), option.get("options", {})
    single = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    parts: list[tuple[str, t.Any, t.Mapping[str, t.Any]]] = []
    if kind == "raw" or (texts and single and (kind == "list" or (kind == "dict" and not inner))):
        return ""
    if kind == "dict":
        if not isinstance(value, t.Mapping):
            if isinstance(value, bool) and "enabled" in inner:
                return f"{where} is {kind_of(value)}: its options are needed, such as {where}: {{enabled: {str(value).lower()}}}."
            return f"{where} is {kind_of(value)}: a mapping is needed{', of ' if inner else ''}{', '.join(inner)}."
        parts = [(f"{where}.{name}", part, inner[name]) for name, part in value.items() if name in inner and part is not None]
    elif kind == "list":
        if not isinstance(value, list):
            return f"{where} is {kind_of(value)}: a list is needed, such as [a, b]."
        parts = [(f"{where}[{number}]", part, {**option, "type": elements, "elements": None}) for number, part in enumerate(value) if elements]
    elif value is None or isinstance(value, (t.Mapping, list)):
        return f"{where} is {kind_of(value)}: a single value is needed."
    return next(filter(None, (misshapen(*part, texts) for part in parts)), "")


def _keyed(value: dict[t.Any, t.Any], options: Options) -> dict[str, t.Any]:
    """C(value) with texts as keys on all levels: Ansible's check fails over others without a sentence."""
    keyed = {str(key): item for key, item in value.items()}
    for name, item in keyed.items():
        inner = options.get(name, {}).get("options")
        if isinstance(item, dict):
            # Without options of its own, such as {404: page.html}.
            keyed[name] = _keyed(item, inner) if inner else {str(key): one for key, one in item.items()}
        elif isinstance(item, list) and inner:
            keyed[name] = [_keyed(one, inner) for one in item]
    return keyed


def _typed(where: str, value: dict[str, t.Any], options: Options) -> dict[str, t.Any]:
    """C(value) with its defaults, each of the type that C(options) declare. Raises AppsError."""
    # On a host this code runs without Ansible, and reads Procfiles only: commands are text already.
    if all(isinstance(item, str) and options.get(name, {}).get("type") == "str" for name, item in value.items()):
        if not any(option.get("required") for option in options.values()):
            return defaults(options) | value
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    refused = misshapen(where, value, {"type": "dict", "options": options}, texts=True)
    if refused:
        raise AppsError(refused)
    result = ArgumentSpecValidator(_without_choices(spec(options))).validate(_keyed(value, options))
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
