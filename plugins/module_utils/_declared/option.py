# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared option consists of, and what is made from it: argument specs, defaults, and one sentence about a value that is not accepted."""

from __future__ import annotations

import copy
import re
import typing as t


class Option(t.TypedDict, total=False):
    """One option. The first group is Ansible's, the second is checked by refusal(), the third is for people."""

    type: str
    elements: str
    required: bool
    default: t.Any
    choices: list[str]
    no_log: bool
    options: dict[str, Option]

    # Bounds of a number, or of the items of a list of numbers; both are accepted values themselves.
    minimum: float
    maximum: float
    # A regular expression that the whole text, or each item of a list, has to match.
    pattern: str
    # The end of the sentence that refuses a value: what is needed. Derived from the bounds where it is missing.
    accepts: str

    # In Ansible's markup. O(source.repo) names another option by its path in an application of pyweb_apps.
    description: str | list[str]
    # What holds when the option is not given, for tables; "none" if there is nothing to say.
    otherwise: str
    # Heading in docs/variables.md that says more.
    see: str
    # A value as a user would write it; the tables show it and a test checks that it is accepted.
    example: t.Any

    # A list of commands: a single one may stand in its place, see whole_commands().
    commands: bool

    # The first version of the collection that has it, for options that 0.1.0 did not have; see counted().
    version_added: str

    # Of a process: who can follow it. "server" is the server that the collection starts, "systemd" the process manager of this name.
    needs: t.Literal["server", "systemd"]


Options = dict[str, Option]
ANSIBLE = ("type", "elements", "required", "default", "choices", "no_log")


def spec(options: Options) -> dict[str, dict[str, t.Any]]:
    """C(options) as an argument spec of Ansible."""
    result = {}
    for name, option in options.items():
        result[name] = {key: option[key] for key in ANSIBLE if key in option}  # type: ignore[literal-required]
        if "options" in option:
            result[name]["options"] = spec(option["options"])
    return result


def defaults(options: Options) -> dict[str, t.Any]:
    """What each of C(options) is when it is not given; None without a default."""
    return {name: copy.deepcopy(option.get("default")) for name, option in options.items()}


def whole_commands(values: t.Mapping[str, t.Any], options: Options) -> dict[str, t.Any]:
    """C(values) with a single command in the place of several as a list of one: Ansible would part it at its commas."""
    result = dict(values)
    for name, option in options.items():
        value = values.get(name)
        if option.get("commands") and isinstance(value, str):
            result[name] = [value]
        elif "options" in option and isinstance(value, t.Mapping):
            result[name] = whole_commands(value, option["options"])
    return result


def counted(values: dict[str, t.Any], options: Options) -> dict[str, t.Any]:
    """What of C(values) a digest of a release counts.

    An option that came later counts once it is used: a newer collection alone makes no release out of date.
    """
    result = {}
    for name, value in values.items():
        option = options.get(name, {})
        if "version_added" in option and value == option.get("default"):
            continue
        result[name] = counted(value, option["options"]) if "options" in option and isinstance(value, dict) else value
    return result


def only(options: Options, *names: str) -> Options:
    return {name: options[name] for name in names}


def requires(options: Options, what: str) -> tuple[str, ...]:
    """The names of the options that only C(what) can follow."""
    return tuple(name for name, option in options.items() if option.get("needs") == what)


def _listed(words: t.Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def needed(option: Option) -> str:
    """What is accepted, as the end of a sentence."""
    if "accepts" in option:
        return option["accepts"]
    if option.get("choices"):
        return f"accepted are {_listed(option['choices'])}"
    number = "a whole number" if "int" in (option.get("type"), option.get("elements")) else "a number"
    return f"{number} from {option.get('minimum', 0):g}{' to %g' % option['maximum'] if 'maximum' in option else ''} is needed"


def _accepted(option: Option, value: t.Any) -> bool:
    if option.get("choices") and value not in option["choices"]:
        return False
    if "pattern" in option and not re.fullmatch(option["pattern"], value):
        return False
    return option.get("minimum", value) <= value <= option.get("maximum", value) if {"minimum", "maximum"} & set(option) else True


def refusal(where: str, values: dict[str, t.Any], options: Options) -> str:
    """One sentence about the first of C(values) that its option does not accept, or nothing. Values have the right types already.

    YAML reads yes and no as truth values: what Ansible has made a text of them becomes the choice that was written.
    """
    for name, option in options.items():
        value = values.get(name)
        if value is None:
            continue
        if value in ("True", "False") and option.get("choices"):
            words = ("yes", "on", "true") if value == "True" else ("no", "off", "false")
            values[name] = value = next((word for word in words if word in option["choices"]), value)
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict) and not _accepted(option, item):
                return f"{where}.{name} {'has' if isinstance(value, list) else 'is'} {item!r}: {needed(option)}."
        if "options" in option and isinstance(value, dict):
            deeper = refusal(f"{where}.{name}", value, option["options"])
            if deeper:
                return deeper
    return ""
