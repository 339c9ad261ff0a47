# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of C(pyweb_apps) for an application that runs without this collection, from what the module adopt_info has found. Pure: no I/O."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import NAME, NAME_LENGTH, Layout
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _adopted_command, _apps

# Lock files that are found by themselves.
LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt", "pyproject.toml", "setup.py")
# Variables that only lead to the old place.
_PLACES = {"PATH", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED", "HOME", "LANG", "USER", "PWD", "PYTHONHOME"}
WIDTH = 110


class Plain(yaml.SafeDumper):
    """YAML as people write it: lists of words in one line, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _list(dumper: Plain, data: list[Any]) -> yaml.Node:
    flow = all(isinstance(item, (str, int)) and len(str(item)) < 60 for item in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


Plain.add_representer(list, _list)


def name_for(path: str, given: str | None, taken: str = "") -> str:
    """What the application is called here: as it is said, else after its directory; with C(-app) where that name is taken."""
    name = re.sub(r"[^a-z0-9]+", "-", (given or os.path.basename(os.path.normpath(path))).lower()).strip("-")
    name = re.sub(r"^[^a-z]+", "", name)
    if given:
        return name
    name = name[: NAME_LENGTH - len("-app")].rstrip("-") or "app"
    return f"{name}-app" if taken else name


def name_fault(given: str) -> str:
    """Why an application cannot be called so, as a sentence; empty where it can."""
    if NAME.fullmatch(given) and len(given) <= NAME_LENGTH:
        return ""
    return f"app is '{given}': the name that the application is to have is needed, with {NAME_LENGTH} characters at the most, as -e app=shop."


def vault_name(name: str, variable: str) -> str:
    return f"vault_{name.replace('-', '_')}_{variable.lower()}"


def _source(tree: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    source: dict[str, Any] = {}
    if tree["repo"]:
        source["repo"] = re.sub(r"(https?://)[^@/]*@", r"\1", tree["repo"])
        if source["repo"] != tree["repo"]:
            notes.append("source.repo had a password or a token in its address: give it as source.token, from your vault")
        elif re.match(r"(ssh://|[\w.-]+@[\w.-]+:)", source["repo"]):
            notes.append("source.repo is read over SSH: source.deploy_key is the private key that may; without it the host makes one and says its public half")
    else:
        source["path"] = "."
        notes.append("the repository is not known: source.path stands for it; write source.repo, or the directory on your controller")
    branch = tree["branch"]
    if tree["repo"] and branch:
        source["version"] = branch
    elif tree["repo"] and tree["revision"]:
        source["version"] = tree["revision"]
        notes.append("no branch is known: source.version is the commit that is live, so deploys bring nothing new until you write a branch")
    if tree["revision"]:
        notes.append(f"live until now is the commit {tree['revision'][:12]}: for the take-over deploy just this, as -e version={tree['revision']}")
    if tree["edited"]:
        notes.append(f"files of the source were changed on the host, and the repository does not have that: {', '.join(tree['edited'][:8])}")
    return source


def _dependencies(tree: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if any(name in LOCKS for name in tree["names"]):
        return {}
    files = [name for name in tree["names"] if re.fullmatch(r"requirements/.*\.txt|requirements[-_.]\w+\.txt", name)]
    best = next((name for word in ("prod", "live", "base", "common", "main") for name in files if word in name), None)
    if best:
        notes.append(f"dependencies.file is a guess; there are {', '.join(files)}")
        return {"dependencies": {"file": best}}
    notes.append("no file with the dependencies was found at the top of the source: is it in a subdirectory (source.directory)?")
    return {}


def _is_web(unit: dict[str, Any], sites: list[dict[str, Any]]) -> bool:
    return bool(unit["sockets"]) or any(word.startswith(("unix:", "--bind", "--port", "--uds")) for word in unit["command"]) and bool(sites)


def _processes(name: str, found: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    processes: dict[str, Any] = {}
    for unit in found["units"]:
        parsed = _adopted_command.parse(unit["command"], _is_web(unit, found["sites"]))
        key = "web" if parsed.web and "web" not in processes else re.sub(r"[^a-z0-9]+", "_", unit["name"].rpartition(".")[0].lower()).strip("_")
        if key != "web":
            key = re.sub(rf"^{re.escape(name.replace('-', '_'))}_", "", key)
            key = re.sub(r"^[^a-z]+", "", key)[:24] or "worker"
        process = parsed.process
        if not process:
            notes.append(f"{unit['name']}: {'; '.join(parsed.notes)}")
            continue
        stop = unit["stop_timeout"]
        if stop and key != "web" or stop and "stop_timeout" not in process:
            process["stop_timeout"] = stop
        if re.fullmatch(r"[1-9]\d*[KMGT]?", unit["memory"]) and not unit["memory"].isdecimal():
            process["memory"] = unit["memory"]
        if re.search(r"\bbeat\b|scheduler", process.get("command", "")):
            process["singleton"] = True
        places = [word for word in process.get("command", "").split() if word.startswith("/")]
        if places:
            notes.append(f"processes.{key} names {', '.join(places[:4])}: in a release, paths begin at its own directory")
        processes[key] = process
        notes += [f"{unit['name']}: {note}" for note in parsed.notes]
        if unit["directory"] not in ("", "/", found["tree"]["code"], found["path"]):
            below = unit["directory"].removeprefix(found["tree"]["code"]).strip("/")
            notes.append(f"{unit['name']} runs in {unit['directory']}: is the application in a subdirectory (source.directory: {below or '…'})?")
    if not found["units"]:
        notes.append("no unit of systemd was found that runs something there: name it, as -e unit=shop.service")
    if "web" not in processes:
        processes = {"web": {"wsgi": f"{name.replace('-', '_')}:app"}, **processes}
        notes.append("what answers requests is not known: processes.web is a guess")
    return processes


def _relative(place: str, found: dict[str, Any]) -> str | None:
    """A path that nginx serves, as one of the release; None where it lies elsewhere."""
    shared = {target: name for name, target in found["tree"]["shared"].items()}
    real = os.path.normpath(place)
    for target, name in shared.items():
        if real == target or real.startswith(f"{target}/"):
            return (name + real[len(target):]).rstrip("/")
    for top in (f"{found['path']}/current", found["tree"]["code"]):
        if real.startswith(f"{top}/"):
            return real[len(top) + 1:]
    return None


def _site(found: dict[str, Any], notes: list[str]) -> dict[str, Any] | None:
    sites = found["sites"]
    if not sites:
        notes.append("no site of nginx was found that passes requests to it: write site, unless another proxy does")
        return None
    first = sites[0]
    site: dict[str, Any] = {"domains": [domain.lower() for one in sites for domain in one["domains"]] or ["www.example.com"]}
    if not any(one["domains"] for one in sites):
        notes.append("its site in nginx has no name that visitors could use: write site.domains")
    static = {}
    for one in sites:
        for url, place in one["static"].items():
            inside = _relative(place, found)
            if inside and re.fullmatch(r"(/[\w.-]+)+/?", url):
                static[url if url.endswith("/") or "." in url.rpartition("/")[2] else f"{url}/"] = inside
            else:
                notes.append(f"nginx serves {place} at {url}, which is not in the release: where it is data, make a link to it in "
                             f"{found['tree']['code']}, and name that in shared")
    if static:
        site["static"] = static
    if first["certificate"] and first["key"]:
        site["tls"] = {"certificate": first["certificate"], "key": first["key"]}
        if "/letsencrypt/" in first["certificate"]:
            notes.append("the certificate is certbot's, which goes on renewing it; later, tls: {source: acme} does that with the site")
        elif "snakeoil" in first["certificate"]:
            del site["tls"]
    else:
        notes.append("the site had no TLS: visitors are sent to https now, with a self-signed certificate unless site.tls says another, such as {source: acme}")
    size = first["body_size"].lower()
    if re.fullmatch(r"\d+[kmg]?", size) and size not in ("10m", "1m"):
        site["client_max_body_size"] = size
    if re.fullmatch("[1-9][0-9]*(ms|s|m|h|d)", first["read_timeout"]) and first["read_timeout"] != "60s":
        site["read_timeout"] = first["read_timeout"]
    for one in sites:
        notes += [f"{one['file']} has '{text}': see whether it is needed, in headers, access, redirects or extra_config" for text in one["others"][:12]]
        if one["strangers"]:
            notes.append(f"{one['file']} also has {one['strangers']} server blocks of others: move them to a file of their own before the take-over")
    return site


def _variables(name: str, found: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    env, secrets = {}, {}
    for key, variable in found["variables"].items():
        if key in _PLACES or key.startswith("PYWEB_"):
            continue
        if variable["secret"]:
            secrets[key] = f"{{{{ {vault_name(name, key)} }}}}"
        else:
            env[key] = variable["value"]
            if found["path"] in variable["value"]:
                notes.append(f"env.{key} names a place of the old directory: $PYWEB_SHARED is where data lie now (/srv/{name}/shared)")
    if secrets:
        files = sorted({variable["file"] for variable in found["variables"].values() if variable["secret"]})
        notes.append(f"the values of secrets are in {', '.join(files)}; -e secrets_file=secrets.yml writes them to a file for your vault")
    return {**({"env": env} if env else {}), **({"secrets": secrets} if secrets else {})}


def entry(found: dict[str, Any], name: str) -> tuple[dict[str, Any], list[str]]:
    """The entry for one application called C(name), and sentences about what a person has to decide."""
    notes: list[str] = []
    tree = found["tree"]
    if tree["kind"] == "missing":
        raise AppsError(f"path is {found['path']!r}, and the host has no such directory: name the one with current and releases, or the checkout.")
    app: dict[str, Any] = {}
    django = "manage.py" in tree["names"]
    if django:
        app["preset"] = "django"
    app["source"] = _source(tree, notes)
    if tree["python"] and tree["python"] != found["python"]:
        app["python"] = tree["python"]
    app.update(_dependencies(tree, notes))
    app.update(_variables(name, found, notes))
    if django and tree["django_settings"] and "DJANGO_SETTINGS_MODULE" not in app.get("env", {}):
        app["env"] = {"DJANGO_SETTINGS_MODULE": tree["django_settings"], **app.get("env", {})}
    static = {place for one in found["sites"] for url, place in one["static"].items() if "static" in url}
    shared = [path for path, target in tree["shared"].items() if not any(target == os.path.normpath(place) for place in static)]
    if shared:
        app["shared"] = shared
        if tree["kind"] == "checkout":
            notes.append("shared is what the checkout has besides its source: take out what is no data")
    if tree["kind"] == "directory":
        notes.append("the directory is no checkout, so what of it is data is a guess: shared names what looks like it, add what is missing")
    app["processes"] = _processes(name, found, notes)
    site = _site(found, notes)
    if site:
        app["site"] = site
    if not django:
        notes.append("commands that the deploy has run after the installation (static files, migrations) are not known: write build and migrate")
    return app, notes


def checked(name: str, app: dict[str, Any]) -> str:
    """What is wrong with the entry, in one sentence; nothing when it is accepted."""
    try:
        _apps.resolve({name: app})
    except AppsError as error:
        return str(error)
    return ""


def written(found: dict[str, Any], name: str) -> str:
    """The entry as YAML, with what could not be decided as comments above it."""
    app, notes = entry(found, name)
    fault = checked(name, yaml.safe_load(yaml.safe_dump(app)))
    if fault:
        notes.insert(0, f"this is not accepted yet: {fault}")
    wrapped = [textwrap.wrap(note + ("" if note.endswith((".", "?")) else "."), WIDTH - 4, break_long_words=False, break_on_hyphens=False)
               for note in notes]
    comments = [f"{'# - ' if number == 0 else '#   '}{line}" for lines in wrapped for number, line in enumerate(lines)]
    head = ["# To be looked at:", *comments] if comments else []
    text = yaml.dump({"pyweb_apps": {name: app}}, Dumper=Plain, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False)
    return "\n".join([*head, text]).rstrip()


def vault(found: dict[str, Any], name: str) -> str:
    """The secrets as variables for a file that ansible-vault encrypts."""
    values = {vault_name(name, key): variable["value"] for key, variable in found["variables"].items() if variable["secret"] and key not in _PLACES}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000) if values else ""


def pairs(shared: Iterable[str], tree: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """What the entry shares, from where the old directory has it; what that does not share lies in its code."""
    target = Layout(name).shared
    return [{"source": tree["shared"].get(place, f"{tree['code']}/{place}"), "target": f"{target}/{place}"} for place in shared]
