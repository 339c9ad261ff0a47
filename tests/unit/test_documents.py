# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents for contributors name is there."""

from __future__ import annotations

import importlib.util
import pathlib
import re

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["CONTRIBUTING.md", "README.md", *sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("docs/**/*.md"))]
FOR_CONTRIBUTORS = ["CONTRIBUTING.md", "docs/architecture.md"]
TOP = "plugins|roles|playbooks|docs|scripts|tests|molecule|changelogs|examples|inventories|meta"


def places(text):
    """Paths of the checkout between backticks; _host/ stands for the package of this name."""
    for found in re.findall(rf"`((?:_host|\.config|{TOP})/[\w./-]*)`", text):
        yield found.replace("_host/", "plugins/module_utils/_host/", 1) if found.startswith("_host/") else found


@pytest.mark.parametrize("document", FOR_CONTRIBUTORS)
def test_every_path_exists(document):
    named = list(places((CHECKOUT / document).read_text(encoding="utf-8")))
    assert len(named) > 10 and [path for path in named if not (CHECKOUT / path).exists()] == []


@pytest.mark.parametrize("document", FOR_CONTRIBUTORS)
def test_every_make_target_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)`", (CHECKOUT / document).read_text(encoding="utf-8"))) <= targets


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        path = (CHECKOUT / document).parent / target if target else CHECKOUT / document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_between_angle_brackets_is_shown(document):
    """Outside of code, <name> would be a tag, which nobody sees."""
    text = re.sub(r"^ *```.*?^ *```|``.+?``|`[^`]+`", "", (CHECKOUT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r".*<[a-z].*", text) == []


def test_what_is_promised_is_shown_by_tests_that_exist():
    for document, least in (("guarantees", 19), ("twelve-factors", 12)):
        text = (CHECKOUT / "docs" / f"{document}.md").read_text(encoding="utf-8")
        table = re.findall(r"^\|(?!---)(.+)\|$", text, re.MULTILINE)
        assert len(table) > least and table[0].endswith("| Shown by ")
        for row in table[1:]:
            shown = re.findall(r"\[`(test_\w+)`\]\(\.\./([\w./]+)\)", row.rpartition(" | ")[2])
            assert shown, row
            for name, path in shown:
                assert f"\ndef {name}(" in (CHECKOUT / path).read_text(encoding="utf-8"), f"{path} has no {name}"


def test_tables_and_what_is_printed_fit_a_phone():
    """The site's pages say what docs/assets/site.css needs: what the cells of wide tables are, and which blocks have columns."""
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("docs_site", CHECKOUT / "scripts" / "docs_site.py")
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    body = "<tbody>\n<tr>\n<td><code>env</code></td>\n<td></td>\n<td>Set.</td>\n</tr>\n</tbody>"
    wide = f"<table>\n<thead>\n<tr>\n<th>Option</th>\n<th></th>\n<th><code>&lt;name&gt;</code> may</th>\n</tr>\n</thead>\n{body}\n</table>"
    made = site.on_page_content(wide, None, None, None)
    assert made == wide.replace("<table>", '<table data-columns="3">').replace("<td>Set", '<td data-label="&lt;name&gt; may">Set')
    narrow = wide.replace("<th></th>\n", "").replace("<td></td>\n", "")
    assert site.on_page_content(narrow, None, None, None) == narrow
    block = '<div class="language-text highlight"><pre><span></span><code>{}\n</code></pre></div>'
    command, columns = block.format("pip install ansible\n  --quiet"), block.format("WELL  HOST\nyes   web1")
    assert site.on_page_content(command + columns, None, None, None) == command + columns.replace("highlight", "highlight columns")


LICENCE = """# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
# What is deployed in tests is somebody's application, and no part of the collection.
APPLICATIONS = ("examples", "tests/apps")


def test_every_python_file_has_the_same_licence_header():
    files = [path for top in ("plugins", "scripts", "tests", "molecule") for path in sorted((CHECKOUT / top).rglob("*.py"))]
    ours = [path for path in files if not str(path.relative_to(CHECKOUT)).startswith(APPLICATIONS) and not path.is_symlink()]
    without = [str(path.relative_to(CHECKOUT)) for path in ours
               if not re.sub(r"\A#!.*\n", "", path.read_text(encoding="utf-8")).startswith(LICENCE)]
    assert len(ours) > 100 and without == [], f"they have to begin with\n{LICENCE}"
