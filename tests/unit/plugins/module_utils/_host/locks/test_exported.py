# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that the tool reads which made them."""

from __future__ import annotations

import os
import tomllib

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import Wanted
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import lock_of

PYTHON = "/opt/pyweb/python/cpython-3.12.8-linux/bin/python3"


class Tools:
    """Notes what is called, in which environment."""

    def __init__(self, home, printed="six==1.17.0\n"):
        self.home = str(home)
        self.uv_env = {"PATH": "/usr/bin"}
        self.printed = printed
        self.calls = []
        self.copies = []

    def uvx(self, packages):
        return ["uvx", *packages]

    def run(self, argv, what, cwd=None, hint="", env=None):
        self.calls.append((argv, env))
        if os.path.exists(f"{cwd}/pyproject.toml"):
            with open(f"{cwd}/pyproject.toml", "rb") as file:
                self.copies.append(tomllib.load(file))
        return self.printed


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


@pytest.mark.parametrize("ties", [
    "requires-poetry = '>=2.1,<2.2'\nrequires-plugins = {poetry-plugin-up = '>=0.9'}\n", "requires-poetry = '==2.0.1'  # since March\r\n",
    "[tool.poetry.requires-plugins]\npoetry-plugin-up = '>=0.9'\npoetry-monoranger-plugin = '*'\n",
])
def test_the_version_of_poetry_that_a_project_asks_for_is_for_those_who_lock(tmp_path, ties):
    text = f"[tool.poetry]\nname = 'shop'\n{ties}[tool.poetry.dependencies]\npython = '^3.11'\n"
    (tmp_path / "poetry.lock").write_text("")
    (tmp_path / "pyproject.toml").write_bytes(text.encode())
    tools = Tools(tmp_path)
    lock_of(str(tmp_path), None).text(tools, Wanted([], [], PYTHON, []))
    assert tools.copies == [{"tool": {"poetry": {"name": "shop", "dependencies": {"python": "^3.11"}}}}]
    assert (tmp_path / "pyproject.toml").read_bytes() == text.encode(), "the source stays as it is"


@pytest.mark.parametrize("line, expected", [
    ("-e git+https://git.example.com/lib.git@v1#egg=lib", "lib @ git+https://git.example.com/lib.git@v1"),
    ("-e git+ssh://git@git.example.com/lib.git@v1#egg=lib&subdirectory=py; python_version > '3'",
     "lib @ git+ssh://git@git.example.com/lib.git@v1#subdirectory=py; python_version > '3'"),
    ("-e ./lib", "-e ./lib"), ("-e ./lib#egg=lib; python_version > '3'", "-e ./lib; python_version > '3'"),
    ("lib@ git+https://git.example.com/lib.git@v1", "lib@ git+https://git.example.com/lib.git@v1"),
])
def test_a_repository_that_is_locked_as_editable(tmp_path, line, expected):
    (tmp_path / "Pipfile.lock").write_text('{"default": {}}')
    assert lock_of(str(tmp_path), None).text(Tools(tmp_path, f"{line}\nsix==1.17.0\n"), Wanted([], [], PYTHON, [])) == f"{expected}\nsix==1.17.0\n"


@pytest.mark.parametrize("files", [
    {"Pipfile.lock": '{"_meta": {"sources": []}, "default": {"lib": {"git": "URL", "ref": "1a2b"}, "six": {"version": "==1.17.0"}}}', "Pipfile": ""},
    {"poetry.lock": "[[package]]\nname = 'six'\n[[package]]\nname = 'lib'\n[package.source]\ntype = 'git'\nurl = 'URL'\n",
     "pyproject.toml": "[tool.poetry]\n"},
    {"pdm.lock": "[[package]]\nname = 'six'\n[[package]]\nname = 'lib'\ngit = 'URL'\n", "pyproject.toml": "[project]\nname = 'shop'\n"},
], ids=["pipenv", "poetry", "pdm"])
@pytest.mark.parametrize("url, logins", [
    ("https://${TOKEN}@git.example.com/lib.git", ["https://${TOKEN}@git.example.com/lib.git"]),
    ("https://git.example.com/lib.git", []), ("ssh://git@git.example.com/lib.git", []),
])
def test_a_repository_with_a_token_in_its_address(tmp_path, files, url, logins):
    for name, text in files.items():
        (tmp_path / name).write_text(text.replace("URL", url))
    lock = lock_of(str(tmp_path), None)
    assert lock.logins() == logins and ["repositories", "installable"] in lock.material()


class OldUv(Tools):
    places = {}

    def uv(self, *arguments, what, **dummy):
        self.calls.append(arguments)
        if "--no-annotate" in arguments:
            raise BuildError(f"{what} failed (exit status 2).\nerror: unexpected argument '--no-annotate' found")
        return self.printed


def test_a_project_that_asks_for_an_old_uv(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n[tool.uv]\nrequired-version = '<0.6'\n")
    (tmp_path / "uv.lock").write_text("version = 1\n")
    assert lock_of(str(tmp_path), None).text(OldUv(tmp_path), Wanted([], [], PYTHON, [])) == "six==1.17.0\n"


class Beside(Tools):
    def run(self, argv, what, cwd=None, hint="", env=None):
        assert os.path.isfile(f"{cwd}/../lib/pyproject.toml") and os.path.isdir(f"{cwd}/own") and not os.path.islink(cwd)
        return f"lib @ file://{os.path.normpath(f'{cwd}/../lib')} ; python_version > '3'\nown @ file://{cwd}/own\nsix==1.17.0\n"


@pytest.mark.parametrize("folder", ["api", "services/api"])
def test_a_tool_finds_what_lies_beside_the_project(tmp_path, folder):
    source = tmp_path / "source"
    for name in (f"{folder}/own/x", f"{folder}/../lib/pyproject.toml", f"{folder}/poetry.lock", "other/x"):
        (source / os.path.normpath(name)).parent.mkdir(parents=True, exist_ok=True)
        (source / os.path.normpath(name)).write_text("")
    (source / folder / "pyproject.toml").write_text("[tool.poetry]\n")
    text = lock_of(str(source), f"{folder}/poetry.lock").text(Beside(tmp_path), Wanted([], [], PYTHON, []))
    assert text == "../lib ; python_version > '3'\n./own\nsix==1.17.0\n"


class Pdm(Tools):
    def run(self, argv, what, cwd=None, hint="", env=None):
        if "export" in argv and "--no-hashes" not in argv:
            raise BuildError(f"{what} failed (exit status 1).\n[PdmUsageError]: Hash is not available for '-e ../lib#egg=lib', "
                             "please export with `--no-hashes` option.")
        return f"# by PDM\n-e file://{cwd}/../lib#egg=lib\nSix[x]==1.17.0; python_version >= '3.8'\n"


def test_a_path_in_a_lock_of_pdm_costs_the_others_no_hashes(tmp_path):
    for name in ("api", "lib"):
        (tmp_path / name).mkdir()
    (tmp_path / "api/pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (tmp_path / "api/pdm.lock").write_text(
        "[[package]]\nname = 'six'\nversion = '1.17.0'\nfiles = [{file = 'a', hash = 'sha256:aa'}, {file = 'b', hash = 'sha256:bb'}]\n"
        "[[package]]\nname = 'lib'\nversion = '1'\npath = '../lib'\n")
    text = lock_of(str(tmp_path), "api/pdm.lock").text(Pdm(tmp_path), Wanted([], [], PYTHON, []))
    assert text == ("# by PDM\n-e ./../lib\nSix[x]==1.17.0; python_version >= '3.8' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")
