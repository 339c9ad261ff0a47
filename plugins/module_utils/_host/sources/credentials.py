# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and tokens for the repositories of dependencies: by the beginning of an address, for git that somebody else runs, such as uv."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import tempfile
import typing as t
import urllib.parse

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import split_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import write

# git asks for the user or the password of 'https://git.example.com/team/lib.git'.
ASKPASS = """#!/bin/sh
asked=${1#*\\'}; asked=${asked%\\'*}
rest=${asked#*://}; host=${rest%%/*}
address="${asked%%://*}://${host##*@}${rest#"$host"}"
case "$address" in
"""
ANSWER = """{pattern}) case "$1" in Username*) printf '%s\\n' "$PYWEB_GIT_{number}_USER" ;; *) printf '%s\\n' "$PYWEB_GIT_{number}_TOKEN" ;; esac ;;
"""
# The last two arguments are the host, and git's command with the path in quotes.
SSH = """#!/bin/sh
for argument; do host=$command; command=$argument; done
path=${command#*\\'}; path=${path%\\'*}
case "ssh://${host##*@}/${path#/}" in
"""


class Credential(t.NamedTuple):
    """C(address) is the beginning of those that it is for, without a user: C(https://git.example.com/team), C(ssh://git.example.com/team/lib)."""

    address: str
    token: str
    deploy_key: str
    known_hosts: list[str]


def credential(url: str, token: str | None, deploy_key: str | None, known_hosts: list[str] | None) -> Credential:
    address, password = split_password(url)
    scp = re.match(r"(?:[^/@]+@)?([^/:]+):(?!//)(.*)", address)
    address = f"ssh://{scp[1]}/{scp[2].lstrip('/')}" if scp else address
    found = re.match(r"ssh://(?:[^/@]*@)?([^/:]*)(?::\d+)?(.*)", address)
    address = f"ssh://{found[1]}{found[2]}" if found else address
    return Credential(address.rstrip("/").removesuffix(".git"), token or password or "", deploy_key or "", known_hosts or [])


def credentials_of(params: dict[str, t.Any]) -> list[Credential]:
    """Those of C(dependencies.git), and those of the source for the same server. What is for the longest address comes first."""
    found = [credential(item["url"], item.get("token"), item.get("deploy_key"), item.get("known_hosts"))
             for item in (params.get("dependencies") or {}).get("git") or []]
    source = params.get("source") or {}
    if source.get("repo") and (source.get("token") or source.get("deploy_key")):
        own = credential(source["repo"], source.get("token"), source.get("deploy_key"), source.get("known_hosts"))
        server = re.match(r"\w+://[^/]*", own.address)
        if server:
            found.append(own._replace(address=server[0]))
    return sorted(found, key=lambda item: -len(item.address))


def netrc(urls: list[str]) -> str:
    """For programs that fetch files: the user and the password of each host that C(urls) have one for. Those of git's addresses are not among them."""
    lines: dict[str, str] = {}
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        if parts.hostname and parts.password is not None and not parts.path.endswith(".git"):
            user, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
            lines.setdefault(parts.hostname, f"machine {parts.hostname} login {user} password {password}\n")
    return "".join(lines.values())


def pattern(address: str) -> str:
    """For the shell: this address, and what lies below it."""
    quoted = shlex.quote(address)
    return f"{quoted}|{quoted}.git|{quoted}/*"


@contextlib.contextmanager
def access(home: str, credentials: list[Credential], files: str = "") -> t.Iterator[dict[str, str]]:
    """The environment of a program that runs git. Keys are files, and tokens variables, only while it runs: nothing is in a command line.

    C(files) is what netrc() returns, for uv.
    """
    if not credentials:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix=".git-", dir=home) as directory:
        env = {"GIT_ASKPASS": f"{directory}/askpass", "GIT_SSH_COMMAND": f"{directory}/ssh", "GIT_SSH_VARIANT": "ssh", "GIT_TERMINAL_PROMPT": "0",
               "GIT_CONFIG_GLOBAL": f"{directory}/gitconfig"}
        if files:
            write(f"{directory}/netrc", files)
            env["NETRC"] = f"{directory}/netrc"
        write(f"{directory}/gitconfig", "[credential]\n\tuseHttpPath = true\n\thelper =\n")
        askpass, ssh = ASKPASS, SSH
        usual = f"-o BatchMode=yes -o ConnectTimeout=20 -o UserKnownHostsFile={shlex.quote(f'{home}/home/known_hosts')} -o StrictHostKeyChecking=accept-new"
        for number, item in enumerate(credentials):
            if item.token and item.address.startswith("http"):
                user, dummy, secret = item.token.partition(":") if ":" in item.token else ("x-access-token", "", item.token)
                env.update({f"PYWEB_GIT_{number}_USER": user, f"PYWEB_GIT_{number}_TOKEN": secret})
                askpass += ANSWER.format(pattern=pattern(item.address), number=number)
            if item.deploy_key and item.address.startswith("ssh://"):
                write(f"{directory}/key{number}", item.deploy_key.strip() + "\n")
                options = f"-i {shlex.quote(f'{directory}/key{number}')} -o IdentitiesOnly=yes"
                if item.known_hosts:
                    write(f"{directory}/known_hosts{number}", "\n".join(item.known_hosts) + "\n")
                    options += f" -o UserKnownHostsFile={shlex.quote(f'{directory}/known_hosts{number}')} -o StrictHostKeyChecking=yes"
                ssh += f'{pattern(item.address)}) exec ssh {options} {usual} "$@" ;;\n'
        write(f"{directory}/askpass", askpass + "*) exit 1 ;;\nesac\n", 0o700)
        write(f"{directory}/ssh", ssh + f'esac\nexec ssh {usual} "$@"\n', 0o700)
        os.makedirs(f"{home}/home", exist_ok=True)
        yield env
