# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic, with what it says made into a sentence. It gets its repository and its password by environment and file: ps shows neither."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.backup.config import Config
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout

# What restic has fetched before, for all applications of the host.
CACHE = "/var/cache/pyweb-restic"
# What a check reads of the data itself, at random, each time.
SUBSET = "100M"
# Seconds that another restic in the same repository is waited for.
PATIENCE = 1800.0
# Tags of all snapshots that this code makes.
OURS = "pyweb"
# What restic prints, and what that means for whoever reads it; the first that fits counts. C({repository}) and C({app}) are filled in.
MISSING = "there is no repository at {repository}."
# restic ends before it has passed on what ssh said, now and then.
SILENT = "root's ssh does not get to {repository}: run ssh there as root, which says why."
LOCKED = "{repository} is in use by another restic: wait for it to end, or release the lock of a dead one by restic unlock."
SAID = (
    (r"is there a repository at|unable to open config file|repository does not exist", MISSING),
    (r"wrong password or no key found", "the password does not open {repository}: pyweb_apps.{app}.backup.password has to be the one that it was made with."),
    (r"an empty password is not|resolving password failed", "the password for {repository} is missing: set pyweb_apps.{app}.backup.password, then "
     "ansible-playbook pyweb.stack.backup -e app={app}."),
    (r"no space left on device|disk quota exceeded|insufficient storage|507 ", "the disk is full: free some space; earlier backups are as they were."),
    (r"repository is already locked", LOCKED),
    # Before what tells of damage: where ssh ends, restic adds that what it reads is cut short.
    (r"host key verification failed", "the host of {repository} is not known to root's ssh: add its key to /etc/ssh/ssh_known_hosts."),
    (r"no such host|could not resolve hostname|connection (refused|timed out)|network is unreachable|i/o timeout|no route to host",
     "{repository} cannot be reached."),
    (r"permission denied \(", "root's ssh may not log in for {repository}: put a key of root's there."),
    (r"unable to start the sftp session", SILENT),
    (r"ciphertext verification failed|invalid data returned|pack .*does not match|repository contains errors|hash mismatch|load .*(truncated|not found)|"
     r"unable to load index|invalid index|error loading snapshot|error for tree|blob .* not found|does not exist in index|unexpected EOF|"
     r"files? .*(missing|damaged)|pack \w+: not found|no such pack|invalid header",
     "{repository} is damaged: restic check tells what is lost, restic repair helps; or name an empty repository for new backups."),
    (r"access ?denied|access key|signature|403 |401 ", "{repository} refuses: pyweb_apps.{app}.backup.env has to have its credentials."),
)


class Snapshot(t.TypedDict):
    """One backup, as the repository tells it."""

    id: str  # short
    time: str  # UTC as 20261120T201500Z
    host: str
    release: str | None  # which was live
    before: str | None  # which migrated next


def explain(printed: str, app: str, repository: str) -> str:
    """The sentence for what restic has printed when it failed."""
    for pattern, sentence in SAID:
        if re.search(pattern, printed, re.IGNORECASE):
            return sentence.format(app=app, repository=repository)
    lines = [line for line in without_password(printed).splitlines() if line.strip()]
    return f"restic and {repository}: {lines[-1].strip() if lines else 'no reason was given'}"


def tagged(tags: t.Iterable[str], name: str) -> str | None:
    return next((tag.partition("=")[2] for tag in tags if tag.startswith(f"{name}=")), None)


def snapshot(found: dict[str, t.Any]) -> Snapshot:
    """Pure: from what restic tells as JSON."""
    tags = found.get("tags") or []
    moment = re.sub(r"[-:]", "", found["time"][:19]) + "Z"
    return {"id": found["short_id"], "time": moment, "host": found["hostname"], "release": tagged(tags, "release"), "before": tagged(tags, "before")}


class Restic:
    """Of one application and its repository. Each call raises HostError in one sentence."""

    def __init__(self, paths: Layout, config: Config):
        self.app = paths.name
        self.config = config
        self.repository = without_password(config["repository"])
        cache = f"{paths.root}{CACHE}"
        os.makedirs(cache, mode=0o700, exist_ok=True)
        self.env = {
            **os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/root", **config["env"], "RESTIC_REPOSITORY": config["repository"],
            "RESTIC_PASSWORD_FILE": paths.backup_password, "RESTIC_CACHE_DIR": cache,
        }

    def call(self, *arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
        """What it prints to standard output."""
        return self._in_turn(lambda: self._call(arguments, accepted))

    def _in_turn(self, what: t.Callable[[], str]) -> str:
        """Where other hosts use the repository, their turn is waited for; and a failure without a reason is asked for it twice more."""
        until, asked = time.monotonic() + PATIENCE, 0
        while True:
            try:
                return what()
            except HostError as error:
                silent = str(error) == SILENT.format(repository=self.repository) and asked < 2
                locked = str(error) == LOCKED.format(repository=self.repository) and time.monotonic() <= until
                if not silent and not locked:
                    raise
                asked += silent
                time.sleep(1 if silent else 5)

    def _call(self, arguments: tuple[str, ...], accepted: tuple[int, ...]) -> str:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                done = subprocess.run(["restic", *arguments], env=self.env, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=errors, check=False)
            except FileNotFoundError:
                raise HostError("restic is not installed on this host: ansible-playbook pyweb.stack.backup installs it.") from None
            output.seek(0)
            errors.seek(0)
            printed, complaints = output.read().decode(errors="replace"), errors.read().decode(errors="replace")
        if done.returncode not in accepted:
            raise HostError(explain(f"{printed[-20000:]}\n{complaints}", self.app, self.repository))
        return printed

    def exists(self) -> bool:
        """Whether there is a repository that the password opens."""
        try:
            self.call("cat", "config")
        except HostError as error:
            if str(error) == MISSING.format(repository=self.repository):
                return False
            raise
        return True

    def make(self) -> None:
        self.call("init")

    def unlock(self) -> None:
        """Locks of processes that are gone; not those of others."""
        self.call("unlock")

    def backup(self, host: str, tags: list[str], exclude: list[str], paths: list[str]) -> tuple[str, int]:
        """The id of the new snapshot and its size in bytes. What vanishes meanwhile, as temporary files do, is no fault."""
        printed = self.call("backup", "--json", "--host", host, *(f"--tag={tag}" for tag in [OURS, f"app={self.app}", *tags]),
                            *(f"--exclude={pattern}" for pattern in exclude), "--", *paths, accepted=(0, 3))
        told = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        summary: dict[str, t.Any] = next((line for line in reversed(told) if line.get("message_type") == "summary"), {})
        unread = [line["item"] for line in told if line.get("message_type") == "error" and line.get("item") and os.path.lexists(line["item"])]
        if unread:
            raise HostError(f"{unread[0]} could not be read: {len(unread)} files are missing from the backup.")
        if not summary.get("snapshot_id"):
            raise HostError(explain(printed, self.app, self.repository))
        return summary["snapshot_id"][:8], int(summary.get("total_bytes_processed") or 0)

    def snapshots(self) -> list[Snapshot]:
        """All of this application's, of every host, the oldest first."""
        return sorted(map(snapshot, json.loads(self.call("snapshots", "--json", f"--tag={OURS},app={self.app}")) or []), key=lambda item: item["time"])

    def digest(self, identifier: str, path: str) -> str:
        """SHA-256 of a file as it is in the repository."""
        return self._in_turn(lambda: self._digest(identifier, path))

    def _digest(self, identifier: str, path: str) -> str:
        argv = ["restic", "dump", identifier, path]
        with tempfile.TemporaryFile() as errors, \
                subprocess.Popen(argv, env=self.env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process:
            found = hashlib.sha256()
            while chunk := t.cast(t.IO[bytes], process.stdout).read(2 ** 20):
                found.update(chunk)
            process.wait()
            errors.seek(0)
            if process.returncode != 0:
                raise HostError(explain(errors.read().decode(errors="replace"), self.app, self.repository))
        return found.hexdigest()

    def check(self) -> None:
        """Structure of the whole repository, and a part of its data."""
        self.call("check", f"--read-data-subset={SUBSET}")

    def forget(self, host: str, kept: list[str]) -> None:
        """Old snapshots of this application and host go; those of the last day stay, and those with one of the tags C(kept)."""
        keep = self.config["keep"]
        self.call("forget", "--prune", f"--host={host}", f"--tag={OURS},app={self.app}", "--group-by=host", "--keep-within=1d",
                  f"--keep-daily={keep['daily']}", f"--keep-weekly={keep['weekly']}", f"--keep-monthly={keep['monthly']}",
                  *(f"--keep-tag={tag}" for tag in kept))

    def size(self, identifier: str) -> int:
        """Bytes that a restore writes."""
        return int(json.loads(self.call("stats", "--json", "--mode=restore-size", identifier))["total_size"])

    def restore(self, identifier: str, target: str) -> None:
        self.call("restore", identifier, f"--target={target}")
