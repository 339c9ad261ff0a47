# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that the tool reads which made them."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import lock_of

PYTHON = "/opt/pyweb/python/cpython-3.12.8-linux/bin/python3"


class Tools:
    """Notes what is called, in which environment."""

    def __init__(self, home):
        self.home = str(home)
        self.uv_env = {"PATH": "/usr/bin"}
        self.calls = []

    def uvx(self, packages):
        return ["uvx", *packages]

    def run(self, argv, what, cwd=None, hint="", env=None):
        self.calls.append((argv, env))
        return "six==1.17.0\n"


@pytest.mark.parametrize("files", [{"poetry.lock": "", "pyproject.toml": "[tool.poetry]\n"}, {"pdm.lock": "", "pyproject.toml": "[tool.pdm]\n"},
                                   {"Pipfile.lock": '{"default": {}}', "Pipfile": ""}])
def test_tools_find_the_interpreter_of_the_application_first(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    tools = Tools(tmp_path)
    assert lock_of(str(tmp_path), None).text(tools, Wanted([], [], PYTHON, [])) == "six==1.17.0\n"
    assert tools.calls and all(env["PATH"] == f"{os.path.dirname(PYTHON)}:/usr/bin" for dummy, env in tools.calls)


def test_pdm_takes_the_interpreter_of_the_application_and_downloads_none(tmp_path):
    (tmp_path / "pdm.lock").write_text("")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    tools = Tools(tmp_path)
    lock_of(str(tmp_path), None).text(tools, Wanted([], [], PYTHON, []))
    assert len(tools.calls) == 2
    for dummy, env in tools.calls:
        assert env["PDM_PYTHON"] == PYTHON
        # Where it would put one; uv, which starts it, has another place.
        assert not os.path.isdir(env["XDG_DATA_HOME"]) and env["UV_TOOL_DIR"].startswith(f"{tmp_path}/")
