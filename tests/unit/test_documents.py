# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents for contributors name is there."""

from __future__ import annotations

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
