# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pages of the reference for the site of the documentation: playbooks from the comments that begin them, modules and other plugins
from their documentation, which scripts/generate.py has written from the declared options. The options of roles are in their READMEs."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any, Iterator

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import role_docs  # noqa: E402

# Playbooks in the order of a host's life; others follow by name.
ORDER = ["site", "provision", "deploy", "rollback", "status", "logs", "report"]
INTERNAL = ("hosts",)


def markdown(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = re.sub(r"\b[OV]\(pyweb\.stack\.(\w+)#\w+:([^()]*)\)", r"`\2` of `\1`", text)
    text = re.sub(r"\bP\(([^()#]*)(?:#\w+)?\)", r"`\1`", text)
    text = re.sub(r"\bRV\(([^()]*)\)", r"`\1`", text)
    return role_docs.plain(text)


def said(text: str | list[str]) -> str:
    return "\n\n".join(markdown(part) for part in ([text] if isinstance(text, str) else text))


# --- playbooks ----------------------------------------------------------------------------------------------------------

def comment(path: Path) -> tuple[list[str], str]:
    """How a playbook is called, and what it does: of the comment at its beginning."""
    head = re.match(r"---\n((?:#.*\n)*)", path.read_text(encoding="utf-8"))
    lines = [line.lstrip("# ").rstrip() for line in (head[1] if head else "").splitlines()]
    usage, text = [], []
    for line in lines:
        if line.startswith("ansible-playbook "):
            call, _colon, rest = re.sub(r"[:;] ", "\0", line, count=1).partition("\0")
            usage.append(call.removesuffix("."))
            line = rest
        text.append(line)
    told = " ".join(" ".join(text).split())
    return usage, told[:1].upper() + told[1:]


def playbooks(checkout: Path) -> str:
    names = {path.stem: path for path in sorted((checkout / "playbooks").glob("*.yml")) if path.stem not in INTERNAL}
    parts = ["# Playbooks\n\nEach is called by its full name from anywhere, and takes what `ansible-playbook` takes: `-i`, `--limit`, `--check --diff`. "
             "Words in brackets may be left out.\n"]
    for name in sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        usage, text = comment(names[name])
        calls = "\n".join(usage or [f"ansible-playbook pyweb.stack.{name}"])
        parts.append(f"## {name}\n\n```text\n{calls}\n```\n\n{text}\n")
    return "\n".join(parts)


# --- modules and other plugins ------------------------------------------------------------------------------------------

def texts(path: Path) -> dict[str, str]:
    """The assigned texts of a Python file, such as DOCUMENTATION and EXAMPLES."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.update({target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)})
    return found


def merged(into: dict[str, Any], fragment: dict[str, Any]) -> None:
    for key, value in fragment.items():
        if isinstance(value, dict):
            into[key] = {**value, **into.get(key, {})}


def documentation(path: Path, checkout: Path) -> tuple[dict[str, Any], str]:
    """What a plugin says of itself, with our own fragments filled in, and its examples."""
    if path.suffix == ".yml":
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        return loaded["DOCUMENTATION"], loaded.get("EXAMPLES", "")
    found = texts(path)
    told = yaml.safe_load(found["DOCUMENTATION"])
    names = told.get("extends_documentation_fragment") or []
    for name in [names] if isinstance(names, str) else names:
        if name.startswith("pyweb.stack."):
            file, _dot, part = name.removeprefix("pyweb.stack.").partition(".")
            merged(told, yaml.safe_load(texts(checkout / "plugins" / "doc_fragments" / f"{file}.py")[(part or "documentation").upper()]))
    return told, found.get("EXAMPLES", "")


def as_options(options: dict[str, Any]) -> dict[str, Any]:
    """C(suboptions) of modules under the name that specs of roles have for them."""
    return {name: {**item, "options": as_options(item.get("suboptions") or {})} for name, item in options.items()}


def section(name: str, told: dict[str, Any], examples: str) -> str:
    parts = [f"## {name}", said(told["short_description"]) + ".", said(told["description"])]
    if told.get("options"):
        parts.append(markdown(role_docs.HEADER + "".join(role_docs.rows(as_options(told["options"])))))
    if examples.strip():
        parts.append(f"```yaml\n{examples.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def documented(checkout: Path, kinds: list[str]) -> Iterator[str]:
    for kind in kinds:
        files = [path for suffix in ("py", "yml") for path in (checkout / "plugins" / kind).glob(f"*.{suffix}") if not path.stem.startswith("_")]
        for path in sorted(files, key=lambda path: path.stem):
            if path.suffix == ".yml" or "DOCUMENTATION" in texts(path):
                yield section(path.stem, *documentation(path, checkout))


def pages(checkout: Path) -> dict[str, str]:
    """Each page's path in the site, and its text."""
    return {
        "reference/playbooks.md": playbooks(checkout),
        "reference/modules.md": "\n".join(["# Modules\n\nWhat the roles call; a playbook of your own may, too. Their full names begin with `pyweb.stack.`.\n",
                                           *documented(checkout, ["modules"])]),
        "reference/plugins.md": "\n".join(["# Other plugins\n\nFilters, lookups and the callback. Their full names begin with `pyweb.stack.`.\n",
                                           *documented(checkout, ["filter", "lookup", "callback"])]),
    }
