# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is made: source, environment, build steps, shared directories, published assets.

All of it runs as the application's build user.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host import hooks, shell
from ansible_collections.pyweb.stack.plugins.module_utils._host.build import django, extra
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.bytecode import reuse_bytecode
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.files import allow, copied, measured
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.hashed import is_immutable, is_kept
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.published import forget_other, hidden_links, passed, released, served
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import brought, is_shared, link, make_room, refuse_ways
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.environment import Environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.files import close_locks
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources import lfs
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.part import export
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import source_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import call, short
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

PROXIES = tuple(spelt for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for spelt in (name, name.upper()))
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"


class Builder:
    """One release of one application. Its paths are the application's; nothing here knows about processes or traffic."""

    def __init__(self, name: str, path: str, params: dict[str, t.Any]):
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
        # Of the task, as the playbooks and people's own plays set them with environment; what build steps are given goes before.
        given = {**os.environ, **(params.get("build_env") or {})}
        self.env.update({name: given[name] for name in PROXIES if given.get(name)})
        self.source = source_of(self.home, params, self.env)
        self.environment = Environment(self.home, params, self.env)

    @contextlib.contextmanager
    def phase(self, name: str) -> t.Iterator[None]:
        begun = time.monotonic()
        yield
        self.durations[name] = round(time.monotonic() - begun, 3)

    def step_env(self, revision: str, release: str, target: str, shared: str) -> dict[str, str]:
        """What build steps and hooks have in their environment."""
        return {
            **self.environment.uv_env, "PATH": f"{target}/.venv/bin:{self.env['PATH']}", "VIRTUAL_ENV": f"{target}/.venv",
            "PYWEB_APP": self.name, "PYWEB_RELEASE": release, "PYWEB_REVISION": revision, "PYWEB_SHARED": shared,
            **self.params["env"], **self.params["build_env"],
        }

    def build(self, revision: str, release: str, target: str, run_path: str, shared: str, files: str, before: str | None = None) -> dict[str, t.Any]:
        """Everything up to the build steps. C(before) is a release with the same Python, whose bytecode is taken where the source is the same."""
        params, env = self.params, self.step_env(revision, release, target, shared)
        with self.phase("fetch"):
            self.hooks("before_fetch", env, self.home)
            self.source.fetch(revision)
        with self.phase("export"):
            export(self.source, revision, target)
            os.symlink(run_path, f"{target}/.pyweb")
            extra.place(params["files"], target, files)
            self.hooks("after_fetch", env, target)
            refuse_ways(target, params["shared"])
            missing = lfs.note(target, part=self.source.kind == "path" or bool(self.source.source.get("directory")))
        with self.phase("environment"):
            with self.explained():
                self.environment.version = self.source.project_version(revision)
                facts = self.environment.install(target)
            first = brought(target, params["shared"])
            make_room(target, params["shared"], shared)
        with self.phase("build"):
            self.hooks("before_build", env, target)
            for step in params["build"]:
                missing += self.step(step, env, target)
            # The application cannot write bytecode, and without it every worker boots slower.
            if before:
                reuse_bytecode(before, target)
            subprocess.run([f"{target}/.venv/bin/python", "-m", "compileall", "-qq", "-x", r"/(\.venv|node_modules|\.pyweb)/", target],
                           env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if self.environment.has_run_uv or params["build"]:
                close_locks(self.home)
        return {**facts, "brought": first, "notes": [*missing, *self.environment.notes], "durations": self.durations}

    def step(self, step: str, env: dict[str, str], target: str) -> list[str]:
        """Run one build step. What is returned is for the play to say."""
        what, notes = f"build step {short(step)!r}", []
        try:
            printed = call(shell.script(step), what, env, cwd=target)
        except BuildError as error:
            other = django.instead(step, str(error), self.params["static"])
            if not other:
                raise
            printed = call(shell.script(other.command), what, env, cwd=target)
            notes = [other.note]
        directory = django.empty(step, printed, self.params["static"])
        if directory:
            os.makedirs(f"{target}/{directory}", exist_ok=True)
        return notes

    def finish(self, revision: str, release: str, target: str, shared: str) -> dict[str, t.Any]:
        """What is shared takes its place in the release, and nginx gets what it serves."""
        params, env = self.params, self.step_env(revision, release, target, shared)
        with self.phase("build"):
            for path in params["shared"]:
                # What lies in another shared directory is there by the link to that.
                if not is_shared(os.path.dirname(path), params["shared"]):
                    link(f"{target}/{path}", f"{shared}/{path}")
            self.hooks("after_build", env, target)
            written = released(release)
            # What is shared is no part of the release.
            released_static = {url: directory for url, directory in params["static"].items() if not is_shared(directory, params["shared"])}
            for url, directory in released_static.items():
                self.static(target, url, directory, written)
            notes = [note for url, directory in released_static.items() for note in self.hidden(target, url, directory)]
        return {**measured(target), "notes": notes, "durations": self.durations}

    def hidden(self, target: str, url: str, directory: str) -> list[str]:
        """What to tell of static files that visitors will not see."""
        links = hidden_links(target, f"{target}/{directory}") if url.endswith("/") else []
        if not links:
            return []
        lead = f"{links[0]} and {len(links) - 1} more lead" if len(links) > 1 else f"{links[0]} leads"
        return [f"{'site.root' if url == '/' else 'site.static'} has {directory}, where {lead} to what nginx may not read, so visitors get 403 for it: "
                "have a build step put a copy in the place of the link."]

    def lock(self, revision: str) -> dict[str, t.Any]:
        """What a build of this commit would install, found in a copy of the source that goes away again."""
        self.source.fetch(revision)
        with tempfile.TemporaryDirectory(prefix=".lock-", dir=self.home) as target:
            export(self.source, revision, target)
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
        for hook in hooks.commands(self.params["hooks"], phase):
            call(shell.script(hook["command"]), f"hook {phase} {short(hook['command'])!r}", {**env, "PYWEB_PHASE": phase}, cwd=where)

    def copy(self, source: str, target: str, run_path: str, files: str) -> dict[str, t.Any]:
        """The same build under another configuration: hard links, and the way to a socket of its own."""
        with self.phase("copy"):
            copied(source, target, run_path, self.params["files"], files, self.env)
        return {**measured(target), "durations": self.durations}

    def static(self, target: str, url: str, directory: str, written: float | None = None) -> None:
        """nginx may read the static files, and the hashed ones outlive their release."""
        top = os.path.normpath(f"{target}/{directory}")
        if not (os.path.isdir(top) if url.endswith("/") else os.path.isfile(top)):
            named = f"site.root is {directory}" if url == "/" else f"site.static has {url}: {directory}"
            raise BuildError(f"{named}, which is not in the source and which no build step made.")
        *way, top = passed(target, top)
        for place in way:
            allow(place, 0o001)
        if not url.endswith("/"):
            if not os.path.islink(top):
                allow(top, 0o004)
                os.utime(top, (written, written) if written else None)
            return
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
                address = f"{url.rstrip('/')}/{os.path.relpath(path, top)}"
                if is_kept(address):
                    os.makedirs(place, mode=0o755, exist_ok=True)
                    if not is_immutable(address):
                        forget_other(path, f"{place}/{name}")
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
