# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user writes in C(pyweb_apps) to what each role is given. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._declared.app import APP
from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import whole_commands
from ansible_collections.pyweb.stack.plugins.module_utils._declared.source import DEPENDENCIES
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import NAME, NAME_LENGTH
from ansible_collections.pyweb.stack.plugins.module_utils._options import HOOKS, KINDS, SSH
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError, checked, kind_of
from ansible_collections.pyweb.stack.plugins.module_utils._processes import check_manager, valid_process
from ansible_collections.pyweb.stack.plugins.plugin_utils import _balancer, _domains, _extra, _presets, _sites, _slices
from ansible_collections.pyweb.stack.plugins.plugin_utils._backup import checked_backup
from ansible_collections.pyweb.stack.plugins.plugin_utils._files import checked_files
from ansible_collections.pyweb.stack.plugins.plugin_utils._merge import merge
from ansible_collections.pyweb.stack.plugins.plugin_utils._paths import relative

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[A-Za-z0-9._, -]+\])?(==\s*[A-Za-z0-9][A-Za-z0-9.!+_-]*)?")
# What pip would install other packages by, while uv, which installs them here, does not read it; and what says the same.
_LINE = "a line {} of the requirements file"
PIP = {
    "PIP_INDEX_URL": "dependencies.index", "PIP_EXTRA_INDEX_URL": "dependencies.extra_indexes", "PIP_NO_INDEX": "dependencies.wheelhouse",
    "PIP_FIND_LINKS": f"dependencies.wheelhouse or {_LINE.format('--find-links')}", "PIP_CONSTRAINT": _LINE.format("-c"), "PIP_PRE": _LINE.format("--pre"),
    "PIP_NO_BINARY": _LINE.format("--no-binary"), "PIP_ONLY_BINARY": _LINE.format("--only-binary"),
}


def _environment(where: str, values: dict[str, Any]) -> dict[str, str]:
    result = {}
    for name, value in values.items():
        at = f"{where}.{name}"
        if not ENV_NAME.fullmatch(str(name)) or str(name).startswith("PYWEB_"):
            raise AppsError(f"{at} is not a name for an environment variable: letters, digits and _ are accepted, PYWEB_ is reserved.")
        if isinstance(value, bool) or value is None or not isinstance(value, (str, int, float)):
            raise AppsError(f"{at} is a {type(value).__name__}: write the text that the application should see, in quotes.")
        text = str(value)
        if "\0" in text:
            raise AppsError(f"{at} has a NUL character: no environment variable can hold one.")
        size = len(text.encode("utf-8", "surrogateescape"))
        if len(str(name)) + size > 131070:
            raise AppsError(f"{at} has {size} bytes: Linux takes 128 kB for a variable with its name, put it into a file and name that.")
        result[str(name)] = text
    return result


def _git_version(where: str, version: str) -> None:
    if not version or version.startswith("-") or re.search(r"[\s~^:?*\[\\]|\.\.", version):
        raise AppsError(f"{where} is {version!r}: a branch, a tag or a commit is needed.")


def _source(where: str, source: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in KINDS if source.get(kind)]
    if not kinds:
        raise AppsError(f"{where}.repo is missing: the address of the git repository is needed, or path, archive or package in its place.")
    if len(kinds) > 1:
        raise AppsError(f"{where} has {' and '.join(kinds)}: exactly one of {', '.join(KINDS)} is needed.")
    kind = kinds[0]
    belongs = {"deploy_key": "repo", "token": "repo", "known_hosts": "repo", "prepare": "path", "include": "path", "checksum": "archive"}
    for option, owner in belongs.items():
        if source[option] and owner != kind:
            raise AppsError(f"{where}.{option} goes with {where}.{owner}, but the source is {where}.{kind}.")
    if source["version"] != "HEAD" and (kind in ("path", "archive") or (source["package"] or "").endswith(".whl")):
        raise AppsError(f"{where}.version goes with {where}.repo or {where}.package (name==version), but the source is {where}.{kind}.")
    if kind == "repo":
        _git_version(f"{where}.version", source["version"])
        if source["token"] and not source["repo"].startswith("https://"):
            raise AppsError(f"{where}.token goes with an address that begins with https://, but repo is {without_password(source['repo'])!r}.")
        if source["deploy_key"] and not SSH.match(source["repo"]):
            raise AppsError(f"{where}.deploy_key goes with an address for SSH, but repo is {without_password(source['repo'])!r}: use token for https.")
    elif kind == "package":
        if not source["package"].endswith(".whl"):
            found = PACKAGE.fullmatch(source["package"])
            if not found or not (found.group(3) or source["version"] != "HEAD"):
                raise AppsError(f"{where}.package is {source['package']!r}: name==version, name[extra]==version or the path of a wheel is needed.")
            if source["version"] == "HEAD":
                source["version"] = found.group(3)[2:].strip()
            source["package"] = found.group(1) + (found.group(2) or "").replace(" ", "")
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", source["version"]):
                raise AppsError(f"{where}.version is {source['version']!r}: the version of a package is needed, such as 1.4.0.")
    elif kind == "archive":
        # The name of what an address gives may be anywhere in it, or nowhere: https://api.github.com/repos/shop/shop/tarball/v1.2.
        if "://" not in source["archive"] and not re.search(r"(?i)\.(tar|tar\.(gz|bz2|xz)|t(gz|bz2|xz)|zip)$", source["archive"]):
            raise AppsError(f"{where}.archive is {without_password(source['archive'])!r}: a .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip file is needed.")
        if "://" in source["archive"] and not source["checksum"]:
            raise AppsError(f"{where}.checksum is missing: an archive from the net needs the sha256 of what it has to be, as sha256:…")
    if source["directory"]:
        if kind == "package":
            raise AppsError(f"{where}.directory goes with {where}.repo, path or archive, but the source is {where}.package.")
        source["directory"] = relative(f"{where}.directory", source["directory"])
    source["include"] = [relative(f"{where}.include", path) for path in source["include"]]
    return source


def _dependencies(where: str, given: dict[str, Any]) -> dict[str, Any]:
    result = checked(where, given, DEPENDENCIES)
    if result["file"]:
        result["file"] = relative(f"{where}.file", result["file"])
    for address in [*([result["index"]] if result["index"] else []), *result["extra_indexes"]]:
        if not re.match(r"(https?|file)://[^\s]+$", address):
            raise AppsError(f"{where} has the index {without_password(address)!r}: an address that begins with https:// is needed.")
    for item in result["git"]:
        url = without_password(item["url"])
        ssh = bool(SSH.match(item["url"]))
        if not ssh and not re.match(r"https?://[^\s]+$", item["url"]):
            raise AppsError(f"{where}.git has the url {url!r}: the beginning of an address is needed, such as https://git.example.com/team/.")
        if bool(item["token"]) == bool(item["deploy_key"]) or ssh != bool(item["deploy_key"]):
            raise AppsError(f"{where}.git has {url!r}, which needs {'deploy_key' if ssh else 'token'} and nothing else.")
    if result["wheelhouse"] and not result["wheelhouse"].startswith("/"):
        result["wheelhouse"] = relative(f"{where}.wheelhouse", result["wheelhouse"])
    return result


def _hooks(where: str, given: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every hook as a command and who runs it, or a file of tasks."""
    given = checked(where, given, APP["hooks"]["options"])
    result: dict[str, list[dict[str, Any]]] = {}
    for phase, items in given.items():
        result[phase] = []
        for item in items:
            hook = {"command": item} if isinstance(item, str) else item
            if not isinstance(hook, dict) or len({"command", "tasks"} & set(hook)) != 1 or set(hook) - {"command", "tasks", "user"}:
                raise AppsError(f"{where}.{phase} has {item!r}: a command, or a mapping with command (and user) or tasks is needed.")
            if not all(isinstance(part, str) and part for part in hook.values()):
                raise AppsError(f"{where}.{phase} has {item!r}: its values have to be text.")
            if hook.get("user", "app") not in ("app", "build") or ("tasks" in hook and "user" in hook):
                raise AppsError(f"{where}.{phase} has {item!r}: user is app or build, and goes with command.")
            if hook.get("user") == "app" and HOOKS[phase] == "build":
                raise AppsError(f"{where}.{phase} has {item!r}: what happens before a release is built runs as the build user.")
            result[phase].append({"command": hook.get("command"), "tasks": hook.get("tasks"), "user": hook.get("user", HOOKS[phase])})
    return result


def _commands(where: str, given: Any) -> list[str]:
    """One command or several, as a list. Raises AppsError for anything else."""
    commands = [given] if isinstance(given, str) else given or []
    if isinstance(commands, list) and all(isinstance(command, str) for command in commands):
        return [command for command in commands if command.strip()]
    raise AppsError(f"{where} is {given!r}: a command or a list of commands is needed, such as python manage.py migrate --noinput.")


def _app(name: str, value: Any) -> dict[str, Any]:
    where = f"pyweb_apps.{name}"
    if not NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        raise AppsError(
            f"pyweb_apps has {name!r}, which is not a name for an application: "
            f"a to z, 0 to 9 and single - between them are accepted, {NAME_LENGTH} characters at the most."
        )
    value = whole_commands(value, APP) if isinstance(value, dict) else value
    source = value.get("source") if isinstance(value, dict) else None
    for option, number in (("python", value.get("python") if isinstance(value, dict) else None),
                           ("source.version", source.get("version") if isinstance(source, dict) else None)):
        if isinstance(number, float):
            raise AppsError(f"{where}.{option} is the number {number}: write it in quotes, YAML drops zeros at the end of numbers.")
    app = checked(where, value, APP)
    if app["state"] == "absent":
        return app
    if app["preset"]:
        filled = _presets.filled(name, value)
        app = checked(where, merge(filled, {key: item for key, item in value.items() if item is not None and not (key == "shared" and key in filled)}), APP)
    app["source"] = _source(f"{where}.source", app["source"] or {})
    app["dependencies"] = _dependencies(f"{where}.dependencies", app["dependencies"] or {})
    app["hooks"] = _hooks(f"{where}.hooks", app["hooks"] or {})
    for group in ("env", "secrets", "build_env"):
        app[group] = _environment(f"{where}.{group}", app[group])
    for variable in sorted(set(app["build_env"]) & set(PIP)):
        raise AppsError(f"{where}.build_env has {variable}, which pip reads, and uv, which installs packages here, does not: let {PIP[variable]} say it; "
                        "for pip in a build step, write it into that command.")
    both = sorted(set(app["env"]) & set(app["secrets"]))
    if both:
        raise AppsError(f"{where}.env and {where}.secrets both have {both[0]}: keep one of them.")
    app["shared"] = [relative(f"{where}.shared", path) for path in app["shared"]]
    app["files"] = checked_files(f"{where}.files", app["files"], app["shared"])
    app["backup"] = checked_backup(f"{where}.backup", app["backup"], name) if app["backup"] is not None else None
    app["migrate"] = _commands(f"{where}.migrate", app["migrate"])
    app["processes"] = {
        str(key): valid_process(f"{where}.processes.{key}", str(key), item) for key, item in app["processes"].items()
    }
    check_manager(app["processes"], f"{where}.processes", app["manager"], f"{where}.manager")
    if app["site"] and (app["processes"].get("web") or {}).get("address"):
        raise AppsError(f"{where}.processes.web.address is for another reverse proxy: leave out {where}.site, which is for nginx on the host.")
    if app["site"]:
        app["site"] = _sites.checked_site(f"{where}.site", app["site"])
        if app["site"]["root"] and "web" in app["processes"]:
            raise AppsError(f"{where}.site.root is for a site without a process: with processes.web, name directories in {where}.site.static.")
        web = app["processes"].get("web")
        if web and web["asgi"] and app["site"]["path"] != "/":
            web["options"] = ["--root-path", app["site"]["path"], *web["options"]]
    return app


def _cross_checks(apps: dict[str, dict[str, Any]]) -> None:
    accounts: dict[str, str] = {}
    addresses: dict[str, str] = {}
    probes: dict[str, str] = {}
    for name, app in apps.items():
        for account in (name, f"{name}-build", f"{name}-web"):
            if account in accounts:
                raise AppsError(
                    f"pyweb_apps has {accounts[account]} and {name}, which both need a system account {account}: rename one of them."
                )
            accounts[account] = name
        if app["state"] == "absent":
            continue
        address = (app["processes"].get("web") or {}).get("address")
        if address and addresses.setdefault(address, name) != name:
            raise AppsError(f"pyweb_apps.{name}.processes.web.address is {address!r}, which pyweb_apps.{addresses[address]} has too: take another port.")
        for path in (app["site"] or {}).get("probes", []):
            if probes.setdefault(path, name) != name:
                raise AppsError(
                    f"pyweb_apps.{name}.site.probes has {path!r}, which pyweb_apps.{probes[path]} has too: a probe names no site, so take another path."
                )


def complete(apps: Any, overrides: Any = None) -> dict[str, dict[str, Any]]:
    """Every application of C(apps) with presets, overrides and defaults, by name. Raises AppsError for what cannot work."""
    if not isinstance(apps, dict) or not apps:
        raise AppsError(
            f"pyweb_apps is {kind_of(apps or None)}: define at least one application, such as pyweb_apps: {{guestbook: {{source: …, processes: …}}}}."
        )
    if overrides:
        if not isinstance(overrides, dict):
            raise AppsError(f"pyweb_app_overrides is {kind_of(overrides)}: a mapping like pyweb_apps is needed.")
        unknown = sorted(set(overrides) - set(apps))
        if unknown:
            raise AppsError(f"pyweb_app_overrides has {unknown[0]!r}, which pyweb_apps does not define.")
        apps = merge(apps, overrides)
    full = {str(name): _app(str(name), value) for name, value in apps.items()}
    _cross_checks(full)
    _domains.settle(full)
    return full


def _check_version(full: dict[str, dict[str, Any]], names: list[str], version: str | None) -> None:
    """Whether C(-e version=…) goes with the one application that it is for. Raises AppsError."""
    if version:
        if len(names or full) > 1:
            raise AppsError(f"version is {version!r}, but not for which application: add -e app=… ({', '.join(names or full)}).")
        name = next(iter(names or full))
        source = full[name].get("source") or {"repo": "x"}
        where = f"pyweb_apps.{name}.source"
        for kind in ("path", "archive"):
            if source.get(kind):
                raise AppsError(f"version is {version!r}, but {where}.{kind} always deploys what is there now: a version goes with repo or package.")
        if source.get("package", "") and source["package"].endswith(".whl"):
            raise AppsError(f"version is {version!r}, but {where}.package is a wheel, which has one version only.")
        _git_version("version", version)


def survey(
    apps: Any,
    overrides: Any = None,
    app: str | list[str] | None = None,
    version: str | None = None,
    host: str | None = None,
    groups: dict[str, list[str]] | None = None,
    balancing: _balancer.Balancing | None = None,
    hosts: list[str] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The applications that are placed on C(host), each with its defaults and a slice for each role; and those that C(app) narrows to.

    The latter have C(version), of one application, in place of C(source.version). Without C(host) all count as placed.
    With C(balancing), a balancer has the sites of all and chooses none, and a member leaves to it what is the balancer's.
    C(hosts) are those of the run: one of them has to have what C(app) names.
    """
    full = complete(apps, overrides)
    names = _extra.choice(full, app)
    _check_version(full, names, str(version) if version else None)
    # Those that are not chosen run all the same: they share the host.
    places = {str(name): [str(member) for member in members] for name, members in (groups or {}).items()}
    everything = _slices.on(host, full, places)
    # A balancer serves all of them.
    if not set(hosts or []) & set((balancing or {}).get("balancers") or []):
        _slices.check_chosen(full, names, hosts or [], places)
    if balancing:
        balancing = _balancer.checked(balancing)
        fronts = _slices.before(full, places, balancing)
        if host in balancing["balancers"]:
            return fronts, []
        everything = [{**item, "site": _balancer.member_site(item["site"])} for item in everything]
    chosen = [item for item in everything if not names or item["name"] in names]
    if version:
        chosen = [merge(item, {"app": {"source": {"version": str(version)}}}) if item["state"] == "present" else item for item in chosen]
    return everything, chosen


def resolve(
    apps: Any, overrides: Any = None, app: str | list[str] | None = None, version: str | None = None, host: str | None = None,
    groups: dict[str, list[str]] | None = None,
) -> list[dict[str, Any]]:
    """The applications that C(app) narrows to, as survey() has them."""
    return survey(apps, overrides, app, version, host, groups)[1]


def environment_text(values: dict[str, str]) -> str:
    """NUL-separated, so that every value arrives byte for byte."""
    return "".join(f"{name}={value}\0" for name, value in sorted(values.items()))
