# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application needs, and the environment that is made of it: with real files, the real uv and an index of our own."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import index as packages

from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import python as _python
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.explain import explain
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.files import close_locks
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.python import find_python
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks import text as _requirements
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.files import load_toml
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pylock import from_pylock
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.pyproject import Pyproject
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.registry import kind_of, lock_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

LOGIN = "deploy:correct%40horse"
MINE = f"{sys.version_info.major}.{sys.version_info.minor} {os.uname().machine}"


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


# --- requirements -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, third_party, local", [
    ("flask==3.0\ngunicorn\n", "flask==3.0\ngunicorn\n", []),
    (".\nflask\n", "flask\n", ["."]),
    ("-e .\n-e ./lib\n--editable=../x\n", "", [".", "./lib", "../x"]),
    ("./src  # the project\n", "", ["./src"]),
    (".[redis]\n./lib[x] ; python_version > '3'\n./x.whl;os_name=='nt'\n", "", [".", "./lib ; python_version > '3'", "./x.whl ; os_name=='nt'"]),
    ("./wheels/a.whl ; os_name == 'nt' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\nflask\n", "flask\n", ["./wheels/a.whl ; os_name == 'nt'"]),
    ("-r base.txt\n-c limits.txt\n--requirement other.txt\nflask\n", "flask\n", []),
    ("flask @ https://example.com/flask.whl\n", "flask @ https://example.com/flask.whl\n", []),
    ("flask==3.0 \\\n    --hash=sha256:00\n", "flask==3.0 \\\n    --hash=sha256:00\n", []),
    (".hidden\n", ".hidden\n", []),
])
def test_split_local(text, third_party, local):
    assert _requirements.split_local(text) == (third_party, local)


@pytest.mark.parametrize("line, expected", [
    ("-e file:///srv/x", "-e ."), ("file:///srv/x/lib", "./lib"), ("lib @ file:///srv/x/lib ; python_version > '3'", "./lib ; python_version > '3'"),
    ("-e file:///${PROJECT_ROOT}/lib", "-e ./lib"), ("lib[a] @ /srv/x/lib", "./lib"), ("lib @ file:///srv/xy/lib", "lib @ file:///srv/xy/lib"),
    ("alpha==1.0", "alpha==1.0"),
])
def test_paths_that_tools_write_in_full(line, expected):
    assert _requirements.relative(line, "/srv/x") == expected


@pytest.mark.parametrize("line, expected", [
    ("-e file:///srv/x/lib", "-e ../lib"), ("lib[a] @ file:///srv/x/packages/lib ; python_version > '3'", "../packages/lib ; python_version > '3'"),
    ("/srv/x/api/own", "./own"), ("lib @ file:///srv/xy/lib", "lib @ file:///srv/xy/lib"), ("lib @ file:///opt/lib", "lib @ file:///opt/lib"),
])
def test_paths_of_what_lies_beside_a_project(line, expected):
    assert _requirements.relative(line, "/srv/x/api", "/srv/x") == expected


@pytest.mark.parametrize("text, hashed", [
    ("a==1\n", False), ("a==1 --hash=sha256:00\n", True), ("a==1 \\\n    --hash=sha256:00\nb==1\n", True),
    ("a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\nb @ git+https://x@00\n", False),
    ("--no-binary a\na==1 --hash=sha256:00 # why\n", True), ("", False),
])
def test_hashes_for_all_or_for_none(text, hashed):
    assert _requirements.hashed(text) is hashed


@pytest.mark.parametrize("name, expected", [("Flask_SQLAlchemy", "flask-sqlalchemy"), ("zope.interface", "zope-interface"), ("a--b__c", "a-b-c")])
def test_normal(name, expected):
    assert _requirements.normal(name) == expected


@pytest.mark.parametrize("file, kind", [
    ("uv.lock", "uv.lock"), ("api/poetry.lock", "poetry.lock"), ("pylock.prod.toml", "pylock.toml"), ("requirements/production.txt", "requirements.txt"),
    ("deps.in", "requirements.txt"),
])
def test_the_kind_of_a_file(file, kind):
    assert kind_of(file).kind == kind


@pytest.mark.parametrize("file, sentence", [
    ("Dockerfile", "dependencies.file is 'Dockerfile': accepted are uv.lock, pylock.toml, .*, and other names that end with .txt"),
    ("requirements/gone.txt", "dependencies.file is 'requirements/gone.txt', which the source does not have."),
])
def test_a_file_that_cannot_be_taken(tmp_path, file, sentence):
    with pytest.raises(BuildError, match=f"^{sentence}"):
        lock_of(str(tmp_path), file)


PYLOCK = '''lock-version = "1.0"
extras = ["color"]
dependency-groups = ["prod", "docs"]
default-groups = ["docs"]

[[packages]]
name = "alpha"
version = "1.0"
index = "https://index.example.com/simple"
wheels = [{ url = "https://files.example.com/alpha.whl", hashes = { sha256 = "aa" } }]
sdist = { url = "https://files.example.com/alpha.tar.gz", hashes = { sha256 = "bb" } }

[[packages]]
name = "beta"
version = "1.0"
marker = "python_version >= '3.9' and 'color' in extras"
wheels = [{ url = "https://files.example.com/beta.whl", hashes = { sha256 = "cc" } }]

[[packages]]
name = "gamma"
version = "1.0"
marker = "'prod' in dependency_groups or 'docs' not in dependency_groups"
wheels = [{ url = "https://files.example.com/gamma.whl", hashes = { sha256 = "dd" } }]

[[packages]]
name = "delta"
vcs = { type = "git", url = "https://git.example.com/delta", commit-id = "00ff", subdirectory = "py" }

[[packages]]
name = "shop"
directory = { path = ".", editable = true }

[[packages]]
name = "lib"
directory = { path = "packages/lib" }
'''


@pytest.mark.parametrize("groups, extras, beta, gamma", [
    ([], [], "python_version < '3'", "python_version < '3' or python_version < '3'"),
    (["prod"], ["Color"], "python_version >= '3'", "python_version >= '3' or python_version < '3'"),
])
def test_pylock(tmp_path, groups, extras, beta, gamma):
    write(tmp_path, {"pylock.toml": PYLOCK})
    assert _requirements.logical(from_pylock(load_toml(str(tmp_path / "pylock.toml")), "pylock.toml", groups, extras)) == [
        "alpha==1.0 --hash=sha256:aa --hash=sha256:bb",
        f"beta==1.0 ; python_version >= '3.9' and {beta} --hash=sha256:cc",
        f"gamma==1.0 ; {gamma} --hash=sha256:dd",
        "delta @ git+https://git.example.com/delta@00ff#subdirectory=py",
        "./.",
        "./packages/lib",
    ]


PIPFILE_LOCK = '{"_meta": {"sources": [{"name": "pypi", "url": "https://index.example.com/simple"}]}, "default": {}, "develop": {}, "prod": {}}'
GROUPS = ('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["alpha<2"]\n[project.optional-dependencies]\n'
          'color = ["gamma"]\n[dependency-groups]\nprod = ["server"]\ndev = ["no-such-package"]\n')


@pytest.mark.parametrize("files, groups, extras, sentence", [
    ({"pyproject.toml": GROUPS}, ["PROD"], ["color"], None),
    ({"pyproject.toml": GROUPS, "uv.lock": ""}, ["nope"], [], "dependencies.groups has 'nope', which pyproject.toml does not define: it defines dev, prod."),
    ({"pyproject.toml": GROUPS}, [], ["nope"], "dependencies.extras has 'nope', which pyproject.toml does not define: it defines color."),
    ({"pyproject.toml": "[tool.poetry.group.web.dependencies]\n", "poetry.lock": ""}, ["web"], [], None),
    ({"pyproject.toml": "[tool.pdm.dev-dependencies]\nweb = []\n", "pdm.lock": ""}, ["web"], ["x"],
     "dependencies.extras has 'x', which pyproject.toml does not define: it defines none."),
    ({"pylock.toml": PYLOCK}, ["prod"], ["color"], None),
    ({"pylock.toml": PYLOCK}, ["dev"], [], "dependencies.groups has 'dev', which pylock.toml does not define: it defines docs, prod."),
    ({"Pipfile.lock": PIPFILE_LOCK}, ["prod", "dev-packages"], [], None),
    ({"Pipfile.lock": PIPFILE_LOCK}, ["nope"], [], "dependencies.groups has 'nope', which Pipfile.lock does not define: it defines dev-packages, prod."),
    ({"Pipfile.lock": PIPFILE_LOCK}, [], ["x"], "dependencies.extras has 'x', but Pipfile.lock knows no extras: leave it out."),
    ({"requirements.txt": ""}, ["x"], [], "dependencies.groups has 'x', but requirements.txt knows no groups: leave it out."),
    ({"setup.py": ""}, [], ["anything"], None),
    ({"app.py": ""}, ["x"], [], "dependencies.groups has 'x', but the source knows no groups: leave it out."),
])
def test_groups_and_extras_that_are_not_there(tmp_path, files, groups, extras, sentence):
    project = lock_of(write(tmp_path, files), None)
    if not sentence:
        project.check(groups, extras)
        return
    with pytest.raises(BuildError) as caught:
        project.check(groups, extras)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("files, expected", [
    ({"pyproject.toml": '[project]\ndependencies = []\n'
                        '[[tool.uv.index]]\nname = "ours"\nurl = "https://a/simple"\n[[tool.uv.index]]\nurl = "https://b"\ndefault = true\n'},
     [("ours", "https://a/simple", False, False), ("", "https://b", True, False)]),
    ({"pyproject.toml": '[[tool.poetry.source]]\nname = "ours"\nurl = "https://a/simple"\n[[tool.poetry.source]]\nname = "PyPI"\n', "poetry.lock": ""},
     [("ours", "https://a/simple", False, False)]),
    ({"pyproject.toml": '[[tool.pdm.source]]\nname = "pypi"\nurl = "https://a/simple"\n', "pdm.lock": ""}, [("pypi", "https://a/simple", True, False)]),
    ({"Pipfile.lock": PIPFILE_LOCK}, [("pypi", "https://index.example.com/simple", True, False)]),
    ({"pylock.toml": PYLOCK}, [("", "https://index.example.com/simple", False, False)]),
    ({"requirements.txt": "--index-url https://a/simple\n--extra-index-url=https://b/simple\nx\n"},
     [("", "https://a/simple", True, False), ("", "https://b/simple", False, False)]),
    ({"requirements.txt": "-i https://pypi.org/simple\nx\n"}, []),
])
def test_indexes_that_a_project_names(tmp_path, files, expected):
    assert [tuple(index) for index in lock_of(write(tmp_path, files), None).indexes()] == expected


# --- lock and environment, by the real uv -----------------------------------------------------------------------------

PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["alpha"]\n'
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "nowhere"\n'
SOURCE = 'source = { virtual = "." }'
UV_LOCK = '''version = 1
requires-python = ">=3.9"

[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]

[package.metadata]
requires-dist = [{ name = "alpha" }]

[[package]]
name = "alpha"
version = "1.0"
source = { registry = "https://index.example.com/simple" }
wheels = [{ url = "https://files.pythonhosted.org/alpha-1.0-py3-none-any.whl", hash = "sha256:%s" }]
''' % ("0" * 64)
DYNAMIC = '[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n' + BUILD_SYSTEM

# files -> names in the lock, local ones, what uv did
LOCKS = {
    "nothing": ({"app.py": ""}, [], [], None),
    "requirements": ({"requirements.txt": "alpha\n"}, ["alpha==2.0", "beta==1.0"], [], "compile"),
    "requirements with a limit": ({"requirements.txt": "alpha\n-c limits.txt\n", "limits.txt": "alpha<2\n"}, ["alpha==1.0", "beta==1.0"], [], "compile"),
    "requirements with the project": ({"requirements.txt": "beta\n./lib\n", "lib/pyproject.toml": PROJECT.replace("alpha", "beta")},
                                      ["beta==1.0"], ["lib"], "compile"),
    "requirements with hashes": ({"requirements.txt": "--index-url https://x:y@z\nbeta==1.0 --hash=sha256:00\n"}, ["beta==1.0"], [], None),
    "requirements before pyproject": ({"requirements.txt": "beta\n", "pyproject.toml": PROJECT + BUILD_SYSTEM}, ["beta==1.0"], ["."], "compile"),
    "pyproject": ({"pyproject.toml": PROJECT}, ["alpha==2.0", "beta==1.0"], [], "compile"),
    "pyproject of a package": ({"pyproject.toml": PROJECT + BUILD_SYSTEM}, ["alpha==2.0", "beta==1.0"], ["."], "compile"),
    "pyproject of what is no package": ({"pyproject.toml": PROJECT + BUILD_SYSTEM + "[tool.poetry]\npackage-mode = false\n"},
                                        ["alpha==2.0", "beta==1.0"], [], "compile"),
    "pyproject for tools only": ({"pyproject.toml": "[tool.black]\nline-length = 100\n"}, [], [], None),
    "uv.lock": ({"pyproject.toml": PROJECT, "uv.lock": UV_LOCK}, ["alpha==1.0"], [], "export"),
    "uv.lock of a package": ({"pyproject.toml": PROJECT + BUILD_SYSTEM, "uv.lock": UV_LOCK.replace("virtual", "editable")}, ["alpha==1.0"], ["."], "export"),
    "uv.lock before requirements": ({"pyproject.toml": PROJECT, "uv.lock": UV_LOCK, "requirements.txt": "beta\n"}, ["alpha==1.0"], [], "export"),
    "pylock": ({"pylock.toml": PYLOCK, "requirements.txt": "beta\n"}, ["alpha==1.0", "beta==1.0", "gamma==1.0", "delta"], [".", "packages/lib"], None),
}


@pytest.mark.parametrize("files, names, local, did", LOCKS.values(), ids=LOCKS)
def test_lock(uv, tmp_path, files, names, local, did):
    source = write(tmp_path / "source", files)
    environment = uv()
    lock = environment.resolve(source)
    third_party, found = _requirements.split_local(lock["text"])
    assert [line.split()[0] for line in _requirements.logical(third_party)] == names
    assert [os.path.relpath(path, source) for path, dummy in environment.projects(source, found)] == local
    assert len(uv.calls()) == bool(did) and (not did or did in uv.calls()[0]), uv.calls()
    # The same means the same the next time, without asking again.
    assert uv().resolve(source) == lock and len(uv.calls()) == bool(did)


def test_the_file_that_is_named(uv, tmp_path):
    source = write(tmp_path / "source", {"requirements.txt": "gamma\n", "requirements/production.txt": "-r base.txt\nbeta\n",
                                         "requirements/base.txt": "alpha<2\n",
                                         "api/pyproject.toml": PROJECT + BUILD_SYSTEM, "api/uv.lock": UV_LOCK.replace("virtual", "editable")})
    environment = uv(dependencies={"file": "requirements/production.txt"})
    assert _requirements.names(environment.resolve(source)["text"]) == {"alpha", "beta"}
    environment = uv(dependencies={"file": "api/uv.lock"})
    lock = environment.resolve(source)
    assert _requirements.names(lock["text"]) == {"alpha"}
    assert environment.projects(source, _requirements.split_local(lock["text"])[1]) == [(f"{source}/api", "")]


TOP = '[project]\nname = "top"\nversion = "1"\nrequires-python = ">=3.9"\n[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\nexclude = ["apps/old"]\n'
MEMBER = """
[[package]]
name = "{name}"
version = "1"
source = {{ editable = "{place}" }}
dependencies = [{needs}]

[package.metadata]
requires-dist = [{needs_as}]
"""


@pytest.mark.parametrize("inside", ["", "backend/"])
def test_a_member_of_a_workspace_has_the_versions_of_its_lock(uv, tmp_path, inside):
    """And what it needs of the other members, but not what only those need that it does not."""
    lock = UV_LOCK.partition("[[package]]")[0] + '[manifest]\nmembers = ["core", "mail", "shop", "top"]\n' + "".join([
        MEMBER.format(name="core", place="libs/core", needs="", needs_as=""),
        MEMBER.format(name="mail", place="apps/mail", needs='{ name = "beta" }', needs_as='{ name = "beta" }'),
        MEMBER.format(name="shop", place="apps/shop", needs='{ name = "alpha" }, { name = "core" }',
                      needs_as='{ name = "alpha" }, { name = "core", editable = "libs/core" }'),
        '\n[[package]]\nname = "top"\nversion = "1"\nsource = { virtual = "." }\n',
        "\n[[package]]\n" + UV_LOCK.rpartition("[[package]]\n")[2], "\n[[package]]\n" + UV_LOCK.rpartition("[[package]]\n")[2].replace("alpha", "beta")])
    project = PROJECT + BUILD_SYSTEM
    files = {
        "pyproject.toml": TOP, "uv.lock": lock, "libs/core/pyproject.toml": project.replace("shop", "core").replace('"alpha"', ""),
        "apps/mail/pyproject.toml": project.replace("shop", "mail").replace("alpha", "beta"), "apps/old/pyproject.toml": project.replace("shop", "old"),
        "apps/shop/pyproject.toml": project.replace('"alpha"', '"alpha", "core"') + "[tool.uv.sources]\ncore = { workspace = true }\n",
    }
    source = write(tmp_path / "source", {inside + name: text for name, text in files.items()})
    found, inputs = {}, set()
    for name in ("shop", "mail"):
        environment = uv(dependencies={"file": f"{inside}apps/{name}/pyproject.toml"})
        resolved = environment.resolve(source)
        inputs.add(resolved["inputs"])
        third_party, local = _requirements.split_local(resolved["text"])
        found[name] = ([line.split()[0] for line in _requirements.logical(third_party)],
                       sorted(os.path.relpath(path, f"{source}/{inside}") for path, dummy in environment.projects(source, local)))
    assert found == {"shop": (["alpha==1.0"], ["apps/shop", "libs/core"]), "mail": (["beta==1.0"], ["apps/mail"])} and len(inputs) == 2
    # What the workspace leaves out has no part in its lock.
    assert isinstance(lock_of(source, f"{inside}apps/old/pyproject.toml"), Pyproject)


# A source package that is built by itself, without anything from an index.
BACKEND = """import pathlib, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "echo-1.0-py3-none-any.whl"
    about = "echo-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("echo/__init__.py", "VERSION = 'built here'\\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: echo\\nVersion: 1.0\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return name
"""
ECHO = {"backend.py": BACKEND, "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "PKG-INFO": "Metadata-Version: 2.1\nName: echo\nVersion: 1.0\n"}


@pytest.mark.parametrize("requirements, built", [
    ("echo\n--no-binary echo\n", True), ("echo==1.0\nbeta\n--no-binary gamma,echo\n", True), ("--no-index\necho\n--no-binary=echo\n", True),
    ("echo\n", False), ("echo\n--only-binary :all:\n", False),
])
def test_what_is_to_be_built_here_is(bare_uv, tmp_path, requirements, built):
    place = tmp_path / "source/wheels"
    place.mkdir(parents=True)
    for name in ("echo", "beta"):
        packages.wheel(place, name, "1.0")
    packages.sdist(place, "echo", ECHO)
    source = write(tmp_path / "source", {"requirements.txt": f"--find-links wheels\n{requirements}"})
    environment = bare_uv()
    environment.uv_env.update(UV_OFFLINE="1", UV_NO_INDEX="1")
    environment.install(source)
    (found,) = pathlib.Path(source).glob(".venv/lib/python3*/site-packages/echo/__init__.py")
    assert ("built here" in found.read_text()) is built


CARRIED_LOCK = UV_LOCK.replace("alpha", "beta").replace("https://index.example.com/simple", "wheels").replace(
    'url = "https://files.pythonhosted.org/beta-1.0-py3-none-any.whl", hash = "sha256:%s"' % ("0" * 64), 'path = "beta-1.0-py3-none-any.whl"')
FIND_LINKS = '[tool.uv]\nfind-links = ["./wheels"]\n'
FLAT = '[[tool.uv.index]]\nname = "carried"\nurl = "wheels"\nformat = "flat"\n'
ASSIGNED = FLAT + 'explicit = true\n[tool.uv.sources]\nbeta = {index = "carried"}\n'


@pytest.mark.parametrize("settings, lock", [(FIND_LINKS, True), (FLAT, True), (ASSIGNED, False)])
def test_packages_that_a_project_carries_itself(bare_uv, serve, tmp_path, settings, lock):
    """An index has one of the same name and version, which is another one."""
    (tmp_path / "source/wheels").mkdir(parents=True)
    packages.wheel(tmp_path / "source/wheels", "beta", "1.0", ["gamma"])
    source = write(tmp_path / "source", {"pyproject.toml": PROJECT.replace("alpha", "beta") + settings, **({"uv.lock": CARRIED_LOCK} if lock else {})})
    environment = bare_uv(dependencies={"index": f"http://{LOGIN}@{serve}"})
    environment.install(source)
    found = environment.resolve(source)
    assert lock or found["text"] == "beta==1.0\ngamma==1.0\n# index beta --find-links\n"
    (about,) = pathlib.Path(source).glob(".venv/lib/python3*/site-packages/beta-1.0.dist-info/METADATA")
    assert "Requires-Dist: gamma" in about.read_text()
    # The next release has it in another directory, and means the same.
    again = shutil.copytree(source, tmp_path / "again", ignore=shutil.ignore_patterns(".venv"))
    assert bare_uv(dependencies={"index": f"http://{LOGIN}@{serve}"}).resolve(str(again)) == found


def test_packages_that_a_pylock_has_beside_it(uv, tmp_path):
    (tmp_path / "source/wheels").mkdir(parents=True)
    digest = packages.wheel(tmp_path / "source/wheels", "zulu", "1.0")
    lock = f'''lock-version = "1.0"
[[packages]]
name = "zulu"
version = "1.0"
wheels = [{{path = "wheels/zulu-1.0-py3-none-any.whl", hashes = {{sha256 = "{digest}"}}}}]
'''
    source = write(tmp_path / "source", {"pylock.toml": lock})
    uv().install(source)
    assert list(pathlib.Path(source).glob(".venv/lib/python3*/site-packages/zulu-1.0.dist-info"))


def test_a_package_that_a_project_carries_not(uv, tmp_path):
    source = write(tmp_path / "source", {"pyproject.toml": PROJECT.replace("alpha", "beta") + FIND_LINKS, "uv.lock": CARRIED_LOCK})
    with pytest.raises(BuildError, match="^uv.lock names wheels/beta-1.0-py3-none-any.whl, which is not there: add it to the source.$"):
        uv().resolve(source)


def test_directories_of_packages_that_a_project_names(tmp_path):
    files = {"pyproject.toml": FIND_LINKS.replace('"./wheels"', '"./wheels", "https://a/page"') + FLAT.replace("wheels", "../more")
             + '[[tool.pdm.source]]\nname = "x"\ntype = "find_links"\nurl = "file:///${PROJECT_ROOT}/vendor"\n', "pdm.lock": ""}
    lock = lock_of(write(tmp_path, files), None)
    assert lock.links() == [f"{tmp_path}/wheels", "https://a/page", f"{tmp_path.parent}/more", f"{tmp_path}/vendor"] and lock.indexes() == []


def test_groups_and_extras(uv, tmp_path):
    source = write(tmp_path / "source", {"pyproject.toml": GROUPS})
    found = [_requirements.names(uv(dependencies=chosen).resolve(source)["text"])
             for chosen in ({}, {"groups": ["prod"]}, {"extras": ["color"]}, {"groups": ["prod"], "extras": ["color"]})]
    assert found == [{"alpha", "beta"}, {"alpha", "beta", "server"}, {"alpha", "beta", "gamma"}, {"alpha", "beta", "server", "gamma"}]


@pytest.mark.parametrize("files, changed", [
    ({"pyproject.toml": PROJECT}, {"pyproject.toml": PROJECT.replace("alpha", "gamma")}),
    ({"requirements.txt": "-r more.txt\n", "more.txt": "alpha\n"}, {"more.txt": "gamma\n"}),
    ({"requirements.txt": "./lib\n", "lib/pyproject.toml": PROJECT}, {"lib/pyproject.toml": PROJECT.replace("alpha", "gamma")}),
])
def test_whatever_the_answer_depends_on_is_asked_anew(uv, tmp_path, files, changed):
    source = write(tmp_path / "source", {**files, "README.txt": "one"})
    assert _requirements.names(uv().resolve(source)["text"]) == {"alpha", "beta"}
    write(tmp_path / "source", {"README.txt": "two"})
    uv().resolve(source)
    assert len(uv.calls()) == 1
    write(tmp_path / "source", changed)
    assert _requirements.names(uv().resolve(source)["text"]) == {"gamma"}


WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "packages/core/pyproject.toml": PROJECT.replace('name = "shop"', 'name = "core"'),
    "packages/api/pyproject.toml": '[project]\nname = "api"\nversion = "1"\ndependencies = ["core"]\n[tool.uv.sources]\ncore = {workspace = true}\n',
}


def test_a_member_of_a_workspace_gets_its_neighbours_from_its_own_release(uv, tmp_path):
    """Found once for two releases, whose sources lie in two places."""
    for release in ("one", "two"):
        source = write(tmp_path / release, WORKSPACE)
        found = uv(dependencies={"file": "packages/api/pyproject.toml"}).resolve(source)["text"]
        assert _requirements.split_local(found)[1] == ["../core"] and str(tmp_path) not in found
    write(tmp_path / "two", {"packages/core/pyproject.toml": WORKSPACE["packages/core/pyproject.toml"].replace("alpha", "gamma")})
    assert "gamma" in _requirements.names(uv(dependencies={"file": "packages/api/pyproject.toml"}).resolve(source)["text"])


def test_dependencies_that_code_tells(tmp_path):
    source = write(tmp_path, {"pyproject.toml": DYNAMIC, "requirements.in": "alpha\n", "README.txt": ""})
    assert [name for name, text in lock_of(source, None).material()] == ["pyproject.toml", "requirements.in"]


@pytest.mark.parametrize("files, sentence", [
    ({"requirements.txt": "no-such-package\n"}, "uv pip compile of requirements.txt failed (exit status 1); no index has no-such-package: check its name"),
    ({"requirements.txt": "-r gone.txt\n"}, "requirements.txt, line 1 includes 'gone.txt', which the release does not have: add it to the source, or, "),
    ({"requirements.txt": "../other\n"}, "the requirement '../other' lies outside of the source: only paths inside of it can be deployed; with "),
    ({"pyproject.toml": "[project\n"}, "pyproject.toml cannot be read: "),
    ({"pyproject.toml": PROJECT, "uv.lock": "nonsense"}, "uv.lock cannot be read: "),
    ({"pyproject.toml": PROJECT, "uv.lock": "version = 99\n"}, "uv export of uv.lock failed (exit status 2); run uv lock in the project and commit uv.lock."),
    ({"pylock.toml": 'lock-version = "2.0"\n'}, "pylock.toml has the lock-version '2.0': 1.0 is known here."),
])
def test_a_lock_that_cannot_be_made(uv, tmp_path, files, sentence):
    with pytest.raises(BuildError) as caught:
        uv().resolve(write(tmp_path / "source", files))
    assert str(caught.value).startswith(sentence)


def test_a_uv_lock_that_is_out_of_date(bare_uv, index, serve, tmp_path):
    project = PROJECT + f'[[tool.uv.index]]\nname = "ours"\nurl = "http://{serve}"\ndefault = true\n'
    source = write(tmp_path / "source", {"pyproject.toml": project.replace('"alpha"', '"alpha", "gamma"'), "uv.lock": UV_LOCK})
    with pytest.raises(BuildError) as caught:
        bare_uv(dependencies={"index": f"http://{LOGIN}@{serve}"}).resolve(source)
    assert str(caught.value).splitlines()[0] == (
        "uv export of uv.lock failed (exit status 1); uv.lock does not match pyproject.toml: run uv lock in the project and commit uv.lock.")


def test_an_environment_is_built_once_and_never_half(uv, index, tmp_path):
    digest = index[1]["beta==1.0"]
    envs = uv.home / "envs"
    (envs / ".cut-short").mkdir(parents=True)
    environment = uv()
    lock = f"beta==1.0 --hash=sha256:{digest}\nserver==9.0 \\\n    --hash=sha256:{index[1]['server==9.0']}\n"
    with pytest.raises(BuildError, match="^installing the requirements failed .*; what the index has as beta==1.0 is not the file that was locked"):
        environment.base(lock.replace(digest, "0" * 64), sys.executable)
    assert os.listdir(envs) == []
    key = environment.base(lock, sys.executable)
    assert os.listdir(envs) == [key], "what was cut short is gone"
    packages = next((envs / key / "lib").glob("python*/site-packages"))
    assert (packages / "beta/__init__.py").exists() and (packages / "server").exists() and list((packages / "beta").glob("__pycache__/*.pyc"))
    assert sum("--require-hashes" in line for line in uv.calls()) == 2
    before = len(uv.calls())
    # Comments are nothing that is installed.
    assert environment.base("# made today\n" + lock, sys.executable) == key and len(uv.calls()) == before
    assert environment.base(lock.splitlines()[0], sys.executable) != key


def files_of(environment):
    """What is there, but for what was asked for and the time at which bytecode was made."""
    return {str(path.relative_to(environment)): b"" if path.suffix == ".pyc" or not path.is_file() else path.read_bytes()
            for path in environment.rglob("*") if path.name not in (".lock", _environment.INSTALLED)}


def inodes(environment):
    return {str(path.relative_to(environment)): path.stat().st_ino for path in environment.rglob("*.py*") if path.is_file() and not path.is_symlink()}


def test_nobody_else_may_write_to_what_uv_locks_with(uv, tmp_path):
    (tmp_path / "requirements.txt").write_text("alpha==1.0\n")
    environment = uv()
    environment.base(environment.resolve(str(tmp_path))["text"], sys.executable)

    def open_files():
        return {path for path in uv.home.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o002}

    assert open_files()
    close_locks(str(uv.home))
    assert open_files() == set()


def test_an_environment_grows_from_the_nearest_one(uv, index, tmp_path):
    """The same as one that is built anew, and what both have is there once."""
    def line(package):
        return f"{package} --hash=sha256:{index[1][package]}\n"

    common = line("beta==1.0") + line("gamma==1.0") + line("delta==1.0")
    old, new = line("alpha==1.0") + common, line("alpha==2.0") + common
    first = uv.home / "envs" / uv().base(old, sys.executable)
    before = files_of(first)
    grown = uv.home / "envs" / uv().base(new, sys.executable)
    assert files_of(first) == before, "what is built never changes"
    assert "--reinstall-package=alpha" in uv.calls()[-1] and "--reinstall-package=beta" not in uv.calls()[-1]
    shared = {name for name, inode in inodes(grown).items() if inodes(first).get(name) == inode}
    assert any("beta/__pycache__" in name for name in shared) and not any("/alpha" in name for name in shared)
    content = files_of(grown)
    shutil.rmtree(uv.home / "envs")
    anew = uv.home / "envs" / uv().base(new, sys.executable)
    assert anew == grown and files_of(anew) == content and "--reinstall" not in uv.calls()[-1]


@pytest.mark.parametrize("name", ["alpha/forgotten.txt", "_stray.py", "beta/__pycache__/_gone.cpython-39.pyc"])
def test_an_environment_does_not_grow_from_one_that_has_more_than_its_packages(uv, index, tmp_path, name):
    lines = [f"{package} --hash=sha256:{index[1][package]}\n" for package in ("beta==1.0", "gamma==1.0", "delta==1.0")]
    first = uv.home / "envs" / uv().base("".join(lines), sys.executable)
    stray = next((first / "lib").glob("python*/site-packages")) / name
    stray.parent.mkdir(exist_ok=True)
    stray.touch()
    second = uv.home / "envs" / uv().base("".join(lines[:2]), sys.executable)
    packages = next((second / "lib").glob("python*/site-packages"))
    assert not (packages / name).exists() and not (packages / "delta").exists() and (packages / "beta/__init__.py").exists()


@pytest.mark.parametrize("requirements, servers, expected", [
    ("beta==1.0\n", ["server==9.0"], ["beta==1.0", "server==9.0"]),
    ("server==9.0\n", ["Server==8.0"], ["server==9.0"]),
    ("beta==1.0 --hash={beta}\n", ["server==9.0", "alpha[x]==2.0"], ["beta==1.0", "alpha==2.0", "server==9.0"]),
    ("", ["alpha==2.0"], ["alpha==2.0", "beta==1.0"]),
])
def test_the_server_that_an_application_lacks(uv, index, tmp_path, requirements, servers, expected):
    text = requirements.replace("{beta}", f"sha256:{index[1]['beta==1.0']}")
    source = write(tmp_path / "source", {"requirements.txt": text})
    found = uv(server_packages=servers).resolve(source)["text"]
    assert [line.split()[0] for line in _requirements.logical(found)] == expected
    assert _requirements.hashed(found) is ("--hash" in requirements)


def test_the_same_for_all_hosts(uv, index, tmp_path):
    source = write(tmp_path / "source", {"requirements.txt": "alpha\nbeta; python_version < '3.7'\n"})
    other = f"3.7 {os.uname().machine}"
    first = uv(platforms=[MINE, other]).resolve(source)
    assert (first["platforms"], _requirements.names(first["text"])) == (sorted([MINE, other]), {"alpha", "beta"})
    assert "--universal --python-version 3.7" in uv.calls()[0]
    # A host that is given it asks nobody, whatever the index has by now; for another source, or another Python, it is not taken.
    shutil.rmtree(uv.home / "locks")
    given = {**first, "text": "gamma==1.0\n"}
    assert uv(lock=given, platforms=[MINE]).resolve(source) == given and len(uv.calls()) == 1
    assert uv(lock={**given, "platforms": [other]}).resolve(source) != given
    write(tmp_path / "source", {"requirements.txt": "beta\n"})
    assert uv(lock=given).resolve(source)["text"] == "beta==1.0\n"


def test_locks_do_not_pile_up(uv, tmp_path):
    for number in range(_environment.KEPT_LOCKS + 2):
        uv().resolve(write(tmp_path / "source", {"requirements.txt": f"beta==1.0 --hash=sha256:{number}\n"}))
        os.utime(max((uv.home / "locks").iterdir(), key=os.path.getmtime), (number, number))
    assert len(list((uv.home / "locks").iterdir())) == _environment.KEPT_LOCKS


def test_install(uv, index, tmp_path):
    """One call for the project, none without one, once the base is there."""
    (tmp_path / "bin").mkdir()
    for name in ("one", "two"):
        target = write(tmp_path / name, {"requirements.txt": f"beta==1.0 --hash=sha256:{index[1]['beta==1.0']}\n"})
        before = len(uv.calls())
        facts = uv().install(target)
        venv = pathlib.Path(target, ".venv")
        done = subprocess.run([venv / "bin/python", "-c", "import sys, beta; print(sys.prefix, beta.VERSION)"], stdout=subprocess.PIPE, text=True, check=True)
        assert done.stdout.split() == [str(venv), "1.0"]
        assert not (venv / ".lock").exists() and "beta==1.0" in (venv / "pyweb-lock.txt").read_text()
    assert len(uv.calls()) == before
    assert facts["lock"]["platforms"] == [MINE] and len(facts["lock_digest"]) == 64


# --- where packages come from -----------------------------------------------------------------------------------------

def secrets_in(folder, *words):
    """Files below the folder; a link leads to the machine's own Python, which has such words as well."""
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(word.encode() in path.read_bytes() for word in words)]


@pytest.mark.parametrize("how", ["index", "extra_indexes", "project"])
def test_a_password_is_nowhere_to_be_seen(bare_uv, serve, tmp_path, how):
    address = f"http://{LOGIN}@{serve}"
    files = {"requirements.txt": "alpha<2\n"}
    if how == "project":
        # The project names the index, the inventory has the password.
        files = {"pyproject.toml": PROJECT.replace('"alpha"', '"alpha<2"') + f'[[tool.uv.index]]\nname = "ours"\nurl = "http://{serve}"\n'}
    given = {"index": address} if how == "index" else {"index": "http://127.0.0.1:9/simple", "extra_indexes": [address]}
    source = write(tmp_path / "source", files)
    facts = bare_uv(dependencies=given).install(source)
    assert "alpha==1.0" in pathlib.Path(source, ".venv/pyweb-lock.txt").read_text()
    words = ("correct", "horse")
    assert secrets_in(tmp_path, *words) == [] and not any(word in str(facts) for word in words)
    # Another password: nothing is built anew, nobody is asked.
    before = len(bare_uv.calls())
    changed = {name: str(value).replace("horse", "battery") if name == "index" else [item.replace("horse", "battery") for item in value]
               for name, value in given.items()}
    other = write(tmp_path / "other", files)
    assert bare_uv(dependencies=changed).install(other)["environment"] == facts["environment"]
    assert len(bare_uv.calls()) == before
    shutil.rmtree(bare_uv.home)
    bare_uv.home.mkdir()
    with pytest.raises(BuildError) as caught:
        bare_uv(dependencies=changed).install(write(tmp_path / "third", files))
    said = str(caught.value)
    assert f"http://{serve} refused the user or the password: check dependencies.index and dependencies.extra_indexes." in said.splitlines()[0]
    assert "battery" not in said and "correct" not in said


def test_an_index_that_cannot_be_reached(bare_uv, tmp_path):
    with pytest.raises(BuildError) as caught:
        bare_uv(dependencies={"index": "http://joe:secret@127.0.0.1:9/simple"}).resolve(write(tmp_path / "source", {"requirements.txt": "alpha\n"}))
    first = str(caught.value).splitlines()[0]
    assert first.endswith("; the package index at http://127.0.0.1:9/simple/alpha/ cannot be reached from this host: check dependencies.index and the network.")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("place", ["wheels", "absolute"])
def test_a_wheelhouse(bare_uv, index, tmp_path, place):
    files = {"requirements.txt": "alpha\n",
             "pyproject.toml": f'[[tool.uv.index]]\nurl = "http://127.0.0.1:9/simple"\n{BUILD_SYSTEM}[tool.uv]\npackage = false\n'}
    source = write(tmp_path / "source", files)
    if place == "absolute":
        place = str(index[0])
    else:
        shutil.copytree(index[0], f"{source}/wheels")
    bare_uv(server_packages=["server==9.0"], dependencies={"wheelhouse": place}).install(source)
    lock = pathlib.Path(source, ".venv/pyweb-lock.txt").read_text()
    assert [line.split()[0] for line in _requirements.logical(lock)] == ["alpha==2.0", "beta==1.0", "server==9.0"]
    with pytest.raises(BuildError) as caught:
        bare_uv(server_packages=["uvicorn==0.1"], dependencies={"wheelhouse": place}).resolve(source)
    assert f"; the wheelhouse {place} has no uvicorn==0.1: put it there." in str(caught.value).splitlines()[0]


def test_a_wheelhouse_that_is_not_there(bare_uv, tmp_path):
    with pytest.raises(BuildError, match="^dependencies.wheelhouse is 'wheels', which is not a directory in the source or on this host.$"):
        bare_uv(dependencies={"wheelhouse": "wheels"}).resolve(write(tmp_path / "source", {"app.py": ""}))


# --- what uv says, and what it means ----------------------------------------------------------------------------------

NATIVE = "error: Failed to build `charlie==1.0`\n  cause: The build backend returned an error\n         [stderr]\n         "


@pytest.mark.parametrize("output, wheelhouse, expected", [
    ("error: In `--require-hashes` mode, all requirements must have a hash, but none were provided for: beta==1.0", None, "beta==1.0 has no hash"),
    ("  cause: Hash mismatch for `alpha==1.0`\n", None, "what the index has as alpha==1.0 is not the file that was locked"),
    ("error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.", None, "uv.lock does not match pyproject.toml"),
    ("pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock` to fix", None, "poetry.lock does not match pyproject.toml"),
    ("  cause: Because nonexist was not found in the package registry and you require nonexist==1.0, we can", None, "no index has nonexist==1.0: check"),
    ("  cause: Because there is no version of alpha==7 and you require alpha==7, we can", None, "no index has alpha==7: check"),
    ("  cause: Because there is no version of alpha==7 and you require alpha==7, we can\n\nhint: `alpha` was found on "
     "https://me:secret@one.example.com/simple, but not at the requested version (alpha==7). A compatible version may be", None,
     "https://one.example.com/simple has other versions of it, but not alpha==7"),
    ("error: The lockfile at `uv.lock` uses an unsupported schema version (v2, but only v1 is supported). Downgrade to a compatible uv version", None,
     "uv.lock was written by a newer uv than this host's: set python_uv.version of role python"),
    ("cause: Because setuptools was not found in the cache and you require setuptools>=40.8.0, we can", "wheels",
     "the wheelhouse wheels has no setuptools>=40.8.0: put"),
    ("  cause: Because gamma==0.0.1 needs to be downloaded from a registry and only gamma==0.0.1 is available, we can conclude", "wheels",
     "the wheelhouse wheels has no gamma: put it there."),
    (NATIVE + "error: [Errno 2] No such file or directory: '/nope/cc'", None, "charlie==1.0 is compiled on this host, which lacks cc: add what has it"),
    (NATIVE + "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", None,
     "charlie==1.0 is compiled on this host, which lacks x86_64-linux-gnu-gcc"),
    (NATIVE + "charlie.c:1:10: fatal error: Python.h: No such file or directory", None, "charlie==1.0 is compiled on this host, which lacks Python.h: add"),
    (NATIVE + "Error: pg_config executable not found.", None, "charlie==1.0 is compiled on this host, which lacks pg_config: add"),
    (NATIVE.replace("charlie==1.0", "shop @ file:///srv/shop/releases/1") + "ModuleNotFoundError: No module named 'pip.req'", None,
     "the project itself (shop) cannot be built: what its build backend says stands below; one that is never installed says package = false in [tool.uv]"),
    (NATIVE + "SyntaxError: invalid syntax", None, "charlie==1.0 is built on this host, and that failed: add"),
    ("error: Failed to fetch: `https://x.example.com/simple/a/`\n"
     "  cause: error sending request for url (https://x.example.com/simple/a/)\n  cause: dns error", None,
     "the package index at https://x.example.com/simple/a/ cannot be reached from this host"),
    ("Because the current Python version (3.11.2) does not satisfy Python>=3.12 and", None, "the requirements ask for another Python"),
    ("error: Distribution not found at: file:///srv/shop/libs/shared\n", None, "the requirements name /srv/shop/libs/shared, which is not there: add it to"),
    ("The currently activated Python version 3.13.5 is not supported by the project (>=3.14).\nTrying to find and use a compatible version.", None,
     "the project needs Python >=3.14 (requires-python), but this is 3.13.5: set python to a version that fits"),
    ("[NoPythonVersion]: No Python that satisfies >=3.14 is found on the system.", None, "the project needs Python >=3.14 (requires-python), which is not"),
    ("something else", None, ""),
])
def test_what_uv_says_in_one_sentence(output, wheelhouse, expected):
    said = explain(output, wheelhouse)
    assert said.startswith(expected) and bool(said) is bool(expected)


# --- the interpreter --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("wanted", ["3.0", "3.99"])
def test_a_python_that_is_not_there(wanted):
    with pytest.raises(BuildError, match=f"python is '{wanted}', but this host has no python{wanted}: install it, give a full version such as"):
        find_python(wanted)


def test_the_distributions_python():
    path, version = find_python(None)
    assert path == "/usr/bin/python3" and version.startswith("3.") and version.count(".") == 1


def test_an_exact_python(tmp_path, monkeypatch):
    monkeypatch.setattr(_python, "PYTHONS", str(tmp_path))
    with pytest.raises(BuildError, match="^python is '3.11.9', but this host has no .*/cpython-3.11.9-[*]: run the playbook provision"):
        find_python("3.11.9")
    program = tmp_path / "cpython-3.11.9-linux-x86_64-gnu/bin/python3"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 3.11.9\n")
    program.chmod(0o755)
    assert find_python("3.11.9") == (str(program), "3.11.9")
    assert find_python(str(program)) == (str(program), "3.11.9")


@pytest.mark.parametrize("path, sentence", [
    ("/nowhere/python3", "python is '/nowhere/python3', but this host has no program there: install it, or give a version."),
    ("/bin/true", "python is '/bin/true', which is not a Python 3 that starts on this host: give the path of an interpreter, or a version."),
])
def test_a_path_that_is_no_python(path, sentence):
    with pytest.raises(BuildError) as caught:
        find_python(path)
    assert str(caught.value) == sentence
