# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of a project that takes it from git tags."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import from_describe, from_file


@pytest.mark.parametrize("text, expected", [
    ("v1.2.0-0-g1a2b3c4\n", "1.2.0"), ("1.2.0", "1.2.0"), ("v1.2.0-3-g1a2b3c4", "1.2.1.dev3+g1a2b3c4"), ("shop-2.0-0-gabc", "2.0"),
    ("shop/v2.0-1-gabc", "2.1.dev1+gabc"),
    ("v2.0rc1-2-gabc", "2.0rc1.dev2+gabc"), ("v1.9-0-gabc-dirty", "1.10.dev0+gabc.dirty"), ("stable-4-gabc", None), ("", None), ("0.0-4-gabc", "0.1.dev4+gabc"),
])
def test_what_git_describe_says(text, expected):
    assert from_describe(text) == expected


@pytest.mark.parametrize("name, expected", [
    ("shop-1.2.0.tar.gz", "1.2.0"), ("v1.2.0.zip", "1.2.0"), ("my-shop-1.2.0rc1.tgz", "1.2.0rc1"), ("shop.tar.gz", None), ("main.zip", None),
    ("shop-py3-1.4.tar", "1.4"),
])
def test_what_an_archive_is_called(name, expected):
    assert from_file(name) == expected
