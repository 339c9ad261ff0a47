# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller has of a source: looked at, prepared and packed once in a run, for all hosts the same."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import subprocess
import tarfile
import tempfile
from typing import Any, Callable

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.unpack import environments, stays
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import DESCRIBE

# Lines of a command's output that a message shows.
TAIL = 25
# Whatever .gitignore says: the first two belong to the release's own, and the last is made again.
NEVER = {".git", ".venv", "__pycache__"}
# A deploy from a git hook has these, and they are about another repository.
HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")


class PackError(Exception):
    """One sentence for the user, with the last output behind it where there is any."""


def offer(source: dict, places: list[str], folder: str, check: bool) -> dict | None:
    """What the controller has of C(source), with the C(file) to send; nothing when the host gets it by itself."""
    if source.get("path"):
        path = find("path", source["path"], places, os.path.isdir, "directory")
        prepare, include = source.get("prepare") or [], source.get("include") or []
        return once(folder, [path, prepare, include, check], lambda name: tree(path, [] if check else prepare, include, f"{name}.tar.gz", check))
    archive, package = source.get("archive") or "", source.get("package") or ""
    if archive and "://" not in archive:
        path = find("archive", archive, [f"{place}/files" for place in places] + places, os.path.isfile, "file")
        offered = once(folder, [path], lambda name: single(path, name))
        wanted = (source.get("checksum") or "").removeprefix("sha256:")
        if wanted and wanted != offered["sha256"]:
            raise PackError(f"source.archive {path} has the sha256 {offered['sha256']}, but source.checksum says {wanted}: it is not the file that was meant.")
        return {**offered, "source": path, "version": os.path.basename(path)}
    if package.endswith(".whl"):
        path = find("package", package, [f"{place}/files" for place in places] + places, os.path.isfile, "file")
        name = os.path.basename(path).split("-")
        if len(name) not in (5, 6):
            raise PackError(f"source.package is {package}: the name of a wheel has to be like shop-1.4.0-py3-none-any.whl, which tells its version.")
        return {**once(folder, [path], lambda name: single(path, name)), "source": path, "version": name[1]}
    return None


def find(option: str, path: str, places: list[str], there: Callable[[str], bool], kind: str) -> str:
    """Relative to the playbook, else to the inventory."""
    tried = list(dict.fromkeys(os.path.normpath(os.path.join(place, os.path.expanduser(path))) for place in places))
    for candidate in tried:
        if there(candidate):
            return candidate
    raise PackError(f"source.{option} is {path}, but the controller has no such {kind}: looked for {' and '.join(tried)}.")


def once(folder: str, key: Any, make: Callable[[str], dict]) -> dict:
    """The same answer, or the same fault, for all hosts of a run; whoever comes first makes it. C(folder) ends with the run."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    name = f"{folder}/{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}"
    with open(f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(f"{name}.json", encoding="utf-8") as file:
                answer = json.load(file)
        except FileNotFoundError:
            try:
                answer = {"offered": make(name)}
            except PackError as error:
                answer = {"fault": str(error)}
            except OSError as error:
                answer = {"fault": f"the source cannot be packed: {error}."}
            with open(f"{name}.json", "w", encoding="utf-8") as file:
                json.dump(answer, file)
    if "fault" in answer:
        raise PackError(answer["fault"])
    return answer["offered"]


def single(path: str, target: str) -> dict:
    """One file, as it is now."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as content, open(target, "wb") as file:
            while block := content.read(1 << 20):
                digest.update(block)
                file.write(block)
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    return {"revision": digest.hexdigest(), "sha256": digest.hexdigest(), "file": target}


def tree(path: str, prepare: list[str], include: list[str], target: str, check: bool) -> dict:
    for command in prepare:
        done = subprocess.run(["/bin/bash", "-o", "pipefail", "-ec", command], cwd=path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode != 0:
            tail = "\n".join(done.stdout.strip().splitlines()[-TAIL:])
            raise PackError(f"source.prepare {command!r} failed in {path} (exit status {done.returncode}).\n{tail}")
    facts = checkout(path)
    # In check mode nothing was prepared, so what is to be included may not be there yet.
    listed = listing(path)
    names = set(listed) - environments(listed) | {name for item in include for name in included(path, item, check)}
    revision = pack(path, sorted(names, key=os.fsencode), target)
    with open(target, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    version = f"{facts['commit'][:10]}{'-dirty' if facts['dirty'] else ''}" if facts.get("commit") else os.path.basename(path)
    return {"revision": revision, "sha256": digest, "file": target, "source": path, "version": version, "facts": facts, **describe(path)}


def git(path: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess:
    env = {name: value for name, value in os.environ.items() if name not in HOOK}
    try:
        return subprocess.run(["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "-C", path, *arguments],
                              env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    except FileNotFoundError:
        raise PackError(f"git is not installed on the controller: it tells what belongs to {path} and what is ignored there; install it.") from None


def text(done: subprocess.CompletedProcess) -> str:
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else ""


def is_checkout(path: str) -> bool:
    """What a repository around it ignores as a whole, such as a directory that a build makes, is not its business."""
    return text(git(path, "rev-parse", "--is-inside-work-tree")) == "true" and git(path, "check-ignore", "--quiet", ".").returncode != 0


def checkout(path: str) -> dict:
    """For the manifest: where a person finds what was deployed."""
    if not is_checkout(path):
        return {}
    return {"commit": text(git(path, "rev-parse", "--quiet", "--verify", "HEAD")) or None,
            "branch": text(git(path, "symbolic-ref", "--quiet", "--short", "HEAD")) or None,
            "dirty": bool(text(git(path, "status", "--porcelain", "--", ".")))}


def describe(path: str) -> dict:
    """For projects that take their version from git tags."""
    if not is_checkout(path):
        return {}
    found = text(git(path, *DESCRIBE, "--dirty"))
    if not found and (commits := text(git(path, "rev-list", "--count", "HEAD"))):
        found = f"0.0-{commits}-g{text(git(path, 'rev-parse', '--short', 'HEAD'))}"
    return {"describe": found} if found else {}


def listing(path: str, above: str = "") -> list[str]:
    """The files that git does not ignore, by the same rules where there is no checkout."""
    with tempfile.TemporaryDirectory() as repository:
        if is_checkout(path):
            own: list[str] = []
            which = ["--cached", "--others"]
        else:
            git(path, "init", "--quiet", "--bare", repository)
            own = [f"--git-dir={repository}", f"--work-tree={path}"]
            which = ["--others"]
        listed = git(path, *own, "ls-files", "-z", *which, "--exclude-standard")
    if listed.returncode != 0:
        raise PackError(f"git cannot tell what belongs to {path}: {listed.stderr.decode(errors='replace').strip()}.")
    names = []
    for name in filter(None, map(os.fsdecode, listed.stdout.split(b"\0"))):
        name = name.rstrip("/")
        if NEVER & set(name.split("/")):
            continue
        full = f"{path}/{name}"
        if not os.path.isdir(full) or os.path.islink(full):
            names.append(f"{above}{name}")
        elif os.path.exists(f"{full}/.git"):
            # A repository in it: a submodule, or one that lies there.
            names += listing(full, f"{above}{name}/")
        else:
            raise PackError(f"the submodule {above}{name} of source.path is not checked out: git submodule update --init --recursive does it.")
    return names


def included(path: str, item: str, missing_ok: bool) -> list[str]:
    """All files of a path that git ignores."""
    full = f"{path}/{item}"
    if not os.path.lexists(full):
        if missing_ok:
            return []
        raise PackError(f"source.include has {item}, which is not in {path}: write what is sent in addition, after source.prepare.")
    if os.path.islink(full) or not os.path.isdir(full):
        return [item]
    names = []
    for root, directories, files in os.walk(full):
        directories[:] = [name for name in directories if name not in NEVER]
        links = [name for name in directories if os.path.islink(f"{root}/{name}")]
        names += [os.path.relpath(f"{root}/{name}", path) for name in files + links]
    return names


def pack(path: str, names: list[str], target: str) -> str:
    """A digest of names, executable bits, link targets and bytes, and at the same time all of that in a file: nobody edits it in between."""
    digest = hashlib.sha256()
    links: dict[str, str] = {}
    real = os.path.realpath(path)
    count = 0
    with tarfile.open(target, "w:gz", compresslevel=5, format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            full = f"{path}/{name}"
            parent = os.path.dirname(name)
            if os.path.realpath(f"{path}/{parent}") != os.path.normpath(f"{real}/{parent}"):
                raise PackError(f"source.path {path} has {name!r} behind a link: only what lies in it can be sent.")
            info = tarfile.TarInfo(name)
            try:
                status = os.lstat(full)
                if stat.S_ISLNK(status.st_mode):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(full)
                    links[name] = info.linkname
                    archive.addfile(info)
                    note = ["link", info.linkname]
                elif stat.S_ISREG(status.st_mode):
                    with open(full, "rb") as file:
                        status = os.fstat(file.fileno())
                        info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), 0o755 if status.st_mode & 0o100 else 0o644
                        content = Hashing(file)
                        archive.addfile(info, content)
                        note = ["executable" if info.mode & 0o100 else "file", content.digest.hexdigest()]
                else:
                    continue
            except FileNotFoundError:
                continue  # git knows it still
            except OSError as error:
                raise PackError(f"source.path {path} has {name!r}, which cannot be read: {error.strerror or error}.") from None
            digest.update(json.dumps([name, *note]).encode() + b"\n")
            count += 1
    for name, link in links.items():
        if not stays(name, link, links):
            raise PackError(f"source.path {path} has the link {name!r} to {link!r}, out of it: only what lies in it can be sent.")
    if not count:
        raise PackError(f"source.path {path} has no files, or git ignores them all: source.include names what is sent nevertheless.")
    return digest.hexdigest()


class Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: Any):
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        block = self.file.read(size)
        self.digest.update(block)
        return block
