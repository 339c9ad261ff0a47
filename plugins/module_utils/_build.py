# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is made: source, environment, build steps, shared directories, published assets.

All of it runs as the application's build user: L(as_user) forks, drops every privilege and runs one function.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
import typing as t

UV = "/usr/local/bin/uv"
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
TAIL = 25
# guestbook.4f3a9c1b.css, index-BxK3f_9a.js, app.4f3a9c1b2d3e.js.map: names that change with the content.
HASHED = re.compile(r"[.-](?=[^.]*\d)[0-9A-Za-z_-]{8,64}(\.[A-Za-z0-9]{1,5}){1,2}$")
REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")

SOURCE = {
    "repo": {"type": "str", "required": True},
    "version": {"type": "str", "default": "HEAD"},
    "deploy_key": {"type": "str", "no_log": True},
    "known_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
}


class BuildError(Exception):
    """One sentence for the user, with the last output behind it where there is any."""


def as_user(user: str, function: t.Callable[[], t.Any]) -> t.Any:
    """Run a function in a child process that is C(user) for good, in a process group of its own that ends with it."""
    account = pwd.getpwnam(user)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.setsid()
            os.setgroups(os.getgrouplist(user, account.pw_gid))
            os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
            os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
            os.umask(0o027)
            try:
                answer = {"result": function()}
            except BuildError as error:
                answer = {"error": str(error)}
            except BaseException:
                answer = {"error": "unexpected error: " + traceback.format_exc()}
            with os.fdopen(writer, "w", encoding="utf-8", errors="surrogateescape") as pipe:
                json.dump(answer, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8", errors="surrogateescape") as pipe:
            text = pipe.read()
    finally:
        # Whatever a build step left in the background ends here.
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not text:
        raise BuildError("the build was killed before it could say why: is the machine out of memory (dmesg shows it)?")
    answer = json.loads(text)
    if "error" in answer:
        raise BuildError(answer["error"])
    return answer["result"]


def call(argv: list[str], what: str, env: dict[str, str], cwd: str | None = None, hint: str = "", **options: t.Any) -> str:
    """Run a step; when it fails, say which one and show the end of what it printed."""
    try:
        done = subprocess.run(argv, env=env, cwd=cwd, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT if not options.pop("split", False) else subprocess.PIPE, text=True, errors="replace",
                              check=False, **options)
    except FileNotFoundError:
        raise BuildError(f"{what}: {argv[0]} is not installed on this host.") from None
    if done.returncode != 0:
        output = ((done.stderr or "") + (done.stdout or "")).strip()
        if "No space left on device" in output:
            hint = "the disk is full: free some space and deploy again."
        tail = "\n".join(output.splitlines()[-TAIL:])
        raise BuildError(f"{what} failed (exit status {done.returncode}){'; ' + hint if hint else '.'}\n{tail}")
    return done.stdout


class Builder:
    """One release of one application. Its paths are the application's; nothing here knows about processes or traffic."""

    def __init__(self, name: str, path: str, params: dict):
        self.name = name
        self.path = path
        self.params = params
        self.home = f"{path}/build"
        self.mirror = f"{self.home}/repo.git"
        self.durations: dict[str, float] = {}
        self.env = {
            "HOME": f"{self.home}/home", "USER": f"{name}-build", "LOGNAME": f"{name}-build", "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin", "SSL_CERT_FILE": CA_FILE, "REQUESTS_CA_BUNDLE": CA_FILE, "NODE_EXTRA_CA_CERTS": CA_FILE,
            "GIT_TERMINAL_PROMPT": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.uv_env = {
            **self.env, "UV_CACHE_DIR": f"{self.home}/cache", "UV_LINK_MODE": "hardlink", "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1",
        }

    @contextlib.contextmanager
    def phase(self, name: str) -> t.Iterator[None]:
        begun = time.monotonic()
        yield
        self.durations[name] = round(time.monotonic() - begun, 3)

    # --- source -------------------------------------------------------------------------------------------------------

    def resolve(self) -> str:
        """Bring the mirror up to date and return the commit that the wanted version names."""
        source = self.params["source"]
        os.makedirs(f"{self.home}/home", exist_ok=True)
        env = dict(self.env)
        git = ["git", f"--git-dir={self.mirror}"]
        if not os.path.exists(f"{self.mirror}/HEAD"):
            call(["git", "init", "--quiet", "--bare", self.mirror], "git init", env)
        with self.ssh(source) as ssh:
            env["GIT_SSH_COMMAND"] = ssh
            call([*git, "-c", "gc.auto=0", "fetch", "--quiet", "--force", "--prune", "--no-auto-maintenance", "--end-of-options", source["repo"],
                  "+HEAD:refs/pyweb/HEAD", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                 f"git fetch from {without_password(source['repo'])}", env,
                 hint="check source.repo, that this host may reach it, and the deploy key and known_hosts where it needs them.")
        version = source["version"]
        names = ["refs/pyweb/HEAD"] if version == "HEAD" else [f"refs/heads/{version}", f"refs/tags/{version}"]
        if re.fullmatch(r"[0-9a-f]{7,40}", version):
            names.append(version)
        for name in names:
            found = subprocess.run([*git, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"], env=env, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, check=False)
            if found.returncode == 0:
                return found.stdout.strip()
        raise BuildError(f"{without_password(source['repo'])} has no branch, tag or commit {version!r}: check the version.")

    def remote(self) -> str:
        """The commit that the wanted version names, without writing anything (for check mode)."""
        source = self.params["source"]
        version = source["version"]
        env = dict(self.env)
        with self.ssh(source) as ssh:
            env["GIT_SSH_COMMAND"] = ssh
            listed = call(["git", "ls-remote", "--quiet", "--end-of-options", source["repo"]], f"git ls-remote of {without_password(source['repo'])}", env)
        names = dict(reversed(line.split("\t", 1)) for line in listed.splitlines() if "\t" in line)
        for name in ("HEAD",) if version == "HEAD" else (f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}"):
            if name in names:
                return names[name]
        if re.fullmatch(r"[0-9a-f]{40}", version):
            return version
        raise BuildError(f"{without_password(source['repo'])} has no branch, tag or commit {version!r}: check the version.")

    def has(self, revision: str) -> bool:
        return subprocess.run(["git", f"--git-dir={self.mirror}", "cat-file", "-e", f"{revision}^{{commit}}"], env=self.env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def between(self, old: str, new: str, most: int = 50) -> list[str]:
        """What a deploy of C(new) would bring."""
        if old == new:
            return []
        done = subprocess.run(["git", f"--git-dir={self.mirror}", "log", f"--max-count={most}", "--format=%h %s", f"{old}..{new}"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", check=False)
        return done.stdout.splitlines()

    @contextlib.contextmanager
    def ssh(self, source: dict) -> t.Iterator[str]:
        """The deploy key exists as a file only while git fetches: build steps never see it."""
        with tempfile.TemporaryDirectory(prefix=".ssh-", dir=self.home) as directory:
            options = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
            if source["known_hosts"]:
                with open(f"{directory}/known_hosts", "w", encoding="utf-8") as file:
                    file.write("\n".join(source["known_hosts"]) + "\n")
                options += ["-o", f"UserKnownHostsFile={directory}/known_hosts", "-o", "StrictHostKeyChecking=yes"]
            else:
                options += ["-o", f"UserKnownHostsFile={self.home}/home/known_hosts", "-o", "StrictHostKeyChecking=accept-new"]
            if source["deploy_key"]:
                handle = os.open(f"{directory}/key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(source["deploy_key"].strip() + "\n")
                options += ["-i", f"{directory}/key", "-o", "IdentitiesOnly=yes"]
            yield shlex.join(options)

    def export(self, revision: str, target: str) -> None:
        with subprocess.Popen(["git", f"--git-dir={self.mirror}", "archive", "--format=tar", revision], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as archive:
            call(["tar", "-x", "--no-same-owner", "-C", target], f"export of {revision[:12]}", self.env, stdin=archive.stdout)
        if archive.returncode != 0:
            raise BuildError(f"export of {revision[:12]} failed: git archive ended with {archive.returncode}.")
        if os.path.lexists(f"{target}/.pyweb") or os.path.lexists(f"{target}/.venv"):
            raise BuildError("the source has an entry .pyweb or .venv at its top: these names belong to the release, remove it from the repository.")

    # --- environment --------------------------------------------------------------------------------------------------

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

    def environment(self, target: str) -> dict:
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

    # --- the whole ----------------------------------------------------------------------------------------------------

    def build(self, revision: str, release: str, target: str, run_path: str, shared: str) -> dict:
        params = self.params
        with self.phase("fetch"):
            if not self.has(revision):
                self.resolve()
            if not self.has(revision):
                raise BuildError(f"commit {revision} is no longer in {without_password(params['source']['repo'])}.")
        with self.phase("export"):
            self.export(revision, target)
            os.symlink(run_path, f"{target}/.pyweb")
        with self.phase("environment"):
            facts = self.environment(target)
        with self.phase("build"):
            env = {
                **self.uv_env, "PATH": f"{target}/.venv/bin:{self.env['PATH']}", "VIRTUAL_ENV": f"{target}/.venv",
                "PYWEB_APP": self.name, "PYWEB_RELEASE": release, "PYWEB_REVISION": revision, "PYWEB_SHARED": shared,
                **params["env"], **params["build_env"],
            }
            for step in params["build"]:
                call(["/bin/bash", "-o", "pipefail", "-ec", step], f"build step {step!r}", env, cwd=target)
            # The application cannot write bytecode, and without it every worker boots slower.
            subprocess.run([f"{target}/.venv/bin/python", "-m", "compileall", "-qq", "-x", r"/(\.venv|node_modules|\.pyweb)/", target],
                           env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            for path in params["shared"]:
                link(f"{target}/{path}", f"{shared}/{path}")
            for url, directory in params["static"].items():
                self.static(target, url, directory)
        return {**facts, "durations": self.durations}

    def static(self, target: str, url: str, directory: str) -> None:
        """nginx may read the static files, and the hashed ones outlive their release."""
        top = f"{target}/{directory}"
        if not os.path.isdir(top):
            raise BuildError(f"site.static has {url}: {directory}, which is not in the source and which no build step made.")
        for step in range(1, len(directory.split("/")) + 1):
            allow(f"{target}/{'/'.join(directory.split('/')[:step])}", 0o001)
        assets = f"{self.path}/assets{url.rstrip('/')}"
        for root, dummy, files in os.walk(top):
            allow(root, 0o005)
            place = os.path.normpath(os.path.join(assets, os.path.relpath(root, top)))
            for name in files:
                path = f"{root}/{name}"
                if os.path.islink(path):
                    continue
                allow(path, 0o004)
                if HASHED.search(name):
                    os.makedirs(place, mode=0o755, exist_ok=True)
                    with contextlib.suppress(FileExistsError):
                        os.link(path, f"{place}/{name}")
        for root, dirs, dummy in os.walk(assets):
            for name in dirs:
                os.chmod(f"{root}/{name}", 0o755)
            os.chmod(root, 0o755)


def find_python(wanted: str | None) -> tuple[str, str]:
    path = shutil.which(f"python{wanted}", path="/usr/local/bin:/usr/bin") if wanted else "/usr/bin/python3"
    if not path:
        raise BuildError(f"python is {wanted!r}, but this host has no python{wanted}: install it, or leave the variable out for the distribution's Python.")
    version = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], stdout=subprocess.PIPE, text=True, check=True)
    return path, version.stdout.strip()


def prune_environments(home: str, used: set[str]) -> None:
    """Environments that no kept release was made from. A release holds its own links to the files."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"{home}/envs"):
            if name not in used:
                shutil.rmtree(f"{home}/envs/{name}", ignore_errors=True)


def prune_assets(assets: str, kept: list[dict[str, str]]) -> None:
    """Assets that no kept release has; C(kept) gives, for each release, the directory of each address."""
    for root, dummy, files in os.walk(assets):
        place = "/" + os.path.relpath(root, assets) + "/"
        for name in files:
            path = place + name
            if not any(path.startswith(url) and os.path.exists(f"{directory}/{path[len(url):]}")
                       for static in kept for url, directory in static.items()):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{root}/{name}")


def allow(path: str, bits: int) -> None:
    mode = os.lstat(path).st_mode & 0o7777
    if mode | bits != mode:
        os.chmod(path, mode | bits)


def link(path: str, target: str) -> None:
    """A shared directory takes the place of what the source has there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


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


def without_password(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]+@", "", url)
