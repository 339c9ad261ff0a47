# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who has a document, a new directory, an empty home and one shell, and writes and types what the document says, word for word."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
from typing import Iterator

import playbook

CHECKOUT = playbook.CHECKOUT
BLOCK = re.compile(r'^```(?P<language>\w*)(?: title="(?P<title>[^"]*)")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL)
BELOW = re.compile(r"below `(.+)`")
# Ends as a shell in a terminal would: what has been exported, and where it stands, is there for the next command. Arguments: that state, the command.
SHELL = """
[ ! -e "$1" ] || . "$1"
set -e
eval "$2"
{ declare -px; printf 'cd -- %q\\n' "$PWD"; } >"$1"
"""


@dataclasses.dataclass(frozen=True)
class Step:
    """A block of a document: a file to write, where it has a title, or commands to type."""

    title: str
    body: str


def steps(document: str) -> Iterator[Step]:
    """All blocks of a document of this checkout; a block that is neither a file nor commands is an error."""
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) * 2 == len(re.findall("^```", text, re.MULTILINE)), f"{document} has a block that nobody would type"
    for block in BLOCK.finditer(text):
        assert bool(block["language"]) == bool(block["title"]), f"{document} does not say what to do with this:\n{block['body']}"
        yield Step(block["title"] or "", block["body"])


def published(directory: pathlib.Path) -> pathlib.Path:
    """This checkout as a repository, with what is not committed yet."""
    listed = subprocess.run(["git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, stdout=subprocess.PIPE).stdout
    for name in listed.decode().rstrip("\0").split("\0"):
        if (CHECKOUT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes((CHECKOUT / name).read_bytes())
            (directory / name).chmod((CHECKOUT / name).stat().st_mode)
    git = ["git", "-C", directory, "-c", "user.name=jo", "-c", "user.email=jo@example.com"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "pyweb.stack"]):
        subprocess.run([*git, *arguments], check=True)
    return directory


class Reader:
    def __init__(self, directory: pathlib.Path, host: str, forge: str, authority: pathlib.Path) -> None:
        """C(host) and C(forge) are addresses: of web1.example.com, and of git.example.com, whose authority is the file C(authority)."""
        self.folder, self.home, self.state = directory / "work", directory / "home", directory / "state"
        for folder in (self.folder, self.home / ".ssh"):
            folder.mkdir(parents=True)
        key = subprocess.run([CHECKOUT / "scripts" / "test-host", "key"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        ssh = self.home / ".ssh" / "config"
        ssh.write_text(f"Host web1.example.com\n  HostName {host}\n  IdentityFile {key}\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n"
                       f"  UserKnownHostsFile {self.home}/.ssh/known_hosts\n")
        # Everybody's git knows who they are; this one also where those names lead to.
        (self.home / ".gitconfig").write_text(
            f'[user]\n  name = jo\n  email = jo@example.com\n[http]\n  sslCAInfo = {authority}\n  curloptResolve = git.example.com:443:{forge}\n'
            f'[url "file://{published(directory / "stack")}"]\n  insteadOf = https://github.com/pyweb/stack.git\n')
        ours = ("ANSIBLE_", "MOLECULE_", "PYTHON", "VIRTUAL_ENV", "GIT_", "PYWEB_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = {
            **inherited, "HOME": str(self.home), "ANSIBLE_NOCOLOR": "1", "PIP_NO_COMPILE": "1",
            "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            # ssh takes its file from the home that the system has for the user.
            "ANSIBLE_SSH_ARGS": f"-F {ssh} -C -o ControlMaster=auto -o ControlPersist=60s"}

    @property
    def here(self) -> pathlib.Path:
        """The directory that the shell stands in."""
        found = re.search("^cd -- (.+)$", self.state.read_text(), re.MULTILINE) if self.state.exists() else None
        return pathlib.Path(found[1]) if found else self.folder

    def write(self, step: Step) -> None:
        """A file, by its title: C(name), C(name, at its end) or C(name, below `line`)."""
        name, _comma, where = step.title.partition(", ")
        path, body = self.here / name, step.body
        path.parent.mkdir(parents=True, exist_ok=True)
        if "openssl rand -hex 32" in body:
            body = re.sub("paste the output of .*", os.urandom(32).hex(), body)
        if where == "at its end":
            body = f"{path.read_text()}\n{body}"
        elif where:
            before, line, after = path.read_text().partition(f"{BELOW.fullmatch(where)[1]}\n")
            assert line, f"{step.title}: there is no such line"
            body = f"{before}{line}{body}{after}"
        path.write_text(body)

    def type(self, command: str) -> playbook.Outcome:
        done = subprocess.run(["bash", "--noprofile", "--norc", "-c", SHELL, "bash", self.state, command], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-8000:]}"
        return playbook.Outcome(done.returncode, done.stdout)
