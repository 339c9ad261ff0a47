# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the option tables of the roles' READMEs from their argument specs: what is behind "## Options". Called by scripts/generate.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
HEADING = "## Options\n"
HEADER = "| Option | Type | Default | Description |\n|---|---|---|---|\n"


def plain(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = re.sub(r"\b[COVE]\(([^()]*)\)", r"`\1`", text)
    text = re.sub(r"\bB\(([^()]*)\)", r"**\1**", text)
    text = re.sub(r"\bI\(([^()]*)\)", r"*\1*", text)
    text = re.sub(r"\bL\(([^()]*), *([^()]*)\)", r"[\1](\2)", text)
    text = re.sub(r"\bU\(([^()]*)\)", r"<\1>", text)
    return re.sub(r"\bM\(([^()]*)\)", r"`\1`", text)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def value(default: Any) -> str:
    """A value as one would write it on one line of YAML."""
    text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return text.removesuffix("\n...").strip()


def default_of(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    # A group's default is the defaults of its options, which have rows of their own.
    if "default" not in option or (option.get("options") and option["default"]):
        return ""
    return f"`{value(option['default'])}`"


def type_of(option: dict[str, Any]) -> str:
    kind = option.get("type", "str")
    return f"{kind} of {option['elements']}" if option.get("elements") else kind


def description_of(option: dict[str, Any]) -> str:
    description = option.get("description", "")
    text = " ".join(description) if isinstance(description, list) else description
    if option.get("choices"):
        text += " One of " + ", ".join(f"`{value(choice)}`" for choice in option["choices"]) + "."
    return plain(text)


def rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for name, option in options.items():
        path = prefix + name
        cells = [f"`{path}`", type_of(option), default_of(option), description_of(option)]
        lines.append("| " + " | ".join(cell(text) for text in cells) + " |\n")
        inner = path + ("[]." if option.get("type") == "list" else ".")
        lines += rows(option.get("options") or {}, inner)
    return lines


def tables(specs: dict[str, Any]) -> str:
    """One table for each entry point, or one for those that take the same options."""
    groups: list[tuple[list[str], dict[str, Any]]] = []
    for name, spec in specs.items():
        options = spec.get("options") or {}
        for names, known in groups:
            if known == options:
                names.append(name)
                break
        else:
            groups.append(([name], options))
    parts = []
    for names, options in groups:
        body = HEADER + "".join(rows(options)) if options else "No options.\n"
        if len(groups) > 1:
            body = f"### {', '.join(f'`{name}`' for name in names)}\n\n{body}"
        parts.append(body)
    return "\n".join(parts)


def readme_with_table(text: str, specs: dict[str, Any]) -> str:
    head, heading, _rest = text.partition(HEADING)
    if not heading:
        head = text.rstrip("\n") + "\n\n"
    return f"{head}{HEADING}\n{tables(specs)}"


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    stale = []
    for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        readme = path.parents[1] / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.exists() else f"# {path.parents[1].name}\n"
        wanted = readme_with_table(text, yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"])
        if wanted == text and readme.exists():
            continue
        stale.append(str(readme.relative_to(ROLES.parent)))
        if not check:
            readme.write_text(wanted, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'run python scripts/generate.py' if check else 'written'}")
    return 1 if check and stale else 0
