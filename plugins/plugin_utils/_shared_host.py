# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several inventories ask of the host that they share, as far as one would take it away from the other. Pure.

Each run notes it with every application that it sets up. Who runs later with an inventory that has none of these applications adds it to its own.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyweb.stack.plugins.plugin_utils._firewall import DEFAULT

SCHEMA = 1
LEVELS = ("baseline", "strict")  # the stricter one last
# Options that hold several things, each by the variable that it is in: lists of which nothing is to be lost, and mappings.
LISTS = {"hardening_firewall": "allow", "hardening_intrusion": "exempt", "hardening_modules": "allow", "hardening_upgrades": "hold"}
MAPPINGS = {"hardening_ssh": "settings", "hardening_sysctl": "settings"}
USUAL: dict[str, list[t.Any]] = {"hardening_firewall": [*DEFAULT], "hardening_upgrades": ["supervisor"]}
# Groups of options that can be switched off, with what counts where nothing is said.
GROUPS = {
    f"hardening_{name}": name != "integrity"
    for name in ("accounts", "apparmor", "audit", "banner", "dumps", "firewall", "integrity", "intrusion", "logs", "modules", "mounts", "ssh", "sysctl",
                 "upgrades")
}


class Certificate(t.TypedDict):
    name: str
    content: str  # PEM


class Need(t.TypedDict):
    """What one inventory asks of the host, as it is kept beside each of its applications there."""

    schema: int  # SCHEMA
    level: str  # of hardening
    certificates: list[Certificate]
    lists: dict[str, list[t.Any]]  # by the keys of LISTS
    mappings: dict[str, dict[str, t.Any]]  # by the keys of MAPPINGS
    groups: list[str]  # those of GROUPS that are on
    options: dict[str, dict[str, t.Any]]  # what is said of these besides, by their names


class Shared(t.TypedDict):
    variables: dict[str, t.Any]  # of this inventory, with what the others ask for
    notes: list[str]  # what that is, in words
    faults: list[str]  # what cannot be for both


def _given(variables: dict[str, t.Any], name: str, key: str, usual: t.Any) -> t.Any:
    value = (variables.get(name) or {}).get(key)
    return usual if value is None else value


def need(variables: dict[str, t.Any], files: list[dict[str, t.Any]]) -> Need:
    """Of C(variables), those of roles hardening and python by their names; C(files) are the certificates as lookup ca_files returns them."""
    return {
        "schema": SCHEMA,
        "level": str(variables.get("hardening_level", LEVELS[0])),
        "certificates": [{"name": file["path"].rpartition("/")[2].removesuffix(".crt"), "content": file["content"]} for file in files],
        "lists": {name: list(_given(variables, name, key, USUAL.get(name, []))) for name, key in LISTS.items()},
        "mappings": {name: dict(_given(variables, name, key, {})) for name, key in MAPPINGS.items()},
        "groups": (groups := _groups(variables)),
        "options": {name: _options(variables, name) for name in groups},
    }


def _groups(variables: dict[str, t.Any]) -> list[str]:
    """Those that are on."""
    absent = variables.get("hardening_state") == "absent"
    return [name for name, usual in GROUPS.items() if not absent and boolean(_given(variables, name, "enabled", usual))]


def _options(variables: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """What is given of a group, but for what has rules of its own."""
    besides = ("enabled", LISTS.get(name), MAPPINGS.get(name))
    return {key: value for key, value in (variables.get(name) or {}).items() if key not in besides and value is not None}


def _same(item: t.Any) -> t.Any:
    """An item as it is compared: a rule of the firewall may have its port as a number or as text, and tcp goes without saying."""
    if not isinstance(item, dict):
        return item
    return (str(item.get("port", "")), item.get("protocol", "tcp"), sorted(item.get("from") or []))


def _words(item: t.Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    port = f"/{item['port']}" if "port" in item else ""
    return f"{item.get('protocol', 'tcp')}{port}" + (f" from {' and '.join(item['from'])}" if item.get("from") else "")


def _more_items(own: list[t.Any], others: list[list[t.Any]]) -> list[t.Any]:
    more: list[t.Any] = []
    for item in [item for items in others for item in items]:
        if _same(item) not in [_same(one) for one in own + more]:
            more.append(item)
    return more


def _first(own: dict[str, t.Any], others: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """The first one that says something is heard: this inventory, then the others in the order of their applications."""
    found = dict(own)
    for other in others:
        found = {**other, **found}
    return found


def _more_groups(own: Need, others: list[Need], result: dict[str, t.Any]) -> list[str]:
    """Switches on in C(result) what others have on, as they have it; returns this in words."""
    theirs = [name for name in GROUPS if any(name in other.get("groups", []) for other in others)]
    more = [name for name in theirs if name not in own["groups"]]
    if more and result.get("hardening_state") == "absent":
        result["hardening_state"] = "present"
        result.update({name: {"enabled": False} for name in GROUPS if name not in more})
    for name in more:
        result[name] = {"enabled": True}
    notes = [*more]
    for name in theirs:
        before = {} if name in more else own["options"][name]
        result[name].update(options := _first(before, [other.get("options", {}).get(name, {}) for other in others]))
        notes += [f"{name}.{key}" for key in options if key not in before]
    return notes


def shared(own: Need, others: list[Need], variables: dict[str, t.Any]) -> Shared:
    """C(variables) of this inventory, which asks for C(own), and what is added for the C(others)."""
    others = [other for other in others if other.get("schema") == SCHEMA]
    result: dict[str, t.Any] = {"python_ca_certificates": [*variables.get("python_ca_certificates", [])], "hardening_level": own["level"]}
    result.update({name: variables[name] for name in ("hardening_state",) if name in variables})
    notes, faults = [], []
    if "strict" in [other["level"] for other in others] and own["level"] != "strict":
        result["hardening_level"] = "strict"
        notes.append("hardening_level strict")
    contents = {file["name"]: file["content"] for file in own["certificates"]}
    for file in [file for other in others for file in other["certificates"]]:
        if file["name"] not in contents:
            contents[file["name"]] = file["content"]
            result["python_ca_certificates"].append(file)
            notes.append(f"the CA certificate {file['name']}")
        elif contents[file["name"]] != file["content"]:
            faults.append(
                f"python_ca_certificates has '{file['name']}', under which another inventory has given this host another certificate; take another name."
            )
    result.update({name: dict(variables.get(name) or {}) for name in GROUPS})
    notes += _more_groups(own, others, result)
    for name, key in LISTS.items():
        more = _more_items(own["lists"][name], [other["lists"].get(name, []) for other in others])
        result[name].update({key: own["lists"][name] + more} if more else {})
        notes += [f"{name}.{key} {_words(item)}" for item in more]
    for name, key in MAPPINGS.items():
        settings = _first(own["mappings"][name], [other["mappings"].get(name, {}) for other in others])
        result[name].update({key: settings} if settings else {})
        notes += [f"{name}.{key} {setting}" for setting in settings if setting not in own["mappings"][name]]
    return {"variables": result, "notes": notes, "faults": sorted(set(faults))}
