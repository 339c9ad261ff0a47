# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at an application that runs on a host without this collection. Changes nothing."""

from __future__ import annotations

import dataclasses
import glob
import grp
import os
import pwd
import re
import sys
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._adopt import sites, tree, units


@dataclasses.dataclass
class Unit:
    """A unit that runs a process of the application."""

    name: str
    # The words of its command, and the directory where it runs, without links on the way.
    command: list[str]
    directory: str
    user: str
    active: bool
    enabled: bool
    # Sockets of systemd that start it, and where these listen.
    sockets: list[str]
    listens: list[str]
    # Files with environment variables, whether they are there or not.
    files: list[str]
    # Seconds that it has to end.
    stop_timeout: int | None
    memory: str


def _show(run: tree.Run, names: list[str]) -> list[dict[str, str]]:
    return units.shown(run(["systemctl", "show", "--no-pager", "--property", ",".join(units.PROPERTIES), "--", *names])[1])


def _cat(run: tree.Run, name: str, section: str = "Service") -> dict[str, list[str]]:
    rc, out, dummy = run(["systemctl", "cat", "--no-pager", "--", name])
    return units.settings(out, section) if rc == 0 else {}


def _unit(run: tree.Run, properties: dict[str, str]) -> tuple[Unit, dict[str, str]]:
    """The unit, and the variables that it names in itself."""
    said = _cat(run, properties["Id"])
    directory = properties.get("WorkingDirectory", "").lstrip("!")
    sockets = [name for name in properties.get("TriggeredBy", "").split() if name.endswith(".socket")]
    listens = [address for name in sockets for address in _cat(run, name, "Socket").get("ListenStream", [])]
    unit = Unit(
        name=properties["Id"], command=units.command(said.get("ExecStart", [])), directory=os.path.realpath(directory) if directory else "",
        user=properties.get("User") or "root", active=properties.get("ActiveState") == "active", enabled=properties.get("UnitFileState") == "enabled",
        sockets=sockets, listens=[f"unix:{address}" if address.startswith("/") else address for address in listens],
        files=[name.lstrip("-") for name in said.get("EnvironmentFile", [])],
        stop_timeout=units.seconds(said.get("TimeoutStopSec", [""])[-1]) and units.seconds(properties.get("TimeoutStopUSec", "")),
        memory=said.get("MemoryMax", [""])[-1],
    )
    return unit, units.assignments(said.get("Environment", []))


def _below(path: str, properties: dict[str, str], words: list[str]) -> bool:
    """Does a unit run something of the directory?"""
    places = [properties.get("WorkingDirectory", "").lstrip("!"), *words]
    return any(place == path or place.startswith(f"{path}/") for place in places)


def _found(run: tree.Run, path: str, wanted: list[str]) -> list[dict[str, str]]:
    """Properties of the units that are named, else of those of others that run something of the directory."""
    if wanted:
        return [item for item in _show(run, wanted) if item.get("LoadState") == "loaded"]
    listed = run(["systemctl", "list-unit-files", "--no-legend", "--no-pager", "--type=service"])[1]
    files = [line.split()[0] for line in listed.splitlines() if line.strip()]
    files = [name for name in files if "@" not in name and glob.glob(f"/etc/systemd/system/{name}") and not name.startswith("pyweb")]
    found = _show(run, files) if files else []
    return [item for item in found if _below(path, item, units.command(_cat(run, item["Id"]).get("ExecStart", [])))]


def _exists(lookup: t.Callable[[str], object], name: str) -> bool:
    try:
        lookup(name)
    except KeyError:
        return False
    return True


def _taken(name: str) -> str:
    """Why an application cannot have this name here; nothing where it can."""
    if os.path.exists(f"/var/lib/pyweb/{name}"):
        return ""
    if os.path.lexists(f"/srv/{name}"):
        return f"/srv/{name} is there"
    if _exists(pwd.getpwnam, name) or _exists(grp.getgrnam, name):
        return f"there is an account or a group {name}"
    return ""


def _variables(found: list[Unit], inline: list[dict[str, str]], dotenv: list[str]) -> dict[str, dict[str, t.Any]]:
    """Variables by name: where they are from, and their value. What is named later counts, as in systemd; a C(.env) fills in the rest."""
    result: dict[str, dict[str, t.Any]] = {}
    for unit, given in zip(found, inline):
        result.update({name: {"value": value, "file": unit.name} for name, value in given.items()})
        for file in unit.files:
            result.update({name: {"value": value, "file": file} for name, value in units.environment_file(tree.text(file)).items()})
    for file in dotenv:
        for name, value in units.environment_file(tree.text(file)).items():
            result.setdefault(name, {"value": value, "file": file})
    return result


def look(run: tree.Run, path: str, wanted: list[str], name: str, values: bool) -> dict[str, t.Any]:
    """All that is known of the application in the directory C(path).

    C(wanted): names of its units; empty to look for them. C(name): what it would be called here. C(values): tell secrets, too.
    """
    path = os.path.normpath(path)
    pairs = [_unit(run, properties) for properties in _found(run, path, wanted)]
    found = [unit for unit, dummy in pairs]
    program = next((unit.command[0] for unit in found if unit.command), "")
    here = tree.look(run, path, program)
    addresses = [address for unit in found
                 for address in [*unit.listens, *binds(unit.command, () if unit.listens else otherwise(unit.command, unit.directory or path))]]
    printed = run(["nginx", "-T", "-q"])[1] if os.path.exists("/usr/sbin/nginx") else ""
    variables = _variables(found, [given for dummy, given in pairs], here.dotenv)
    for key, variable in variables.items():
        variable["secret"] = units.is_secret(key, variable["value"])
        if variable["secret"] and not values:
            variable["value"] = None
    return {
        "path": path,
        "tree": dataclasses.asdict(here),
        "units": [dataclasses.asdict(unit) for unit in found],
        "sites": [dataclasses.asdict(site) for site in sites.find(printed, addresses, path)],
        "variables": variables,
        "taken": _taken(name),
        # The host's own Python runs this.
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }


def _options(words: list[str]) -> dict[str, list[str]]:
    """What follows each word, or its equals sign."""
    options: dict[str, list[str]] = {}
    for word, after in zip(words, [*words[1:], ""]):
        option, equals, value = word.partition("=")
        options.setdefault(option, []).append(value if equals else after)
    return options


def otherwise(words: list[str], directory: str) -> list[str]:
    """Where gunicorn or uvicorn listens that no command and no socket tells: as gunicorn's configuration file has it, or by default."""
    names = {os.path.basename(word) for word in words}
    if not names & {"gunicorn", "uvicorn"}:
        return []
    options = _options(words)
    file = [*options.get("-c", []), *options.get("--config", []), "gunicorn.conf.py"][0].removeprefix("file:")
    lines = re.findall(r"^bind\s*=\s*(.*)$", tree.text(os.path.join(directory, file)), re.MULTILINE) if "gunicorn" in names else []
    return re.findall(r"""["']([^"']+)["']""", lines[-1]) if lines else ["127.0.0.1:8000"]


def binds(words: list[str], untold: t.Sequence[str] = ()) -> list[str]:
    """Where a command of gunicorn, uvicorn or the like says that it listens, else C(untold), as nginx names such addresses."""
    options = _options(words)
    found = options.get("--bind", []) + options.get("-b", []) + [f"unix:{path}" for path in options.get("--uds", [])]
    found += [f"{(options.get('--host') or ['127.0.0.1'])[0]}:{port}" for port in options.get("--port", [])[:1]]
    found = found or list(untold)
    result = []
    for address in found:
        address = f"unix:{address[len('unix:'):]}" if address.startswith("unix:") else address
        host, colon, port = address.rpartition(":")
        result.append(address)
        if colon and port.isdigit() and host in ("0.0.0.0", "", "127.0.0.1", "localhost", "[::]", "[::1]", "::"):
            result += [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"]
    return list(dict.fromkeys(result))
