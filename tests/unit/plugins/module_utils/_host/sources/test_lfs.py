# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that Git LFS keeps elsewhere."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources import lfs

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
RULE = "*.png filter=lfs diff=lfs merge=lfs -text\n"


@pytest.mark.parametrize("files, expected", [
    ({".gitattributes": RULE, "img/logo.png": POINTER, "img/deep/b.png": POINTER, "img/real.png": "PNG"}, ["img/deep/b.png", "img/logo.png"]),
    ({"img/.gitattributes": RULE, "img/logo.png": POINTER, "docs/pointer.txt": POINTER}, ["img/logo.png"]),
    ({".gitattributes": "* text=auto\n", "docs/pointer.txt": POINTER}, []),
    ({".gitattributes": RULE, "node_modules/x/logo.png": POINTER}, []),
])
def test_pointers_are_told(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(lfs.pointers(str(tmp_path))) == expected and set(lfs.pointers(str(tmp_path), part=True)) >= set(expected)
    notes = lfs.note(str(tmp_path))
    assert bool(notes) is bool(expected)
    if len(expected) == 1:
        assert notes[0].startswith("img/logo.png is only a pointer of Git LFS in this source: deploy a checkout that has run git lfs pull")
    elif expected:
        assert " and 1 more are only a pointer" in notes[0]


def test_the_rule_may_lie_above_a_part_of_a_repository(tmp_path):
    (tmp_path / "logo.png").write_text(POINTER)
    assert lfs.note(str(tmp_path)) == [] and lfs.note(str(tmp_path), part=True)[0].startswith("logo.png is only a pointer of Git LFS")
