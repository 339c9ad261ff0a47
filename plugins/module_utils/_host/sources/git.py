# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A git repository that the host reaches: fetched as the build user into a mirror, from which releases are exported."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import split_password, without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import Source, refuse_names, write
from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import call
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import DESCRIBE, from_describe

# A server that does not take the deploy key has at least answered.
NO_SERVER = re.compile(r"Could not resolve|Connection (refused|timed out|reset)|No route to host|Network is unreachable|Host key verification failed")
NO_LOGIN = re.compile(r"Authentication failed|could not read (Username|Password)|terminal prompts disabled|error: 40[13]")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What a server names besides branches and tags: refs/pull/7/head, refs/merge-requests/7/head. Those have shorter names.
OTHER_REF = re.compile(r"refs/(?!heads/|tags/)")
NO_HEAD = "HEAD of the repository names no branch that is there; set source.version to the branch that is to be deployed."
# Build steps run as the user that fetches: what they leave in the mirror's configuration must not run, or see a key, with the next fetch.
# What git says of files that are empty or cut short, as a power cut leaves them.
BROKEN = re.compile(r"loose object|object file .* is empty|bad object|invalid sha1 pointer|does not point to a valid object|is corrupt|not a git repository: '|"
                    r"index file .* is too small|packfile .* (cannot be|does not match)|unable to (read|parse)|missing (blob|tree|commit)|unexpected line in")
# A mirror has commits of one kind, as the repository has. By the kind: the configuration.
MIRROR = "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n"
FORMATS = {"sha1": MIRROR.format(version=0), "sha256": MIRROR.format(version=1) + "[extensions]\n\tobjectformat = sha256\n"}
ANOTHER_KIND = re.compile(r"mismatched algorithms: client \w+; server (sha1|sha256)\b")
ASKPASS = """#!/bin/sh
case "$1" in
"Username for '$PYWEB_GIT_SCHEME$PYWEB_GIT_HOST': ") printf '%s\\n' "$PYWEB_GIT_USER" ;;
"Password for '$PYWEB_GIT_SCHEME"*"@$PYWEB_GIT_HOST': ") printf '%s\\n' "$PYWEB_GIT_TOKEN" ;;
*) exit 1 ;;
esac
"""


class Git(Source):
    """A repository that the host reaches, with one bare mirror for each application and one for each submodule."""

    kind = "repo"

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        super().__init__(home, source, env, sent)
        self.mirror = f"{home}/repo.git"
        self.url, password = split_password(source["repo"])
        # https://user@… with a token: both belong together.
        self.token = f"{password}:{source['token']}" if source.get("token") and password and ":" not in password else source.get("token") or password
        self.shown = without_password(self.url)

    def resolve(self) -> str:
        """Bring the mirror up to date and return the commit that the wanted version names."""
        # A HEAD that names a branch which was never pushed is no fault unless it is asked for.
        head = ["+HEAD:refs/pyweb/HEAD"] if self.version == "HEAD" else []
        self.update(self.mirror, self.url, "", *head, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        version = self.version
        names = ["refs/pyweb/HEAD"] if version == "HEAD" else [f"refs/heads/{version}", f"refs/tags/{version}"]
        if re.fullmatch(r"[0-9a-f]{7,64}", version):
            names.append(version)
        if OTHER_REF.match(version):
            names.append(self.bring(version))
        for name in names:
            found = self.commit(name)
            if found:
                return found
        if COMMIT.fullmatch(version) and self.commit(self.bring(version)):
            return version
        raise BuildError(f"{self.shown} has no branch, tag or commit {version!r}: check the version.")

    def bring(self, name: str) -> str:
        """Where the mirror has the commit C(name) that no branch or tag leads to, or what a ref such as refs/pull/7/head names, if the server gives it."""
        place = f"refs/pyweb/{name}"
        with self.turn(self.mirror), contextlib.suppress(BuildError):
            # What the server no longer names is not there, whatever an earlier deploy has fetched.
            call(["git", f"--git-dir={self.mirror}", "update-ref", "-d", place], "git update-ref", self.env)
            self.pull(self.mirror, self.url, "", f"+{name}:{place}", kind=kind_of(self.mirror))
        return place

    def remote(self) -> str:
        version = self.version
        with self.access(self.url) as env:
            listed = call(["git", "-c", "credential.helper=", "ls-remote", "--quiet", "--end-of-options", self.url], f"git ls-remote of {self.shown}", env,
                          hint=self.hint, split=True)
        if version == "HEAD" and not re.search(r"\tHEAD$", listed, re.MULTILINE):
            raise BuildError(f"{self.shown}: {NO_HEAD}")
        names = {name: commit for commit, dummy, name in (line.partition("\t") for line in listed.splitlines()) if name}
        usual = ("HEAD",) if version == "HEAD" else (f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}")
        for name in (*usual, version) if OTHER_REF.match(version) else usual:
            if name in names:
                return names[name]
        if COMMIT.fullmatch(version):
            return version
        if re.fullmatch(r"[0-9a-f]{7,63}", version):
            # A server does not tell commits by their short names; the mirror does, or one that something still names.
            known = {self.commit(version)} - {""} or {commit for commit in names.values() if commit.startswith(version)}
            if len(known) == 1:
                return known.pop()
            raise BuildError(f"{self.shown} has no branch or tag {version!r}, and check mode does not fetch commits: give all of its digits, "
                             "or leave out --check.")
        raise BuildError(f"{self.shown} has no branch, tag or commit {version!r}: check the version.")

    def commit(self, name: str) -> str:
        if not os.path.exists(f"{self.mirror}/HEAD"):
            return ""
        return subprocess.run(["git", f"--git-dir={self.mirror}", "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()

    def has(self, revision: str, mirror: str | None = None) -> bool:
        return subprocess.run(["git", f"--git-dir={mirror or self.mirror}", "cat-file", "-e", f"{revision}^{{commit}}"], env=self.env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def fetch(self, revision: str) -> None:
        """What C(resolve) has fetched is there, unless this host joined later."""
        if not self.has(revision):
            self.resolve()
        if not self.has(revision):
            # Such as after a push by force, when another host has built it already.
            self.bring(revision)
        if not self.has(revision):
            raise BuildError(f"commit {revision} is no longer in {self.shown}.")
        for dummy in self.submodules(self.mirror, revision, self.url):
            pass

    def between(self, old: str, new: str, most: int = 50) -> list[str]:
        """What a deploy of C(new) would bring."""
        if old == new:
            return []
        done = subprocess.run(["git", f"--git-dir={self.mirror}", "log", f"--max-count={most}", "--format=%h %s", f"{old}..{new}"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", check=False)
        return done.stdout.splitlines()

    def project_version(self, revision: str) -> str | None:
        git = ["git", f"--git-dir={self.mirror}"]
        done = subprocess.run([*git, *DESCRIBE, revision], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if done.returncode == 0:
            return from_describe(done.stdout)
        # Without a tag, as setuptools-scm does.
        done = subprocess.run([*git, "rev-list", "--count", revision], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return f"0.1.dev{done.stdout.strip()}+g{revision[:8]}" if done.returncode == 0 else None

    def submodules(self, mirror: str, revision: str, url: str, above: str = "", depth: int = 0) -> t.Iterator[tuple[str, str, str]]:
        """Path, mirror and commit of each submodule, and of theirs, which are fetched on the way unless they are here."""
        listed = call(["git", f"--git-dir={mirror}", "ls-tree", "-r", "-z", "--full-tree", revision], f"git ls-tree of {revision[:12]}", self.env, split=True)
        links = [entry.split("\t", 1) for entry in listed.split("\0") if entry.startswith("160000 ")]
        known = self.gitmodules(mirror, revision) if links else {}
        for meta, path in links:
            place = f"{above}{path}"
            settings = known.get(path, {})
            if settings.get("update") == "none":
                continue
            if not settings.get("url"):
                raise BuildError(f"{self.shown} has a submodule at {place!r}, but its .gitmodules does not say where it comes from: add it, or remove {place}.")
            if depth > 8:
                raise BuildError(f"{self.shown} has submodules in submodules without end, at {place!r}.")
            address, password = split_password(relative_url(url, settings["url"]))
            commit, inner = meta.split()[2], f"{self.home}/submodules/{hashlib.sha256(address.encode()).hexdigest()[:32]}.git"
            if not self.has(commit, inner):
                self.update(inner, address, f"the submodule {place} ", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", password=password)
            if not self.has(commit, inner):
                # Not below any branch or tag. Most servers give it all the same.
                with contextlib.suppress(BuildError):
                    self.update(inner, address, f"the submodule {place} ", f"+{commit}:refs/pyweb/{commit}", password=password)
            if not self.has(commit, inner):
                raise BuildError(f"the submodule {place} is to be at commit {commit[:12]}, which {without_password(address)} does not have: push it there.")
            yield place, inner, commit
            yield from self.submodules(inner, commit, address, f"{place}/", depth + 1)

    def gitmodules(self, mirror: str, revision: str) -> dict[str, dict[str, str]]:
        """What C(.gitmodules) says, by path. Only these settings count: no command in it is ever run."""
        found = subprocess.run(["git", f"--git-dir={mirror}", "config", f"--blob={revision}:.gitmodules", "-z", "--get-regexp",
                                r"^submodule\..*\.(path|url|update)$"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               errors="surrogateescape", check=False).stdout
        modules: dict[str, dict[str, str]] = {}
        for entry in found.split("\0"):
            key, dummy, value = entry.partition("\n")
            name, dummy, option = key.rpartition(".")
            modules.setdefault(name, {})[option] = value
        return {settings["path"]: settings for settings in modules.values() if "path" in settings}

    @contextlib.contextmanager
    def turn(self, mirror: str) -> t.Iterator[None]:
        """One fetch at a time. So whatever looks like another one is what a crash of the host has left, and git would refuse to go on."""
        os.makedirs(f"{self.home}/home", exist_ok=True)
        with open(f"{self.home}/home/.fetch", "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for root, dirs, files in os.walk(mirror):
                dirs[:] = [name for name in dirs if not re.fullmatch("[0-9a-f]{2}", name)]
                for name in files:
                    if name.endswith(".lock"):
                        os.unlink(f"{root}/{name}")
            for name in os.listdir(self.home):
                # Check mode fetches nothing and waits for nobody, but is not about for long.
                if name.startswith(".git-") and time.time() - os.lstat(f"{self.home}/{name}").st_mtime > 600:
                    shutil.rmtree(f"{self.home}/{name}", ignore_errors=True)
            yield

    def no_head(self, error: BuildError) -> BuildError:
        """C(error), or what it means that the repository has no branch by default."""
        return BuildError(f"{self.shown}: {NO_HEAD}") if "remote ref HEAD" in str(error) else error

    def update(self, mirror: str, url: str, what: str, *refs: str, password: str | None = None) -> None:
        """Fetch into a mirror, which is made where it is missing, and again where a crash of the host has broken it or its commits are of another kind."""
        with self.turn(mirror):
            kind = kind_of(mirror)
            try:
                self.pull(mirror, url, what, *refs, password=password, kind=kind)
                return
            except BuildError as error:
                another = ANOTHER_KIND.search(str(error))
                if not another and not BROKEN.search(str(error)):
                    raise self.no_head(error) from None
            shutil.rmtree(mirror)
            try:
                self.pull(mirror, url, what, *refs, password=password, kind=another[1] if another else kind)
            except BuildError as error:
                raise self.no_head(error) from None

    def pull(self, mirror: str, url: str, what: str, *refs: str, password: str | None = None, kind: str = "sha1") -> None:
        if not os.path.exists(f"{mirror}/HEAD"):
            call(["git", "init", "--quiet", "--bare", f"--object-format={kind}", mirror], "git init", self.env)
        with open(f"{mirror}/config", "w", encoding="utf-8") as file:
            file.write(FORMATS[kind])
        prune = ["--prune"] if "+refs/heads/*:refs/heads/*" in refs else []
        with self.access(url, password) as env:
            if what:
                # Whoever can change .gitmodules must not be able to name a file of this host, or a command.
                env["GIT_ALLOW_PROTOCOL"] = "https:http:git:ssh" + (":file" if self.url.startswith(("/", "file://")) else "")
            call(["git", f"--git-dir={mirror}", "-c", "gc.auto=0", "-c", "credential.helper=", "-c", f"core.hooksPath={os.devnull}",
                  "fetch", "--quiet", "--force", *prune, "--update-shallow", "--no-auto-maintenance", "--no-recurse-submodules", "--end-of-options",
                  url, *refs],
                 f"git fetch of {what}from {without_password(url)}" if what else f"git fetch from {without_password(url)}", env,
                 hint="check its address in .gitmodules, and that this host may reach it and read it." if what else self.hint)

    def hint(self, output: str) -> str:
        """What to do when git fetch says C(output)."""
        if self.source.get("public_key") and not NO_SERVER.search(output) and "remote ref HEAD" not in output:
            return f"add this deploy key to the repository (to read it is enough) and deploy again: {self.source['public_key']}"
        if re.match(r"(file:/)?/", self.url) and "not appear to be a git repository" in output:
            user = pwd.getpwuid(os.geteuid()).pw_name
            return (f"check source.repo: no repository is there, or {user}, who builds, may not read it, such as in a home that is closed to others; "
                    f"then let {user} read the repository and pass through the directories that lead to it.")
        if NO_LOGIN.search(output):
            return "check source.repo, and that source.token is one that may read it."
        return "check source.repo, that this host may reach it, and the deploy key and known_hosts where it needs them."

    @contextlib.contextmanager
    def access(self, url: str, password: str | None = None) -> t.Iterator[dict[str, str]]:
        """The environment of a git that may read C(url). A deploy key is a file, and a token a variable, only while git fetches: build steps see neither."""
        source = self.source
        env = {**self.env, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ALLOW_PROTOCOL": "https:http:git:ssh:file"}
        with tempfile.TemporaryDirectory(prefix=".git-", dir=self.home) as directory:
            options = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
            if source.get("known_hosts"):
                write(f"{directory}/known_hosts", "\n".join(source["known_hosts"]) + "\n")
                options += ["-o", f"UserKnownHostsFile={directory}/known_hosts", "-o", "StrictHostKeyChecking=yes"]
            else:
                options += ["-o", f"UserKnownHostsFile={self.home}/home/known_hosts", "-o", "StrictHostKeyChecking=accept-new"]
            if source.get("deploy_key"):
                write(f"{directory}/key", source["deploy_key"].strip() + "\n")
                options += ["-i", f"{directory}/key", "-o", "IdentitiesOnly=yes"]
            env["GIT_SSH_COMMAND"] = shlex.join(options)
            local = url.removeprefix("file://")
            if local.startswith("/"):
                # A repository of another account on this host, and no other; git passes no -c on to the process that reads it.
                write(f"{directory}/gitconfig", "[safe]\n" + "".join(f"\tdirectory = {json.dumps(local.rstrip('/') + end)}\n" for end in ("", ".git", "/.git")))
                env["GIT_CONFIG_GLOBAL"] = f"{directory}/gitconfig"
            scheme, host = server(url)
            token = password or (self.token if (scheme, host) == server(self.url) else None)
            if token and scheme.startswith("http"):
                write(f"{directory}/askpass", ASKPASS, 0o700)
                user, dummy, secret = token.partition(":") if ":" in token else ("x-access-token", "", token)
                env.update(GIT_ASKPASS=f"{directory}/askpass", PYWEB_GIT_SCHEME=scheme, PYWEB_GIT_HOST=host, PYWEB_GIT_USER=user, PYWEB_GIT_TOKEN=secret)
            yield env

    def export(self, revision: str, target: str) -> None:
        self.unpack(self.mirror, revision, target)
        for path, mirror, commit in self.submodules(self.mirror, revision, self.url):
            where = f"{target}/{path}"
            if os.path.realpath(where) != f"{os.path.realpath(target)}/{path}":
                raise BuildError(f"{self.shown} has a submodule at {path!r}, which leads out of the release.")
            self.unpack(mirror, commit, where)
        refuse_names(target)

    def unpack(self, mirror: str, revision: str, target: str) -> None:
        # What .gitattributes leaves out of archives for download (export-ignore) belongs to a release. This file goes before that one.
        os.makedirs(f"{mirror}/info", exist_ok=True)
        with open(f"{mirror}/info/attributes", "w", encoding="utf-8") as file:
            file.write("* -export-ignore\n")
        with subprocess.Popen(["git", f"--git-dir={mirror}", "archive", "--format=tar", revision], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as archive:
            call(["tar", "-x", "--no-same-owner", "-C", target], f"export of {revision[:12]}", self.env, stdin=archive.stdout)
        if archive.returncode != 0:
            raise BuildError(f"export of {revision[:12]} failed: git archive ended with {archive.returncode}.")


def kind_of(mirror: str) -> str:
    """Of the commits in a mirror, as its configuration was written."""
    with contextlib.suppress(OSError, UnicodeDecodeError), open(f"{mirror}/config", encoding="utf-8") as file:
        return "sha256" if file.read() == FORMATS["sha256"] else "sha1"
    return "sha1"


def server(url: str) -> tuple[str, str]:
    """Scheme, and host with port: what a token belongs to."""
    found = re.match(r"(\w+://)(?:[^/]*@)?([^/]*)", url)
    return (found[1], found[2]) if found else ("", "")


def relative_url(base: str, url: str) -> str:
    """The address of a submodule as git reads it: C(./) and C(../) begin at the address of what it is in."""
    if not url.startswith(("./", "../")):
        return url
    base, joint, rest = base.rstrip("/"), "/", url
    # The server stays the same, however many C(../) there are.
    found = re.match(r"\w+://[^/]*", base)
    least = len(found[0]) if found else 1
    while rest.startswith(("./", "../")):
        if rest.startswith("../"):
            position = base.rfind("/") if "/" in base else base.rfind(":")
            if position < least:
                raise BuildError(f"the address {url!r} of a submodule leads above {without_password(base)}: check .gitmodules.")
            base, joint = base[:position], base[position]
        rest = rest.split("/", 1)[1]
    return f"{base}{joint}{rest.rstrip('/')}"
