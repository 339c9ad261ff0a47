# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds to the site of the documentation what lies outside of docs/ or is made from the collection; MkDocs calls it, see mkdocs.yml.

The READMEs of the roles, CONTRIBUTING.md and CHANGELOG.md become pages as they are. The pages below reference/ are made by
scripts/docs_reference.py. Links are those of the checkout, as every reader of the files has them; here they become links to pages, and
what is no page leads to the repository.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "scripts"))

import docs_reference  # noqa: E402

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)(#[^)\s]+)?(?=\))")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
HEADING = re.compile(r"<th[^>]*>(.*?)</th>", re.DOTALL)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
CELL = re.compile(r"<td>")
PICTURE = re.compile(r"<p>(?=<img [^>]*release\.svg)")
TAG = re.compile(r"<[^>]+>")
# What a command prints in columns; commands themselves are wrapped.
OUTPUT = re.compile(r'<div class="language-text highlight">(?=<pre>(?:(?!</pre>).)*?\S {2,}\S)', re.DOTALL)


def outside() -> dict[str, str]:
    """Files of the checkout that are pages, though they are not in docs/: their path, and that of the page."""
    roles = {f"roles/{path.parent.name}/README.md": f"roles/{path.parent.name}.md" for path in sorted(CHECKOUT.glob("roles/*/README.md"))}
    return {**roles, "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def page_of(path: str) -> str | None:
    """The page that shows a file of the checkout; None where none does."""
    if path == "README.md":
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else outside().get(path)


def file_of(page: str) -> str:
    return next((path for path, its in outside().items() if its == page), f"docs/{page}")


def linked(text: str, page: str, repository: str) -> str:
    """C(text) of a page, with links that lead to pages, or to the repository. Code is left alone."""
    folder = posixpath.dirname(file_of(page))

    def replaced(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found[1]))
        where = page_of(target)
        if where is None:
            if not (CHECKOUT / target).exists():
                return found[0]  # MkDocs complains
            return f"{repository}/{'tree' if (CHECKOUT / target).is_dir() else 'blob'}/main/{target}{found[2] or ''}"
        return posixpath.relpath(where, posixpath.dirname(page) or ".") + (found[2] or "")

    parts = FENCE.split(text)
    codes = [*FENCE.findall(text), ""]
    return "".join(LINK.sub(replaced, part) + code for part, code in zip(parts, codes, strict=True))


def on_files(files: Files, config: Any) -> Files:
    for path, page in outside().items():
        files.append(File.generated(config, page, content=(CHECKOUT / path).read_text(encoding="utf-8")))
    for page, text in docs_reference.pages(CHECKOUT).items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    return linked(markdown, page.file.src_uri, config.extra["social"][0]["link"])


def labelled(table: str) -> str:
    """A table of more than two columns as phones show it, row by row: each cell but the first, which the row is about, has its column's heading."""
    headings = [TAG.sub("", heading) for heading in HEADING.findall(table)]
    if len(headings) < 3:
        return table
    labels = ["", *(f' data-label="{heading}"' if heading else "" for heading in headings[1:])]

    def row(found: re.Match[str]) -> str:
        left = iter(labels)
        return found[0] if "<th" in found[0] else CELL.sub(lambda _cell: f"<td{next(left)}>", found[0])

    return ROW.sub(row, table.replace("<table>", f'<table data-columns="{len(headings)}">'))


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    html = OUTPUT.sub('<div class="language-text highlight columns">', html)
    # On a phone it is scrolled, by keyboard as well.
    html = PICTURE.sub('<p tabindex="0">', html)
    return TABLE.sub(lambda found: labelled(found[0]), html)
