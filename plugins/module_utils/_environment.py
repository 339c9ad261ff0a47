# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a release: a third-party part that is built once and cloned, and the project itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile

from ansible_collections.pyweb.stack.plugins.module_utils._step import BuildError, call

UV = "/usr/local/bin/uv"
REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


class Environment:
    """The C(.venv) of one release of one application."""

    def __init__(self, home: str, params: dict, env: dict[str, str]):
        self.home = home
        self.params = params
        self.env = env
        self.uv_env = {
            **env, "UV_CACHE_DIR": f"{home}/cache", "UV_LINK_MODE": "hardlink", "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1",
        }

    def python(self) -> tuple[str, str]:
        """The interpreter, and its version as X.Y: the distribution's updates keep environments valid."""
        return find_python(self.params["python"])

    def uv(self, *arguments: str, what: str, cwd: str | None = None, hint: str = "", **env: str) -> str:
        return call([UV, *arguments], what, {**self.uv_env, **env}, cwd=cwd, hint=hint, split=True)

    def lock(self, source: str, python: str) -> tuple[str, list[str], bool]:
        """The locked third-party requirements, paths of local ones, and whether the source itself is a package."""
        project = load_toml(f"{source}/pyproject.toml")
        is_package = os.path.exists(f"{source}/setup.py") or "build-system" in project or bool(
            project.get("tool", {}).get("uv", {}).get("package"))
        if os.path.exists(f"{source}/uv.lock") and project:
            text = self.uv("export", "--frozen", "--no-dev", "--no-emit-workspace", "--no-header", "--no-annotate", "--format",
                           "requirements-txt", "--python", python, "--quiet", what="uv export of uv.lock", cwd=source,
                           hint="run uv lock in the project and commit uv.lock.")
        elif os.path.exists(f"{source}/requirements.txt"):
            text = read_requirements(f"{source}/requirements.txt")
            if "--hash=" not in text:
                text = self.compiled("requirements.txt", text, source, python)
        elif is_package or "dependencies" in project.get("project", {}):
            name = "pyproject.toml" if project else "setup.py"
            with open(f"{source}/{name}", encoding="utf-8") as file:
                text = self.compiled(name, file.read(), source, python)
        else:
            text = ""
        third_party, local = split_local(text)
        return third_party, local, is_package

    def compiled(self, name: str, content: str, source: str, python: str) -> str:
        """Unpinned requirements are resolved once for the same input, so that the same input means the same environment."""
        key = hashlib.sha256(json.dumps([name, content, python, platform.machine()]).encode()).hexdigest()[:32]
        path = f"{self.home}/locks/{key}.txt"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            temporary = f"{path}.{os.getpid()}"
            self.uv("pip", "compile", name, "--output-file", temporary, "--python", python, "--no-header", "--no-annotate", "--quiet",
                    what=f"uv pip compile of {name}", cwd=source, hint="check the names and versions in it, and that this host reaches the package index.")
            os.rename(temporary, path)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def base(self, lock: str, python: str) -> str:
        """The third-party part, built once for each (lock, Python, platform), byte-compiled, relocatable, never changed afterwards."""
        names = {normal(match.group(1)) for match in map(REQUIREMENT.match, lock.splitlines()) if match}
        extra = [package for package in self.params["server_packages"] if normal(package.split("==")[0]) not in names]
        key = hashlib.sha256(json.dumps([lock, sorted(extra), os.path.realpath(python), platform.machine(), *platform.libc_ver(), 1]).encode()).hexdigest()[:32]
        final = f"{self.home}/envs/{key}"
        if os.path.isdir(final):
            return key
        os.makedirs(f"{self.home}/envs", exist_ok=True)
        for leftover in os.listdir(f"{self.home}/envs"):
            if leftover.startswith("."):
                shutil.rmtree(f"{self.home}/envs/{leftover}")
        temporary = tempfile.mkdtemp(prefix=f".{key}-", dir=f"{self.home}/envs")
        os.chmod(temporary, 0o750)
        env = f"{temporary}/env"
        self.uv("venv", "--quiet", "--relocatable", "--no-project", "--no-config", "--python", python, env, what="uv venv")
        interpreter = f"{env}/bin/python"
        hint = "check the requirements, and that this host reaches the package index."
        if lock.strip():
            with open(f"{temporary}/lock.txt", "w", encoding="utf-8") as file:
                file.write(lock)
            hashes = ["--require-hashes"] if "--hash=" in lock else []
            self.uv("pip", "sync", "--quiet", "--no-config", "--compile-bytecode", *hashes, "--python", interpreter, f"{temporary}/lock.txt",
                    what="installing the requirements", hint=hint)
        if extra:
            self.uv("pip", "install", "--quiet", "--no-config", "--compile-bytecode", "--python", interpreter, *extra,
                    what=f"installing {', '.join(extra)}", hint=hint)
        os.rename(env, final)
        shutil.rmtree(temporary)
        return key

    def install(self, target: str) -> dict:
        python, version = self.python()
        lock, local, is_package = self.lock(target, python)
        key = self.base(lock, python)
        venv = f"{target}/.venv"
        call(["cp", "-al", f"{self.home}/envs/{key}", venv], "cloning the environment", self.env)
        projects = [*local, *([target] if is_package else [])]
        for project in projects:
            where = os.path.normpath(os.path.join(target, project))
            if where != target and not where.startswith(target + "/"):
                raise BuildError(f"the requirement {project!r} lies outside of the source: only paths inside of it can be deployed.")
            # Seen to bring old code back: what an earlier build left in the source.
            for leftover in [f"{where}/build", *(f"{where}/{item}" for item in os.listdir(where) if item.endswith(".egg-info"))]:
                shutil.rmtree(leftover, ignore_errors=True)
            self.uv("pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", f"{venv}/bin/python", where,
                    what=f"installing the project {os.path.relpath(where, target)}", cwd=where, hint="check its pyproject.toml.")
        # uv's, and writable by everybody.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{venv}/.lock")
        with open(f"{venv}/pyweb-lock.txt", "w", encoding="utf-8") as file:
            file.write(lock)
        return {"environment": key, "lock_digest": hashlib.sha256(lock.encode()).hexdigest(), "python": python, "python_version": version}


def find_python(wanted: str | None) -> tuple[str, str]:
    path = shutil.which(f"python{wanted}", path="/usr/local/bin:/usr/bin") if wanted else "/usr/bin/python3"
    if not path:
        raise BuildError(f"python is {wanted!r}, but this host has no python{wanted}: install it, or leave the variable out for the distribution's Python.")
    version = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], stdout=subprocess.PIPE, text=True, check=True)
    return path, version.stdout.strip()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def load_toml(path: str) -> dict:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error}.") from None


def read_requirements(path: str, seen: tuple[str, ...] = ()) -> str:
    """The file with everything it includes: what it means, as one text."""
    if path in seen:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise BuildError(f"{os.path.basename(path)} cannot be read: {error.strerror}.") from None
    result = [text]
    for match in re.finditer(r"(?m)^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", text):
        result.append(read_requirements(os.path.join(os.path.dirname(path), match.group(1)), (*seen, path)))
    return "\n".join(result)


def split_local(text: str) -> tuple[str, list[str]]:
    """Requirements that are paths belong to this release's source, never to an environment that outlives it."""
    kept, local = [], []
    for line in text.splitlines(keepends=True):
        match = re.match(r"\s*(?:(?:-e|--editable)[ =]\s*)?(\.{1,2}(?:/\S*)?)(?:\s|$)", line)
        if match:
            local.append(match.group(1))
        elif re.match(r"\s*(-r|-c|--requirement|--constraint)\b", line):
            continue
        else:
            kept.append(line)
    return "".join(kept), local
