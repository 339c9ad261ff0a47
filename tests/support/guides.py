# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents have their readers write and type: blocks of code, and calls of our playbooks."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
import textwrap
from typing import Iterator

import yaml

from ansible_collections.pyweb.stack.plugins.plugin_utils._extra import ACCEPTED

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
PLAYBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("playbooks/*.yml")}
SPECS = {path.parents[1].name: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml")}
# What the playbooks take besides the variables of the roles.
OURS = {"pyweb_apps", "pyweb_app_overrides", "pyweb_proxy", "pyweb_no_proxy", "pyweb_serial"}
# Playbooks that readers copy.
READY = {path.name for path in CHECKOUT.glob("examples/*/**/*.yml")}
# Switches of ansible-playbook that are used, and whether a value follows.
SWITCHES = {"-i": True, "-e": True, "--limit": True, "--tags": True, "--private-key": True,
            "--check": False, "--diff": False, "--ask-vault-pass": False, "-K": False}
CALL = re.compile(r"`(ansible-playbook [^`]+)`")


@dataclasses.dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """All that users and contributors read, as paths of the checkout."""
    patterns = ["README.md", "CONTRIBUTING.md", "docs/**/*.md", "roles/*/README.md", "inventories/*/README.md"]
    return [str(path.relative_to(CHECKOUT)) for pattern in patterns for path in sorted(CHECKOUT.glob(pattern))]


def blocks() -> list[Block]:
    found = []
    for document in documents():
        text = (CHECKOUT / document).read_text(encoding="utf-8")
        for block in FENCE.finditer(text):
            found.append(Block(document, text.count("\n", 0, block.start()) + 1, block["language"], textwrap.dedent(block["body"])))
    return found


def called(command: str) -> list[list[str]]:
    """The calls of ansible-playbook in a command for the shell, wherever the program lies."""
    lines = [line.strip() for line in command.replace("\\\n", "").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if re.match(r'("[^" ]*/)?ansible-playbook"? ', line)]


def calls() -> Iterator[tuple[str, list[str]]]:
    """Where ansible-playbook is called, and its arguments. An ellipsis stands for what a reader has to fill in: such calls are left out."""
    for block in blocks():
        if block.language in ("", "bash", "sh", "console"):
            for call in called(block.body):
                yield str(block), call
    for document in documents():
        text = FENCE.sub("", (CHECKOUT / document).read_text(encoding="utf-8"))
        for call in CALL.findall(text):
            if "…" not in call:
                yield document, shlex.split(call)


def wrong(call: list[str]) -> list[str]:
    """What a call of ansible-playbook names that is not there: playbooks, extra variables, tags, switches."""
    playbooks, extra, tags, found, words = [], [], [], [], iter(call[1:])
    for word in words:
        if not word.startswith("-"):
            playbooks.append(word)
        elif word not in SWITCHES:
            found.append(word)
        else:
            value = next(words) if SWITCHES[word] else ""
            extra += [value] if word == "-e" else []
            tags += value.split(",") if word == "--tags" else []
    ours = [name.removeprefix("pyweb.stack.") for name in playbooks if name.startswith("pyweb.stack.")]
    others = [name for name in playbooks if not name.startswith("pyweb.stack.")]
    found += [name for name in ours if name not in PLAYBOOKS] + [name for name in others if name not in READY]
    texts = [PLAYBOOKS[name] for name in ours if name in PLAYBOOKS]
    for pair in extra:
        name, _equals, value = pair.partition("=")
        if not value or not (name in ACCEPTED or name in OURS or any(re.search(rf"\b{name}\b", text) for text in texts)):
            found.append(f"-e {pair}")
    found += [tag for tag in tags if not any(re.search(rf"^ +tags: .*\b{tag}\b", text, re.MULTILINE) for text in [*texts, PLAYBOOKS["provision"]])]
    return found if playbooks else [*found, "no playbook"]
