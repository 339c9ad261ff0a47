# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people install has what they use, and nothing of a checkout."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tarfile

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
TOPS = {"CHANGELOG.md", "CONTRIBUTING.md", "COPYING", "FILES.json", "MANIFEST.json", "README.md",
        "changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    build = [str(pathlib.Path(sys.executable).parent / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(CHECKOUT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (tarball,) = folder.glob("pyweb-stack-*.tar.gz")
    with tarfile.open(tarball) as archive:
        return archive.getnames()


def test_nothing_but_the_collection_is_in_it(names):
    assert {name.split("/")[0] for name in names} == TOPS
    assert [name for name in names if any(part.startswith(".") or part == "__pycache__" for part in name.split("/")) or name.endswith(".pyc")] == []
    assert [name for name in names if name.startswith("inventories/demo")] == []


def test_every_role_playbook_and_document_is_in_it(names):
    wanted = [str(path.relative_to(CHECKOUT)) for pattern in ("roles/*/tasks/main.yml", "playbooks/*.yml", "docs/**/*.md", "inventories/example/*.yml")
              for path in CHECKOUT.glob(pattern)]
    assert len(wanted) > 20 and set(wanted) <= set(names)
