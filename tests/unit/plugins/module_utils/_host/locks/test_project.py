# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source is: a package, or code that runs from where it lies."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.project import Project
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import lock_of

POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
NAMED = '[project]\nname = "my-site"\nversion = "1"\n'


@pytest.mark.parametrize("files, expected", [
    ({}, False), ({"setup.py": ""}, True), ({"pyproject.toml": "[tool.black]\n"}, False), ({"pyproject.toml": SETUPTOOLS + NAMED}, True),
    ({"pyproject.toml": SETUPTOOLS + "[tool.black]\n"}, False), ({"pyproject.toml": SETUPTOOLS, "setup.cfg": "[metadata]\n"}, True),
    ({"pyproject.toml": SETUPTOOLS, "setup.cfg": "[flake8]\nmax-line-length = 120\n"}, False),
    ({"pyproject.toml": SETUPTOOLS + NAMED + "[tool.rye]\nvirtual = true\n"}, False), ({"pyproject.toml": SETUPTOOLS + NAMED + "[tool.rye]\n"}, True),
    ({"pyproject.toml": NAMED}, False), ({"pyproject.toml": SETUPTOOLS + NAMED + "[tool.uv]\npackage = false\n"}, False),
    ({"pyproject.toml": NAMED + "[tool.uv]\npackage = true\n"}, True),
    ({"pyproject.toml": POETRY + NAMED, "app/main.py": ""}, False), ({"pyproject.toml": POETRY + NAMED, "my_site/__init__.py": ""}, True),
    ({"pyproject.toml": POETRY + NAMED, "src/my_site/__init__.py": ""}, True), ({"pyproject.toml": POETRY + NAMED, "my_site.py": ""}, True),
    ({"pyproject.toml": POETRY + '[tool.poetry]\nname = "My.Site"\npackages = [{include = "app"}]\n', "app/main.py": ""}, True),
    ({"pyproject.toml": POETRY + '[tool.poetry]\nname = "x"\n', "app/main.py": ""}, False),
    ({"pyproject.toml": POETRY + '[tool.poetry]\nname = "x"\npackage-mode = false\n', "x/main.py": ""}, False),
])
def test_is_it_a_package(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert Project(str(tmp_path), str(tmp_path)).is_package is expected


@pytest.mark.parametrize("name, text, expected", [
    (".python-version", "3.12\n", "3.12"), (".python-version", "# ours\ncpython-3.12.8\n", "3.12.8"), ("runtime.txt", "python-3.11.9\n", "3.11.9"),
    (".python-version", "pypy3.10\n", None), ("runtime.txt", "", None),
])
def test_the_python_that_a_file_asks_for(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    assert Project(str(tmp_path), str(tmp_path)).wanted_python() == ((name, expected) if expected else None)


def test_groups_alone_need_a_lock(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\nproduction = ["flask"]\n')
    lock_of(str(tmp_path), None).check([], [])
    with pytest.raises(BuildError, match=r"^dependencies.groups has 'production', but the source has neither a lock nor .*: run uv lock in the project and "):
        lock_of(str(tmp_path), None).check(["production"], [])
    (tmp_path / "uv.lock").write_text("version = 1\n")
    lock_of(str(tmp_path), None).check(["production"], [])


@pytest.mark.parametrize("tool, file, name", [
    ("[tool.rye]\nmanaged = true\n", None, "requirements.lock"), ("", None, "requirements.txt"), ("", "requirements.lock", "requirements.lock"),
    ("", "requirements-dev.lock", "requirements-dev.lock"),
])
def test_what_rye_locks(tmp_path, tool, file, name):
    """Others call the output of pip-compile like that, beside what it is made from."""
    (tmp_path / "pyproject.toml").write_text(SETUPTOOLS + NAMED + tool)
    for other in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / other).write_text("# by rye\n-e file:.\nflask==3.1.0\n")
    (tmp_path / "requirements.txt").write_text("flask\n")
    lock = lock_of(str(tmp_path), file)
    assert lock.name == name and (name == "requirements.txt" or lock.read.requirements == [".", "flask==3.1.0"])
