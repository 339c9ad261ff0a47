# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a release comes from: what the wanted version is now, and its files. All of it runs as the build user."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import tempfile
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._step import BuildError, call, without_password


def source_of(home: str, params: dict, env: dict[str, str]) -> "Git":
    """The source that C(params) name."""
    return Git(home, params["source"], env)


class Git:
    """A repository that the host reaches, with one bare mirror for each application."""

    def __init__(self, home: str, source: dict, env: dict[str, str]):
        self.home = home
        self.source = source
        self.mirror = f"{home}/repo.git"
        self.env = env

    def resolve(self) -> str:
        """Bring the mirror up to date and return the commit that the wanted version names."""
        source = self.source
        os.makedirs(f"{self.home}/home", exist_ok=True)
        env = dict(self.env)
        git = ["git", f"--git-dir={self.mirror}"]
        if not os.path.exists(f"{self.mirror}/HEAD"):
            call(["git", "init", "--quiet", "--bare", self.mirror], "git init", env)
        with self.ssh() as ssh:
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
        source = self.source
        version = source["version"]
        env = dict(self.env)
        with self.ssh() as ssh:
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

    def fetch(self, revision: str) -> None:
        """What C(resolve) has fetched is there, unless this host joined later."""
        if not self.has(revision):
            self.resolve()
        if not self.has(revision):
            raise BuildError(f"commit {revision} is no longer in {without_password(self.source['repo'])}.")

    def between(self, old: str, new: str, most: int = 50) -> list[str]:
        """What a deploy of C(new) would bring."""
        if old == new:
            return []
        done = subprocess.run(["git", f"--git-dir={self.mirror}", "log", f"--max-count={most}", "--format=%h %s", f"{old}..{new}"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", check=False)
        return done.stdout.splitlines()

    @contextlib.contextmanager
    def ssh(self) -> t.Iterator[str]:
        """The deploy key exists as a file only while git fetches: build steps never see it."""
        source = self.source
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
