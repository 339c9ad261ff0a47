# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a release: a third-party part that is built once and cloned, and the project itself."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.explain import explain
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.files import digest, leftovers, read
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import find_python, minor, version_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.indexes import Indexes
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.settings import Settings, settings_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.tagged import UNKNOWN, guessed, unknown, unversioned, variables
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.websocket import mute
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import LINKS, Lock, Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import load_toml
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.lines import without_logins
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import lock_of, unread
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.requirements import RequirementsFile
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import (
    BINARY, PINNED, hashed, logical, names, normal, origins_in, relative, split_local, with_origins, without_places,
)
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.uv import UvLock
from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import call
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.credentials import access, credential, credentials_of, netrc

UV = "/usr/local/bin/uv"
# What is in an environment, as it was asked for.
INSTALLED = "pyweb-requirements.txt"
KEPT_LOCKS = 20
# What build backends say of a source that is no package.
NO_PACKAGE = re.compile(r"Multiple top-level (packages|modules) discovered in a flat-layout|Unable to determine which files to ship inside the wheel|"
                        r"No file/folder found for (package|module)|Expected a Python module at|No module or package named")
# What a server of ours needs for a protocol, and what is there already where an application has one of these.
COMPANIONS = {"websockets": {"uvicorn", "wsproto"}}
REQUIRED = re.compile(r"Required uv version `([^`]+)` does not match")
DEFAULTS: dict[str, t.Any] = {"file": None, "groups": [], "extras": [], "index": None, "extra_indexes": [], "wheelhouse": None}


class Environment:
    """The C(.venv) of one release of one application."""

    def __init__(self, home: str, params: dict[str, t.Any], env: dict[str, str]):
        self.home = home
        self.params = params
        self.env = env
        given = params.get("dependencies") or {}
        self.dependencies = {name: default if given.get(name) is None else given[name] for name, default in DEFAULTS.items()}
        self.uv_env = {
            **env, "UV_CACHE_DIR": f"{home}/cache", "UV_LINK_MODE": "hardlink", "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1",
        }
        # Where packages come from. Only uv and the tools that export locks see it, since it may hold passwords.
        self.places: dict[str, str] = {}
        self.secrets: list[str] = []
        self.indexes: Indexes | None = None
        self.settings = Settings({}, [])
        # For repositories of dependencies.
        self.credentials = credentials_of(params)
        self.files = ""
        # The project's own, where git tags have it.
        self.version: str | None = None
        # What the user should know about the release.
        self.notes: list[str] = []
        # Versions of uv that projects ask for, by what they ask.
        self.programs: dict[str, str] = {}
        self.has_run_uv = False

    def python(self) -> tuple[str, str]:
        """The interpreter, and its version: X.Y of the distribution's, whose updates keep environments valid."""
        return find_python(self.params["python"])

    def uv(self, *arguments: str, what: str, cwd: str | None = None, hint: str = "", **env: str | None) -> str:
        try:
            return self.run([UV, *arguments], what, cwd=cwd, hint=hint, env=env)
        except BuildError as error:
            required = REQUIRED.search(str(error))
            if not required:
                raise
        return self.run([self.another_uv(required[1]), *arguments], what, cwd=cwd, hint=hint, env=env)

    def another_uv(self, wanted: str) -> str:
        """The version that a project asks for with C(required-version), from uv's own cache: two applications of a host may want different ones."""
        if wanted not in self.programs:
            package = f"uv{'==' if wanted[0].isdigit() else ''}{wanted}"
            try:
                self.programs[wanted] = self.run([*self.uvx([package]), "sh", "-c", "command -v uv"], f"installing {package}", cwd=self.home).strip()
            except BuildError as error:
                raise BuildError(f"the project asks for uv {wanted} (required-version in pyproject.toml or uv.toml), which is not this host's, "
                                 "and which no index gives: set python_uv.version of role python to a version that fits, or change required-version."
                                 f"\n{error}") from None
        return self.programs[wanted]

    def uvx(self, packages: list[str]) -> list[str]:
        """The beginning of a command that has these packages and nothing else."""
        first, *more = packages
        return [UV, "tool", "run", "--quiet", "--python", "/usr/bin/python3", "--from", first, *(word for package in more for word in ("--with", package))]

    def run(self, argv: list[str], what: str, cwd: str | None = None, hint: str = "", env: t.Mapping[str, str | None] | None = None) -> str:
        self.has_run_uv = True
        full = {**self.params.get("build_env", {}), **self.uv_env, **self.places, **(env or {})}
        full = {name: value for name, value in full.items() if value is not None}
        try:
            with access(self.home, self.credentials, self.files) as git:
                return call(argv, what, {**full, **git}, cwd=cwd, hint=lambda output: explain(output, self.dependencies["wheelhouse"]) or hint, split=True)
        except BuildError as error:
            text = str(error)
            for secret in self.secrets:
                text = text.replace(secret, "********")
            raise BuildError(text) from None

    def find_places(self, source: str, lock: Lock) -> None:
        """What the user and the project say about indexes, and how packages are built."""
        self.indexes = Indexes(self.dependencies, {**os.environ, **self.params.get("build_env", {})}, source, lock)
        self.places, self.secrets = self.indexes.env, self.indexes.secrets
        self.settings = settings_of(lock.project.uv)

    def learn(self, logins: list[str]) -> None:
        """What addresses among the requirements have as ${NAME} comes from where uv would take it."""
        variables = {**os.environ, **self.params.get("build_env", {})}
        urls = [re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], match[0]), url) for url in logins]
        found = [credential(url, None, None, None) for url in urls]
        self.credentials = sorted([*self.credentials, *found], key=lambda item: -len(item.address))
        self.secrets = [*self.secrets, *(part for item in found for part in (item.token, item.token.partition(":")[2]) if len(part) >= 4)]
        self.files = netrc(urls)

    def resolve(self, source: str) -> dict[str, t.Any]:
        """Everything that is installed, with versions: C(text), for which C(platforms), from which C(inputs).

        Found once for the same inputs. Hosts that build together are given what one of them has found.
        """
        python, version = self.python()
        wanted = self.dependencies
        project = lock_of(source, wanted["file"])
        project.check(wanted["groups"], wanted["extras"])
        if isinstance(project, RequirementsFile):
            self.projects(source, project.local)
        self.find_places(source, project)
        self.learn(project.logins())
        mine = f"{minor(version)} {platform.machine()}"
        platforms = sorted({mine, *(self.params.get("platforms") or [])})
        wheels = sorted(os.listdir(self.places["UV_FIND_LINKS"])) if wanted["wheelhouse"] else []
        inputs = digest([
            project.kind, project.name, project.material(), wanted["groups"], wanted["extras"], self.params["server_packages"],
            [without_password(place) for name, place in sorted(self.places.items()) if name.endswith("INDEX")], wheels, 1,
        ])
        given = self.params.get("lock") or {}
        if given.get("inputs") == inputs and mine in given["platforms"]:
            return given
        path = f"{self.home}/locks/{digest([inputs, platforms])}.json"
        with contextlib.suppress(OSError, ValueError):
            with open(path, encoding="utf-8") as file:
                found: dict[str, t.Any] = json.load(file)
            os.utime(path)
            return found
        text = self.locked(project, python, platforms)
        text += self.servers(text, python, platforms)
        found = {"inputs": inputs, "platforms": platforms, "text": text}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(found, file)
        os.rename(f"{path}.new", path)
        for old in sorted(glob.glob(f"{glob.escape(self.home)}/locks/*"), key=os.path.getmtime, reverse=True)[KEPT_LOCKS:]:
            os.unlink(old)
        return found

    def locked(self, lock: Lock, python: str, platforms: list[str]) -> str:
        text = lock.text(self, Wanted(self.dependencies["groups"], self.dependencies["extras"], python, platforms))
        text = "\n".join(without_logins(line)[0] for line in text.split("\n"))
        text = relative(without_places(text), os.path.realpath(lock.project.folder), os.path.realpath(lock.project.source))
        origins = dict.fromkeys(names(text), LINKS) if lock.no_index else lock.origins()
        return with_origins(text if text.endswith("\n") or not text else text + "\n", origins)

    def compiled(self, what: list[str], name: str, folder: str, python: str, platforms: list[str], *arguments: str) -> str:
        """Unpinned requirements with the versions that an index has now. For hosts that differ: with what each of them needs."""
        versions = sorted({item.split()[0] for item in platforms}, key=lambda version: [int(part) for part in version.split(".")])
        universal = ["--universal", "--python-version", versions[0]] if len(platforms) > 1 else []
        command = ["pip", "compile", *what, *arguments, *universal, "--python", python, "--no-header", "--no-annotate", "--quiet"]

        def compiled(**version: str) -> str:
            return self.uv(*command, what=f"uv pip compile of {name}", cwd=folder,
                           hint="check the names and versions in it, and that this host reaches the package index.", **version)

        try:
            return compiled()
        except BuildError as error:
            # Where code says what a project needs, its build backend is asked. Told only then: others that are built would take the version for theirs.
            version = variables(self.version, self.params.get("build_env", {}))
            if not UNKNOWN.search(str(error)):
                raise
            if not version:
                raise unknown(".", error) from None
        return compiled(**version)

    def servers(self, text: str, python: str, platforms: list[str]) -> str:
        """The server that the application lacks, with all that it needs, as far as the lock does not have it."""
        have = names(text)
        # An application that brings its own server knows what it wants of it.
        brought = {companion for companion, others in COMPANIONS.items() if others & have}
        missing = sorted(package for package in self.params["server_packages"] if normal(re.split(r"[=\[]", package)[0]) not in have | brought)
        if not missing:
            return ""
        with tempfile.TemporaryDirectory(prefix=".server-", dir=self.home) as place:
            with open(f"{place}/constraints.txt", "w", encoding="utf-8") as file:
                file.writelines(f"{name}=={version} {marker}\n" for name, version, marker in PINNED.findall(text))
            with open(f"{place}/server.txt", "w", encoding="utf-8") as file:
                file.write("\n".join(missing) + "\n")
            hashes = ["--generate-hashes"] if hashed(text) else []
            found = self.compiled(["server.txt"], ", ".join(missing), place, python, platforms, "--constraint", "constraints.txt", *hashes)
        # One line, or one and its hashes; what the lock has stays as it is there.
        parts = re.split(r"(?m)^(?=[A-Za-z0-9])", found)
        return "".join(part for part in parts if part.strip() and not names(part) & have)

    def base(self, lock: str, python: str) -> str:
        """The third-party part, built once for each (lock, Python, platform), byte-compiled, relocatable, never changed afterwards."""
        requirements, origins = logical(lock), origins_in(lock)
        requirements = [" # index ".join([line, *(origins[name] for name in names(line) if name in origins)]) for line in requirements]
        key = digest([sorted(requirements), os.path.realpath(python), minor(version_of(python)), platform.machine(), *platform.libc_ver(), 2,
                      *([self.settings] if self.settings else [])])
        final = f"{self.home}/envs/{key}"
        if os.path.isdir(final):
            return key
        os.makedirs(f"{self.home}/envs", exist_ok=True)
        for leftover in os.listdir(f"{self.home}/envs"):
            if leftover.startswith("."):
                shutil.rmtree(f"{self.home}/envs/{leftover}")
        temporary = tempfile.mkdtemp(prefix=f".{key}-", dir=f"{self.home}/envs")
        try:
            os.chmod(temporary, 0o750)
            env = f"{temporary}/env"
            self.uv("venv", "--quiet", "--relocatable", "--no-project", "--python", python, env, what="uv venv", cwd=self.home)
            if requirements:
                with open(f"{temporary}/lock.txt", "w", encoding="utf-8") as file:
                    file.write("\n".join(requirements) + "\n")
                # How packages are built is no part of what is compared.
                if self.settings or not self.grow(temporary, requirements):
                    self.sync(temporary, requirements)
                os.rename(f"{temporary}/lock.txt", f"{env}/{INSTALLED}")
            os.rename(env, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return key

    def sync(self, temporary: str, requirements: list[str], *more: str) -> None:
        """Exactly these, each from where it may come from."""
        complete = hashed("\n".join(logical("\n".join(requirements))))
        options = ["--quiet", "--compile-bytecode", *(["--require-hashes"] if complete else []), "--python", f"{temporary}/env/bin/python"]
        env: dict[str, str | None] = {}
        if self.settings:
            for name, content in (("uv.toml", self.settings.toml), ("constraints.txt", "\n".join(self.settings.constraints) + "\n")):
                with open(f"{temporary}/{name}", "w", encoding="utf-8") as file:
                    file.write(content)
            env["UV_CONFIG_FILE"] = f"{temporary}/uv.toml"
            options += ["--build-constraints", f"{temporary}/constraints.txt"]
        parts: dict[str, list[str]] = {"": []}
        for line in requirements:
            line, dummy, url = line.partition(" # index ")
            parts.setdefault(url, []).append(line)
        built = [line for line in parts[""] if BINARY.match(line)]
        for number, (url, lines) in enumerate(parts.items()):
            file_name = f"{temporary}/part{number}.txt"
            with open(file_name, "w", encoding="utf-8") as file:
                file.write("\n".join([*lines, *(built if url else [])]) + "\n")
            if url:
                where = self.indexes.only(url) if self.indexes else {}
                self.uv("pip", "install", "--no-deps", *options, "--requirement", file_name, what=f"installing the requirements from {url}", cwd=self.home,
                        hint="check the requirements, and that this host reaches that place.", **{**env, **where})
            else:
                # With hashes it does not matter which index has a package, so all of them are asked for the version.
                strategy = {"UV_INDEX_STRATEGY": "unsafe-best-match"} if complete else {}
                self.uv("pip", "sync", *options, *(["--allow-empty-requirements"] if not lines else more), file_name, what="installing the requirements",
                        cwd=self.home, hint="check the requirements, and that this host reaches the package index.", **{**env, **strategy})

    def grow(self, temporary: str, requirements: list[str]) -> bool:
        """From the environment that differs least, by hard links: most of the time goes into bytecode, which most packages have there.

        Not done when anything would be left that no package has.
        """
        wanted, env = set(requirements), f"{temporary}/env"
        settings = read(f"{env}/pyvenv.cfg")
        found = []
        for name in os.listdir(f"{self.home}/envs"):
            installed = read(f"{self.home}/envs/{name}/{INSTALLED}").splitlines()
            # The same interpreter, most of the same packages, and the same places to get them.
            if (2 * len(wanted.intersection(installed)) > len(wanted) and not any(line.startswith("-") for line in wanted ^ set(installed))
                    and read(f"{self.home}/envs/{name}/pyvenv.cfg") == settings):
                found.append((len(wanted.symmetric_difference(installed)), name, installed))
        if not found:
            return False
        dummy, name, installed = min(found)
        os.rename(env, f"{temporary}/fresh")
        call(["cp", "-al", f"{self.home}/envs/{name}", env], "copying an environment", self.env)
        for name in (INSTALLED, ".lock"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{env}/{name}")
        # The same version under another hash is another file, and what has no version may be another one every time.
        lines = (set(installed) ^ wanted) | {line for line in wanted if "==" not in line or "*" in line}
        changed = {package for line in lines for package in names(line)}
        self.sync(temporary, requirements, *(f"--reinstall-package={package}" for package in sorted(changed)))
        if leftovers(env, f"{temporary}/fresh"):
            shutil.rmtree(env)
            os.rename(f"{temporary}/fresh", env)
            return False
        return True

    def install(self, target: str) -> dict[str, t.Any]:
        python, version = self.python()
        project = lock_of(target, self.dependencies["file"])
        self.note_python(project, version)
        self.notes += unread(target, project)
        lock = self.resolve(target)
        third_party, local = split_local(lock["text"])
        self.notes += mute(target, names(third_party), self.params["server_packages"])
        key = self.base(third_party, python)
        venv = f"{target}/.venv"
        call(["cp", "-al", f"{self.home}/envs/{key}", venv], "cloning the environment", self.env)
        for where, marker in self.projects(target, local):
            # Seen to bring old code back: what an earlier build left in the source.
            for leftover in [f"{where}/build", *glob.glob(f"{glob.escape(where)}/*.egg-info")]:
                shutil.rmtree(leftover, ignore_errors=True)
            self.install_project(target, where, marker)
            self.notes += guessed(os.path.relpath(where, target), load_toml(f"{where}/pyproject.toml"))
        self.notes += unversioned(venv)
        # uv's, and writable by everybody.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{venv}/.lock")
        with open(f"{venv}/pyweb-lock.txt", "w", encoding="utf-8") as file:
            file.write(lock["text"])
        return {
            "environment": key, "lock_digest": hashlib.sha256(lock["text"].encode()).hexdigest(), "python": python, "python_version": version,
            "lock": {name: lock[name] for name in ("inputs", "platforms")},
        }

    def install_project(self, target: str, where: str, marker: str) -> None:
        """What lies at C(where) in the release C(target). What turns out to be no package is run from the source's directory, as it is."""
        shown = os.path.relpath(where, target)
        version = variables(self.version, self.params.get("build_env", {}))
        try:
            self.uv("pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", f"{target}/.venv/bin/python",
                    f"{where} ; {marker}" if marker else where, what=f"installing the project {shown}",
                    cwd=where if os.path.isdir(where) else target, hint="check its pyproject.toml.", **version)
        except BuildError as error:
            if UNKNOWN.search(str(error)):
                raise unknown(shown, error) from None
            project = lock_of(target, self.dependencies["file"]).project
            if where != os.path.normpath(project.folder) or not NO_PACKAGE.search(str(error)):
                raise
            if project.has_scripts:
                raise BuildError(f"the project {shown} has scripts, but its build backend finds no package in it: say in its pyproject.toml which directories "
                                 f"belong to it, or that it is none (package = false in [tool.uv]).\n{error}") from None
            self.notes.append("the project is no package, since its build backend finds none in it, and runs from the source as it is; "
                              "package = false in [tool.uv] says so.")

    def note_python(self, lock: Lock, version: str) -> None:
        """Other platforms choose the interpreter by a file of the source. Here the inventory does, so that all hosts know it before they have the source."""
        wanted = lock.project.wanted_python()
        if wanted and minor(wanted[1]) != minor(version) and "." in wanted[1]:
            self.notes.append(f"{wanted[0]} asks for Python {wanted[1]}, but {version} is used: set python to \"{wanted[1]}\" if it has to be that one.")

    def projects(self, target: str, local: list[str]) -> list[tuple[str, str]]:
        """What is installed from this release's source, with its marker: what the lock names, and the source itself where it is a package."""
        lock = lock_of(target, self.dependencies["file"])
        project = lock.project
        top = target if isinstance(lock, RequirementsFile) else project.folder
        found = [(os.path.normpath(os.path.join(top, path)), marker.strip()) for path, dummy, marker in (line.partition(" ;") for line in local)]
        # uv.lock knows by itself whether it is one.
        if project.is_package and not isinstance(lock, UvLock):
            found.append((os.path.normpath(project.folder), ""))
        for where, dummy in found:
            if where != target and not where.startswith(target + "/"):
                raise BuildError(f"the requirement {os.path.relpath(where, top)!r} lies outside of the source: only paths inside of it can be deployed; "
                                 "with source.directory, deploy the whole source, as docs/recipes.md shows.")
        return list(dict.fromkeys(found))
