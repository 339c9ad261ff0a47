# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package comes from the index that the project names for it, and from no other one: with the real uv and two indexes that have the same names."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.indexes import _check_wheelhouse
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.settings import as_toml
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import lock_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import origins_in

import index as packages

PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["alpha", "gamma"]\n'


@pytest.fixture
def two(tmp_path, serving):
    """Addresses of the usual index, and of the company's, which has old copies of common packages besides its own."""
    wheels = {"usual": [("alpha", "2.0", ["beta"]), ("beta", "1.0", []), ("gamma", "9.0", []), ("gamma", "1.0", ["beta"])],
              "company": [("alpha", "0.1", []), ("gamma", "1.0", [])]}
    found = []
    for name, listed in wheels.items():
        (tmp_path / name).mkdir()
        for wheel in listed:
            packages.wheel(tmp_path / name, *wheel)
        found.append(f"http://{serving(packages.serve(str(tmp_path / name), 0))}/simple")
    return found


def project(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return str(folder)


def installed(source):
    """Versions, and what gamma depends on: the two files of version 1.0 differ in that."""
    (place,) = pathlib.Path(source, ".venv/lib").glob("python3*/site-packages")
    return {path.name.split("-")[0]: path.name.removesuffix(".dist-info").split("-")[1] for path in place.glob("*.dist-info")
            if path.name.split("-")[0] in ("alpha", "beta", "gamma")}, "Requires-Dist" in next(place.glob("gamma-*/METADATA")).read_text()


@pytest.mark.parametrize("locked", [False, True], ids=["no lock", "uv.lock"])
def test_an_explicit_index_has_what_is_assigned_to_it_and_nothing_else(bare_uv, two, tmp_path, locked):
    usual, company = two
    source = project(tmp_path / "source", PROJECT + '[tool.uv.sources]\ngamma = {index = "company"}\n'
                     f'[[tool.uv.index]]\nname = "company"\nurl = "{company}"\nexplicit = true\n')
    if locked:
        subprocess.run([_environment.UV, "lock", "--quiet"], cwd=source, check=True,
                       env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_DEFAULT_INDEX": usual})
    bare_uv(dependencies={"index": usual}).install(source)
    assert installed(source) == ({"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}, False)
    assert origins_in(pathlib.Path(source, ".venv/pyweb-lock.txt").read_text())["gamma"] == company
    # The next environment grows from this one, and gamma stays what it is.
    other = project(tmp_path / "other", pathlib.Path(source, "pyproject.toml").read_text().replace('"alpha", ', '"alpha==2.0", "beta", '))
    bare_uv(dependencies={"index": usual}).install(other)
    assert installed(other) == ({"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}, False)


def test_a_lock_is_kept_to_where_it_was_made(bare_uv, two, tmp_path):
    """Both have gamma 1.0, and the company's own index comes first for uv."""
    usual, company = two
    source = project(tmp_path / "source", PROJECT.replace('"gamma"', '"gamma<2"').replace('"alpha"', '"alpha>1"')
                     + f'[tool.uv]\nindex-strategy = "unsafe-best-match"\n[[tool.uv.index]]\nname = "company"\nurl = "{company}"\n')
    subprocess.run([_environment.UV, "lock", "--quiet"], cwd=source, check=True,
                   env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_DEFAULT_INDEX": usual})
    bare_uv(dependencies={"index": usual}).install(source)
    assert installed(source) == ({"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}, False)


@pytest.mark.parametrize("files, expected", [
    ({"poetry.lock": '[[package]]\nname = "Gamma"\n[package.source]\ntype = "legacy"\nurl = "https://a/simple"\n[[package]]\nname = "alpha"\n',
      "pyproject.toml": "[tool.poetry]\n"}, {"gamma": "https://a/simple"}),
    ({"Pipfile.lock": '{"_meta": {"sources": [{"name": "pypi", "url": "https://p"}, {"name": "a", "url": "https://a/simple"}]},'
                      ' "default": {"alpha": {"index": "pypi"}, "gamma": {"index": "a"}}}'}, {"gamma": "https://a/simple"}),
    ({"pylock.toml": 'packages = [{name = "gamma", index = "https://a/simple"}, {name = "alpha", index = "https://pypi.org/simple"}]'},
     {"gamma": "https://a/simple"}),
    ({"requirements.txt": "--extra-index-url https://a/simple\ngamma\n"}, {}),
])
def test_what_locks_say_of_the_origin(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert lock_of(str(tmp_path), None).origins() == expected


# --- what a project tells uv ------------------------------------------------------------------------------------------

BACKEND = """
import alpha, pathlib, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    assert alpha.VERSION == "1.0", f"built with alpha {alpha.VERSION}"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / "oldlib-1.0-py3-none-any.whl", "w") as archive:
        about = "oldlib-1.0.dist-info"
        for name, text in ((f"{about}/METADATA", "Metadata-Version: 2.1\\nName: oldlib\\nVersion: 1.0\\n"),
                           (f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"), (f"{about}/RECORD", "")):
            archive.writestr(name, text)
    return "oldlib-1.0-py3-none-any.whl"
"""


def test_limits_of_what_packages_are_built_with(bare_uv, tmp_path):
    wheels = tmp_path / "wheels"
    packages.packages(wheels)
    packages.sdist(wheels, "oldlib", {
        "backend.py": BACKEND, "pyproject.toml": '[build-system]\nrequires = ["alpha"]\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "PKG-INFO": "Metadata-Version: 2.2\nName: oldlib\nVersion: 1.0\n",
    })
    text = PROJECT.replace('["alpha", "gamma"]', '["oldlib"]')
    with pytest.raises(BuildError, match="built with alpha 2.0"):
        bare_uv(dependencies={"wheelhouse": str(wheels)}).install(project(tmp_path / "without", text))
    source = project(tmp_path / "source", text + '[tool.uv]\nbuild-constraint-dependencies = ["alpha<2"]\n')
    bare_uv(dependencies={"wheelhouse": str(wheels)}).install(source)
    assert list(pathlib.Path(source, ".venv/lib").glob("python3*/site-packages/oldlib-1.0.dist-info"))


def test_tables_for_uv():
    assert as_toml({"a b": ["x", True, 1, {"c": 'say "é"'}]}) == '{"a b" = ["x", true, 1, {"c" = "say \\"\\u00e9\\""}]}'


def test_the_uv_that_a_project_asks_for(bare_uv, tmp_path):
    """Another one than the host's, of the index; two projects may ask for different ones."""
    wheels = tmp_path / "wheels"
    packages.packages(wheels)
    for version in ("7.1.0", "7.2.0"):
        about = f"uv-{version}.dist-info"
        files = {f"uv-{version}.data/scripts/uv": f"#!/bin/sh\necho alpha=={'1.0' if version == '7.1.0' else '2.0'}\n",
                 f"{about}/METADATA": f"Metadata-Version: 2.1\nName: uv\nVersion: {version}\n",
                 f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", f"{about}/RECORD": ""}
        with packages.zipfile.ZipFile(wheels / f"uv-{version}-py3-none-any.whl", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    given = {"wheelhouse": str(wheels)}
    text = PROJECT.replace(', "gamma"', "") + '[tool.uv]\nrequired-version = "{}"\n'
    found = [bare_uv(dependencies=given).resolve(project(tmp_path / f"source{number}", text.format(wanted)))["text"]
             for number, wanted in enumerate(("7.1.0", "~=7.1,!=7.1.0"))]
    assert found == ["alpha==1.0\n", "alpha==2.0\n"]
    with pytest.raises(BuildError) as error:
        bare_uv(dependencies=given).resolve(project(tmp_path / "none", text.format("==8.*")))
    assert str(error.value).splitlines()[0] == (
        "the project asks for uv ==8.* (required-version in pyproject.toml or uv.toml), which is not this host's, and which no index gives: "
        "set python_uv.version of role python to a version that fits, or change required-version.")


def test_a_python_that_is_too_old(bare_uv, tmp_path):
    source = project(tmp_path / "source", PROJECT.replace(">=3.9", ">=3.99"))
    pathlib.Path(source, "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.99"\n[[package]]\nname = "shop"\n'
        'version = "1"\nsource = { virtual = "." }\n')
    with pytest.raises(BuildError,
                       match=r"the project needs Python >=3.99 \(requires-python\), but this is 3\.\d+\.\d+: set python to a version that fits"):
        bare_uv().resolve(source)


# --- what lies in the source ------------------------------------------------------------------------------------------

def test_wheels_of_the_source_are_installed(uv, index, tmp_path):
    files = {"plain": {"requirements.txt": "vendor/gamma-1.0-py3-none-any.whl\nbeta\n"},
             "elsewhere": {"requirements.txt": "./vendor/gamma-1.0-py3-none-any.whl ; sys_platform == 'nowhere'\n", "limits.txt": ""},
             "uv": {"pyproject.toml": PROJECT.replace('"alpha", ', "") + '[tool.uv.sources]\ngamma = {path = "vendor/gamma-1.0-py3-none-any.whl"}\n'}}
    for name, texts in files.items():
        source = tmp_path / f"source-{name}"
        (source / "vendor").mkdir(parents=True)
        (source / "vendor/gamma-1.0-py3-none-any.whl").write_bytes((index[0] / "gamma-1.0-py3-none-any.whl").read_bytes())
        for file, text in texts.items():
            (source / file).write_text(text)
        if name == "uv":
            subprocess.run([_environment.UV, "lock", "--quiet", "--offline"], cwd=source, check=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
        uv().install(str(source))
        assert bool(list(source.glob(".venv/lib/python3*/site-packages/gamma"))) is (name != "elsewhere"), name


@pytest.mark.parametrize("text", ["alpha\n", "alpha==1.0\n"])
def test_without_an_index_only_what_lies_in_the_source_is_taken(bare_uv, serve, index, tmp_path, text):
    """The index has another file by the same name, and for a version that is not said a newer one."""
    source = tmp_path / "source"
    (source / "vendor").mkdir(parents=True)
    packages.wheel(source / "vendor", "alpha", "1.0", ["mine"])
    packages.wheel(source / "vendor", "mine", "1.0", [])
    (source / "requirements.txt").write_text(f"--no-index\n--find-links vendor\n{text}")
    environment = bare_uv(server_packages=["server==9.0"], dependencies={"index": f"http://deploy:correct%40horse@{serve}"})
    environment.install(str(source))
    (place,) = source.glob(".venv/lib/python3*/site-packages")
    assert (place / "alpha-1.0.dist-info").is_dir() and (place / "mine-1.0.dist-info").is_dir()
    # The server is not the project's, and comes from the index as ever.
    assert (place / "server-9.0.dist-info").is_dir()


# --- the project itself -----------------------------------------------------------------------------------------------

SILENT = '''
import os, sys, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    version = os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION")
    if not version:
        sys.exit(SAID)
    with zipfile.ZipFile(f"{wheel_directory}/shop-{version}-py3-none-any.whl", "w") as archive:
        about = f"shop-{version}.dist-info"
        for name, text in ((f"{about}/METADATA", f"Metadata-Version: 2.1\\nName: shop\\nVersion: {version}\\n"),
                           (f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"), (f"{about}/RECORD", "")):
            archive.writestr(name, text)
    return f"shop-{version}-py3-none-any.whl"
'''
BUILT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "shop"\ndynamic = ["version"]\n'


def built(folder, said, more=""):
    source = project(folder, BUILT + more)
    pathlib.Path(source, "requirements.txt").write_text("beta\n")
    pathlib.Path(source, "backend.py").write_text(SILENT.replace("SAID", repr(said)))
    return source


@pytest.mark.parametrize("said", [
    "error: Multiple top-level packages discovered in a flat-layout: ['shop', 'media'].",
    "ValueError: Unable to determine which files to ship inside the wheel",
    "ValueError: No file/folder found for module shop",
])
def test_what_turns_out_to_be_no_package_runs_from_its_source(uv, tmp_path, said):
    environment = uv()
    source = built(tmp_path / "source", said)
    environment.install(source)
    assert list(pathlib.Path(source, ".venv/lib").glob("python3*/site-packages/beta")) and not list(pathlib.Path(source, ".venv/lib").rglob("shop*"))
    assert environment.notes == ["the project is no package, since its build backend finds none in it, and runs from the source as it is; "
                                 "package = false in [tool.uv] says so."]
    with pytest.raises(BuildError, match=r"^the project \. has scripts, but its build backend finds no package in it: say in its pyproject.toml"):
        uv().install(built(tmp_path / "scripts", said, '[project.scripts]\nshop = "shop:main"\n'))
    with pytest.raises(BuildError, match="^installing the project . failed"):
        uv().install(built(tmp_path / "other", "SyntaxError"))


def test_a_version_from_git_tags(uv, tmp_path):
    said = "LookupError: setuptools-scm was unable to detect version for /srv/shop."
    environment = uv()
    environment.version = "1.2.0"
    source = built(tmp_path / "source", said)
    environment.install(source)
    assert list(pathlib.Path(source, ".venv/lib").glob("python3*/site-packages/shop-1.2.0.dist-info"))
    # What the user has given counts.
    source = built(tmp_path / "given", said)
    environment = uv(build_env={"SETUPTOOLS_SCM_PRETEND_VERSION": "7.0"})
    environment.version = "1.2.0"
    environment.install(source)
    assert list(pathlib.Path(source, ".venv/lib").glob("python3*/site-packages/shop-7.0.dist-info"))
    with pytest.raises(BuildError, match=r"^the project \. takes its version from git tags, and this source has none: give it by build_env"):
        uv().install(built(tmp_path / "none", said))


def test_a_version_from_git_tags_where_code_says_what_is_needed(uv, tmp_path):
    """Without a list of requirements, uv asks the build backend for them, which asks for the version."""
    said = "RuntimeError: Unable to detect version control system. Checked: Git."
    source = project(tmp_path / "source", BUILT.replace('["version"]', '["version", "dependencies"]'))
    pathlib.Path(source, "backend.py").write_text(SILENT.replace("SAID", repr(said)))
    environment = uv()
    environment.version = "1.2.0"
    environment.install(source)
    assert list(pathlib.Path(source, ".venv/lib").glob("python3*/site-packages/shop-1.2.0.dist-info"))
    pathlib.Path(source, "pyproject.toml").write_text(pathlib.Path(source, "pyproject.toml").read_text() + 'description = "not locked yet"\n')
    with pytest.raises(BuildError, match=r"^the project \. takes its version from git tags, and this source has none: give it by build_env"):
        uv().resolve(source)


def test_a_backend_that_is_told_no_version_by_a_variable(uv, tmp_path):
    source = built(tmp_path / "source", "versioningit could not find a version for the project")
    backend = pathlib.Path(source, "backend.py")
    backend.write_text(backend.read_text().replace("SETUPTOOLS_SCM_PRETEND_VERSION", "NOTHING"))
    environment = uv()
    environment.version = "1.2.0"
    with pytest.raises(BuildError, match=r"^the project \. takes its version from git tags, .*: set default-version in \[tool.versioningit\]"):
        environment.install(source)


@pytest.mark.parametrize("dependencies, told", [('python = ">=3.11"\nflask = "^3.0"', True), ('python = ">=3.11"', False)])
def test_requirements_that_only_poetry_reads(uv, tmp_path, dependencies, told):
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(f"[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n{dependencies}\n")
    environment = uv()
    environment.install(str(source))
    assert [note.rpartition("; ")[2] for note in environment.notes] == (["run poetry lock and commit poetry.lock."] if told else [])


@pytest.mark.parametrize("file, remedy", [
    ("Pipfile", "run pipenv lock"), ("requirements.in", "pip-compile"), ("requirements/production.txt", "dependencies.file"),
    ("backend/requirements.txt", "dependencies.file"), ("environment.yaml", "for pip"), ("setup.cfg", "build-system"),
])
def test_a_file_that_looks_as_if_it_said_what_is_needed(uv, tmp_path, file, remedy):
    source = tmp_path / "source"
    (source / file).parent.mkdir(parents=True)
    (source / file).write_text("")
    environment = uv()
    environment.install(str(source))
    (note,) = environment.notes
    assert note.startswith(f"nothing is installed but what serves: {file} is not read") and remedy in note
    # One that says that there is nothing.
    (source / "requirements.txt").write_text("")
    environment = uv()
    shutil.rmtree(source / ".venv")
    environment.install(str(source))
    assert environment.notes == []


def test_a_python_that_a_file_of_the_source_asks_for(uv, tmp_path):
    environment = uv()
    source = project(tmp_path / "source", '[project]\nname = "shop"\nversion = "1"\n')
    pathlib.Path(source, ".python-version").write_text("3.99\n")
    environment.install(source)
    (note,) = environment.notes
    assert note.startswith(".python-version asks for Python 3.99, but 3.") and note.endswith('is used: set python to "3.99" if it has to be that one.')


@pytest.mark.parametrize("requirements, expected", [
    ("beta\n", {"beta", "uvicorn", "websockets"}), ("uvicorn\n", {"uvicorn"}), ("wsproto\n", {"wsproto", "uvicorn"}),
    ("websockets==1.0\n", {"uvicorn", "websockets"}),
])
def test_a_server_of_ours_brings_what_its_protocol_needs(bare_uv, tmp_path, requirements, expected):
    wheels = tmp_path / "wheels"
    packages.packages(wheels)
    for name, version in (("uvicorn", "1.0"), ("websockets", "1.0"), ("websockets", "2.0"), ("wsproto", "1.0")):
        packages.wheel(wheels, name, version)
    source = project(tmp_path / "source", "")
    pathlib.Path(source, "requirements.txt").write_text(requirements)
    text = bare_uv(server_packages=["uvicorn==1.0", "websockets==2.0"], dependencies={"wheelhouse": str(wheels)}).resolve(source)["text"]
    assert {line.split("==")[0] for line in text.splitlines()} == expected
    assert text.count("websockets") <= 1


@pytest.mark.parametrize("closed", ["", "alpha-1.0-py3-none-any.whl"], ids=["the directory", "a file"])
def test_a_wheelhouse_that_the_builder_may_not_read_is_told(closed, tmp_path):
    """As nobody: root may read all. pytest's own directories are root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        wheels = pathlib.Path(folder, "wheels")
        wheels.mkdir(mode=0o755)
        (wheels / "alpha-1.0-py3-none-any.whl").touch()
        (wheels / closed).chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(BuildError, match=f"may not read {wheels / closed}: chmod -R a\\+rX {wheels}, and"):
                _check_wheelhouse("wheels", str(wheels))
        finally:
            if root:
                os.seteuid(0)
            (wheels / closed).chmod(0o700)
