# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real uv, with an index of our own."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment

sys.path.insert(0, str(pathlib.Path(__file__).parents[5] / "support"))

import index as packages  # noqa: E402

LOGIN = "deploy:correct%40horse"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    return folder, {
        f"{name}=={version}": packages.wheel(folder, name, version, requires)
        for name, version, requires in (*packages.WHEELS, ("server", "9.0", []))
    }


@pytest.fixture
def serve(index, serving):
    """The same packages at an address that asks for a password."""
    return f"{serving(packages.serve(str(index[0]), 0, LOGIN.replace('%40', '@')))}/simple"


@pytest.fixture
def bare_uv(tmp_path, monkeypatch):
    """An environment whose uv notes what it was called with."""
    real = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    assert real, "uv is in requirements.txt"
    log = tmp_path / "calls"
    script = tmp_path / "uv"
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(_environment, "UV", str(script))
    home = tmp_path / "srv/build"
    home.mkdir(parents=True)

    def uv(**params):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "UV_HTTP_RETRIES": "0"}
        environment = _environment.Environment(str(home), {"python": None, "server_packages": [], **params}, env)
        environment.python = lambda: (sys.executable, ".".join(str(part) for part in sys.version_info[:3]))
        return environment

    uv.calls = lambda: log.read_text().splitlines() if log.exists() else []
    uv.home = home
    return uv


@pytest.fixture
def uv(bare_uv, index):
    """One that finds its packages in a directory."""
    def uv(**params):
        environment = bare_uv(**params)
        environment.uv_env.update(UV_NO_INDEX="1", UV_FIND_LINKS=str(index[0]), UV_OFFLINE="1")
        return environment

    uv.calls, uv.home = bare_uv.calls, bare_uv.home
    return uv
