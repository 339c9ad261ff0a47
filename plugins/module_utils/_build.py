# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is made: source, environment, build steps, shared directories, published assets.

All of it runs as the application's build user.
"""

from __future__ import annotations

import calendar
import contextlib
import os
import re
import shutil
import stat
import struct
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _environment, _hooks, _source
from ansible_collections.pyweb.stack.plugins.module_utils._step import BuildError, call, short

CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
# guestbook.4f3a9c1b.css, index-BxK3f_9a.js, app.4f3a9c1b2d3e.js.map: names that change with the content.
HASHED = re.compile(r"[.-](?=[^.]*\d)[0-9A-Za-z_-]{8,64}(\.[A-Za-z0-9]{1,5}){1,2}$")
BYTECODE = re.compile(r"[^.]+\.cpython-\d+\.pyc")
# A page that is no longer in a release must not be found, whatever its name looks like.
PAGES = (".html", ".htm")


class Builder:
    """One release of one application. Its paths are the application's; nothing here knows about processes or traffic."""

    def __init__(self, name: str, path: str, params: dict):
        self.name = name
        self.path = path
        self.params = params
        self.home = f"{path}/build"
        self.durations: dict[str, float] = {}
        self.env = {
            "HOME": f"{self.home}/home", "USER": f"{name}-build", "LOGNAME": f"{name}-build", "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin", "SSL_CERT_FILE": CA_FILE, "REQUESTS_CA_BUNDLE": CA_FILE, "NODE_EXTRA_CA_CERTS": CA_FILE,
            "GIT_TERMINAL_PROMPT": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.source = _source.source_of(self.home, params, self.env)
        self.environment = _environment.Environment(self.home, params, self.env)

    @contextlib.contextmanager
    def phase(self, name: str) -> t.Iterator[None]:
        begun = time.monotonic()
        yield
        self.durations[name] = round(time.monotonic() - begun, 3)

    def build(self, revision: str, release: str, target: str, run_path: str, shared: str, before: str | None = None) -> dict:
        """C(before) is a release with the same Python, whose bytecode is taken where the source is the same."""
        params = self.params
        env = {
            **self.environment.uv_env, "PATH": f"{target}/.venv/bin:{self.env['PATH']}", "VIRTUAL_ENV": f"{target}/.venv",
            "PYWEB_APP": self.name, "PYWEB_RELEASE": release, "PYWEB_REVISION": revision, "PYWEB_SHARED": shared,
            **params["env"], **params["build_env"],
        }
        with self.phase("fetch"):
            self.hooks("before_fetch", env, self.home)
            self.source.fetch(revision)
        with self.phase("export"):
            self.source.export(revision, target)
            os.symlink(run_path, f"{target}/.pyweb")
            self.hooks("after_fetch", env, target)
        with self.phase("environment"):
            with self.explained():
                facts = self.environment.install(target)
        with self.phase("build"):
            self.hooks("before_build", env, target)
            for step in params["build"]:
                call([*_hooks.SHELL, step], f"build step {short(step)!r}", env, cwd=target)
            # The application cannot write bytecode, and without it every worker boots slower.
            if before:
                reuse_bytecode(before, target)
            subprocess.run([f"{target}/.venv/bin/python", "-m", "compileall", "-qq", "-x", r"/(\.venv|node_modules|\.pyweb)/", target],
                           env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            for path in params["shared"]:
                link(f"{target}/{path}", f"{shared}/{path}")
            self.hooks("after_build", env, target)
            written = released(release)
            for url, directory in params["static"].items():
                if not is_shared(directory, params["shared"]):
                    self.static(target, url, directory, written)
        return {**facts, "size": size(target), "durations": self.durations}

    def lock(self, revision: str) -> dict:
        """What a build of this commit would install, found in a copy of the source that goes away again."""
        self.source.fetch(revision)
        with tempfile.TemporaryDirectory(prefix=".lock-", dir=self.home) as target:
            self.source.export(revision, target)
            with self.explained():
                return self.environment.resolve(target)

    @contextlib.contextmanager
    def explained(self) -> t.Iterator[None]:
        """What is wrong with the environment, in words of the source."""
        try:
            yield
        except BuildError as error:
            raise BuildError(self.source.explain(str(error))) from None

    def hooks(self, phase: str, env: dict[str, str], where: str) -> None:
        for hook in _hooks.commands(self.params["hooks"], phase):
            call([*_hooks.SHELL, hook["command"]], f"hook {phase} {short(hook['command'])!r}", {**env, "PYWEB_PHASE": phase}, cwd=where)

    def copy(self, source: str, target: str, run_path: str) -> dict:
        """The same build under another configuration: hard links, and the way to a socket of its own."""
        with self.phase("copy"):
            call(["cp", "-al", f"{source}/.", target], "copying the build", self.env)
            os.unlink(f"{target}/.pyweb")
            os.symlink(run_path, f"{target}/.pyweb")
        return {"size": size(target), "durations": self.durations}

    def static(self, target: str, url: str, directory: str, written: float | None = None) -> None:
        """nginx may read the static files, and the hashed ones outlive their release."""
        top = os.path.normpath(f"{target}/{directory}")
        if not os.path.isdir(top):
            named = f"site.root is {directory}" if url == "/" else f"site.static has {url}: {directory}"
            raise BuildError(f"{named}, which is not in the source and which no build step made.")
        place = target
        for step in os.path.relpath(top, target).split("/"):
            place = os.path.normpath(f"{place}/{step}")
            allow(place, 0o001)
        assets = f"{self.path}/assets{url.rstrip('/')}"
        for root, dirs, files in os.walk(top):
            # Such as .venv and .git; nginx refuses their names, too.
            dirs[:] = [name for name in dirs if served(name)]
            allow(root, 0o005)
            place = os.path.normpath(os.path.join(assets, os.path.relpath(root, top)))
            for name in filter(served, files):
                path = f"{root}/{name}"
                if os.path.islink(path):
                    continue
                allow(path, 0o004)
                if HASHED.search(name) and not name.endswith(PAGES):
                    os.makedirs(place, mode=0o755, exist_ok=True)
                    with contextlib.suppress(FileExistsError):
                        os.link(path, f"{place}/{name}")
                elif written:
                    # nginx tells versions of a file apart by its time and its size, which a commit or an archive may give to two of them.
                    os.utime(path, (written, written))
        for root, dirs, dummy in os.walk(assets):
            for name in dirs:
                if not os.path.islink(f"{root}/{name}"):
                    os.chmod(f"{root}/{name}", 0o755)
            os.chmod(root, 0o755)


def served(name: str) -> bool:
    return not name.startswith(".") or name == ".well-known"


def reuse_bytecode(before: str, target: str) -> None:
    """Bytecode of the files that are the same in another release. It names the time and the size of its source, and no path that counts."""
    for root, dirs, files in os.walk(target):
        dirs[:] = [name for name in dirs if name not in (".venv", "node_modules", ".pyweb")]
        old = os.path.normpath(os.path.join(before, os.path.relpath(root, target)))
        try:
            compiled = [name for name in os.listdir(f"{old}/__pycache__") if BYTECODE.fullmatch(name)]
        except OSError:
            continue
        for name in compiled:
            source = f"{name.split('.')[0]}.py"
            if source not in files:
                continue
            with contextlib.suppress(OSError):
                status = os.stat(f"{old}/{source}")
                with open(f"{old}/{source}", "rb") as one, open(f"{root}/{source}", "rb") as other, open(f"{old}/__pycache__/{name}", "rb") as file:
                    bytecode = file.read()
                    # What Python itself compares (PEP 552): no flags, and the time and the size of the source.
                    if bytecode[4:16] != stamp(status) or one.read() != other.read():
                        continue
                    mine = stamp(os.fstat(other.fileno()))
                os.makedirs(f"{root}/__pycache__", exist_ok=True)
                with open(f"{root}/__pycache__/{name}", "xb") as file:
                    file.write(bytecode[:4] + mine + bytecode[16:])


def stamp(status: os.stat_result) -> bytes:
    return struct.pack("<III", 0, int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)


def released(release: str) -> float:
    """When a release was begun, the same on all hosts."""
    return float(calendar.timegm(time.strptime(release[:16], "%Y%m%dT%H%M%SZ")))


def is_shared(directory: str, shared: list[str]) -> bool:
    """Media: what nginx serves there is the application's data."""
    return any(directory == item or directory.startswith(f"{item}/") for item in shared)


def make_shared(base: str, shared: list[str], media: list[str], web: int) -> None:
    """Data is the application's alone. What nginx serves of it belongs to the group C(web), and so does what comes there later (setgid)."""
    for path in shared:
        os.makedirs(f"{base}/{path}", mode=0o700, exist_ok=True)
    for path in media:
        os.makedirs(f"{base}/{path}", mode=0o700, exist_ok=True)
        parts = path.split("/")
        for number in range(1, len(parts)):
            way = "/".join(parts[:number])
            if way not in media:
                os.chmod(f"{base}/{way}", 0o711)
        hand_over(f"{base}/{path}", web)


def hand_over(top: str, web: int) -> None:
    """What is there already is adapted once."""
    status = os.stat(top)
    if status.st_gid == web and status.st_mode & 0o7777 == 0o2750:
        return
    # The top comes last: whoever finds it done finds all of it done.
    for root, dirs, files in os.walk(top, topdown=False):
        for name in [*files, *dirs]:
            path = f"{root}/{name}"
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                continue
            # What another user has put there stays his.
            with contextlib.suppress(PermissionError):
                os.chown(path, -1, web)
                os.chmod(path, stat.S_IMODE(mode) | (0o2050 if stat.S_ISDIR(mode) else 0o040))
    os.chown(top, -1, web)
    os.chmod(top, 0o2750)


def prune_environments(home: str, used: set[str]) -> None:
    """Environments that no kept release was made from. A release holds its own links to the files."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"{home}/envs"):
            if name not in used:
                shutil.rmtree(f"{home}/envs/{name}", ignore_errors=True)


def prune_assets(assets: str, kept: list[dict[str, str]]) -> None:
    """Assets that no kept release has; C(kept) gives, for each release, the directory of each address."""
    for root, dummy, files in os.walk(assets):
        place = os.path.normpath("/" + os.path.relpath(root, assets)).rstrip("/") + "/"
        for name in files:
            path = place + name
            if not any(path.startswith(url) and os.path.exists(f"{directory}/{path[len(url):]}")
                       for static in kept for url, directory in static.items()):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{root}/{name}")


def size(path: str) -> int:
    """Bytes on disk that nobody else has: what is deleted with the release."""
    total, waiting = os.lstat(path).st_blocks, [path]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                if status.st_nlink == 1 or entry.is_dir(follow_symlinks=False):
                    total += status.st_blocks
    return total * 512


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
