# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The git repository and the packages that the scenario environments deploys.

    environments.py DIRECTORY

writes DIRECTORY/packages and DIRECTORY/environments.bundle, with a tag for each way of saying what is needed. All of them
need alpha 1.0 (and so beta); the extra color adds gamma; the group prod adds delta.
The locks are made here and now, with an index on this machine at the address that the hosts know it by.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import index
from repositories import Repository

PORT = 8765
INDEX = f"http://127.0.0.1:{PORT}/simple"
# The versions that plugins/module_utils/_host/environments/environment.py takes.
POETRY = ["--from", "poetry==2.5.1", "poetry"]
PDM = ["--from", "pdm[locked]==2.29.3", "pdm"]
PIPENV = ["--from", "pipenv==2026.10.3", "pipenv"]

APP = """import importlib.util, json


def found():
    names = ("alpha", "beta", "gamma", "delta", "charlie", "lib", "shop")
    return {name: getattr(importlib.import_module(name), "VERSION", "?") for name in names if importlib.util.find_spec(name)}


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found()).encode()]
"""
PROJECT = """[project]
name = "shop"
version = "1"
requires-python = ">=3.9"
dependencies = ["alpha<2"]

[project.optional-dependencies]
color = ["gamma"]

[dependency-groups]
prod = ["delta"]
dev = ["gamma"]
"""
SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["shop"]
"""
OURS = f'\n[[tool.uv.index]]\nname = "ours"\nurl = "{INDEX}"\n'
WORKSPACE = PROJECT.replace('"alpha<2"', '"alpha<2", "lib"') + SETUPTOOLS + OURS + """
[tool.uv.workspace]
members = ["packages/*"]

[tool.uv.sources]
lib = {workspace = true}
"""
LIB = '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["beta"]\n' + SETUPTOOLS.replace('"shop"', '"lib"')
SOURCE = f'\n[[tool.NAME.source]]\nname = "ours"\nurl = "{INDEX}/"\n'
POETRY_PROJECT = PROJECT.split("[dependency-groups]", maxsplit=1)[0].replace(">=3.9", ">=3.11") + """[tool.poetry]
package-mode = false

[tool.poetry.group.prod.dependencies]
delta = "*"

[tool.poetry.group.dev.dependencies]
gamma = "*"
""" + SOURCE.replace("NAME", "poetry")
PIPFILE = f"""[[source]]
url = "{INDEX}"
verify_ssl = true
name = "pypi"

[packages]
alpha = "<2"

[dev-packages]
gamma = "*"

[prod]
delta = "*"
"""
SHOP = {"shop/__init__.py": 'VERSION = "one"\n'}


def tags(digests: dict[str, str]) -> dict[str, dict[str, str]]:
    """tag: the files that it has besides app.py."""
    hashes = "".join(f"{name} \\\n    --hash=sha256:{digests[name]}\n" for name in ("alpha==1.0", "beta==1.0"))
    return {
        "nothing": {},
        "uv": {"pyproject.toml": WORKSPACE, "packages/lib/pyproject.toml": LIB, "packages/lib/lib/__init__.py": 'VERSION = "one"\n', **SHOP},
        "uv-two": {"shop/__init__.py": 'VERSION = "two"\n'},
        "uv-stale": {"pyproject.toml": WORKSPACE.replace('"lib"]', '"lib", "gamma"]')},
        "pylock": {"pyproject.toml": PROJECT + SETUPTOOLS, **SHOP},
        "poetry": {"pyproject.toml": POETRY_PROJECT},
        "poetry-stale": {"pyproject.toml": POETRY_PROJECT.replace("alpha<2", "alpha")},
        "pdm": {"pyproject.toml": PROJECT + SOURCE.replace("NAME", "pdm")},
        "pdm-stale": {"pyproject.toml": PROJECT.replace("alpha<2", "alpha") + SOURCE.replace("NAME", "pdm")},
        "pipenv": {"Pipfile": PIPFILE},
        "pipenv-stale": {"Pipfile": PIPFILE.replace('"<2"', '"*"')},
        "hashes": {"requirements.txt": hashes},
        "wrong-hash": {"requirements.txt": hashes.replace(digests["beta==1.0"], "0" * 64)},
        "production": {"requirements.txt": "gamma\n", "requirements/production.txt": "-r base.txt\ndelta\n", "requirements/base.txt": "alpha<2\n"},
        "project": {"pyproject.toml": PROJECT + SETUPTOOLS, **SHOP},
        "setup": {"setup.py": 'from setuptools import setup\nsetup(name="shop", version="1", packages=["shop"], install_requires=["alpha<2"], '
                              'extras_require={"color": ["gamma"]})\n', **SHOP},
        "native": {"requirements.txt": "charlie\n"},
        "header": {"requirements.txt": "foxtrot\n"},
        "missing": {"requirements.txt": "alpha\nno-such-package==3.1\n"},
    }


# These have the lock of the one before.
KEPT = ("uv-two", "uv-stale", "poetry-stale", "pdm-stale", "pipenv-stale")


def lock(tag: str, folder: str, home: str) -> None:
    uv = str(pathlib.Path(sys.executable).with_name("uv"))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))} | {
        "HOME": home, "UV_SYSTEM_CERTS": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "POETRY_VIRTUALENVS_CREATE": "false",
        "PDM_CHECK_UPDATE": "0", "PDM_IGNORE_ACTIVE_VENV": "1", "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_NOSPIN": "1",
    }

    def run(*arguments: str) -> None:
        subprocess.run([uv, *arguments], cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)

    tool = ("tool", "run", "--quiet", "--python", sys.executable)
    if tag == "uv":
        run("lock", "--quiet", "--python", sys.executable)
    elif tag == "pylock":
        env["UV_INDEX"] = INDEX
        run("lock", "--quiet", "--python", sys.executable)
        run("export", "--quiet", "--frozen", "--format", "pylock.toml", "--all-extras", "--output-file", "pylock.toml")
        os.unlink(f"{folder}/uv.lock")
    elif tag == "poetry":
        run(*tool, *POETRY, "lock")
    elif tag == "pdm":
        run(*tool, *PDM, "lock", "--group", ":all")
    elif tag == "pipenv":
        run(*tool, *PIPENV, "lock")


def main(directory: pathlib.Path) -> None:
    store = directory / "packages"
    digests = index.packages(store)
    server = index.serve(str(store), PORT)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        repository = Repository(pathlib.Path(folder))
        for tag, files in tags(digests).items():
            for entry in pathlib.Path(folder).iterdir():
                if entry.name != ".git" and tag not in KEPT:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            for name, text in {"app.py": APP, **files}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            lock(tag, folder, home)
            for leftover in (".venv", ".pdm-python"):
                path = pathlib.Path(folder, leftover)
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            repository.commit(tag)
            if tag == "nothing":
                repository.git("checkout", "--quiet", "--detach")
        repository.bundle(directory / "environments.bundle")
    server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: environments.py DIRECTORY")
    main(pathlib.Path(sys.argv[1]))
