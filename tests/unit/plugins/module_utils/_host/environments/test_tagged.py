# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of build backends that make a version up."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.tagged import guessed, unversioned


@pytest.mark.parametrize("requires, settings, told", [
    (["setuptools", "setuptools_git_versioning>=2,<3"], {"enabled": True}, True),
    (["setuptools-git-versioning"], {"enabled": True, "version_file": "VERSION"}, False),
    (["setuptools-scm>=8"], {}, False),
])
def test_a_version_that_is_made_up_is_told(requires, settings, told):
    notes = guessed("lib", {"build-system": {"requires": requires}, "tool": {"setuptools-git-versioning": settings}})
    assert [note.partition(":")[0] for note in notes] == (["the project lib was built without its right version"] if told else [])
    assert guessed("lib", {}) == []


@pytest.mark.parametrize("installed, told", [
    (["shop-0+unknown.dist-info", "flask-3.1.0.dist-info"], ["shop"]), (["shop-0+unknown.g1a2b3c4.dirty.dist-info"], ["shop"]),
    (["shop-1.2.0.dist-info", "unknown-1.0.dist-info"], []), ([], []),
])
def test_a_project_without_a_version_is_told(tmp_path, installed, told):
    for name in installed:
        (tmp_path / "lib/python3.13/site-packages" / name).mkdir(parents=True)
    notes = unversioned(str(tmp_path))
    assert [note.partition(" was built as version 0+unknown: ")[0] for note in notes] == [f"the project {name}" for name in told]
