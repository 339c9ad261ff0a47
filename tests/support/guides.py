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

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
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


def calls() -> Iterator[tuple[str, list[str]]]:
    """Where ansible-playbook is called, and its arguments. An ellipsis stands for what a reader has to fill in: such calls are left out."""
    for block in blocks():
        if block.language in ("", "bash", "sh", "console"):
            for number, line in enumerate(block.body.replace("\\\n", "").splitlines(), block.line + 1):
                if line.strip().startswith("ansible-playbook "):
                    yield f"{block.document}:{number}", shlex.split(line, comments=True)
    for document in documents():
        text = FENCE.sub("", (CHECKOUT / document).read_text(encoding="utf-8"))
        for call in CALL.findall(text):
            if "…" not in call:
                yield document, shlex.split(call)
