# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts keep what Python compiles of archives; what runs is the archive's source all the same."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

COMPILED = Path(__file__).resolve().parents[2] / "molecule" / "image" / "compiled.py"
# Each import in a process of its own, as each task is.
LOOK = """
import sys
sys.path.insert(0, sys.argv[1])
import compiled
compiled.keep(sys.argv[2])
sys.path.insert(0, sys.argv[3])
import shop
print(shop.VALUE, shop.value.__code__.co_filename)
"""


@pytest.fixture
def look(tmp_path):
    """What a module of an archive is worth, and where its code says that it comes from."""

    def look(value, name, folder="kept"):
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("shop.py", f"VALUE = {value}\n\n\ndef value():\n    return VALUE\n")
        argv = [sys.executable, "-B", "-c", LOOK, COMPILED.parent, tmp_path / folder, archive]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
        assert said[1] == f"{archive}/shop.py"
        return int(said[0])

    (tmp_path / "kept").mkdir()
    return look


def test_the_same_source_is_compiled_once_whatever_archive_it_is_in(look, tmp_path):
    assert look(1, "first") == 1
    (file,) = (tmp_path / "kept").iterdir()
    written = file.stat().st_mtime_ns
    assert look(1, "second") == 1
    assert [path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()] == [written]


def test_other_source_of_the_same_length_is_other_code(look, tmp_path):
    assert [look(value, "shop") for value in (1, 2, 1)] == [1, 2, 1]
    assert len(list((tmp_path / "kept").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"x", b"\xe3"], ids=["empty", "no code", "cut off"])
def test_what_cannot_be_read_is_compiled_anew(look, tmp_path, content):
    look(1, "shop")
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(content)
    assert look(1, "shop") == 1 and len(file.read_bytes()) > 1


def test_where_nothing_can_be_kept_it_is_compiled_as_ever(look):
    assert look(1, "shop", folder="gone") == 1
