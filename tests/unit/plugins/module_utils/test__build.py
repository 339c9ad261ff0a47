# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is made, with real git repositories, real files, real processes and the real uv (without a network)."""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import time
import zipfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _build, _environment, _step

ENV = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000",
}


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=ENV).stdout.strip()


class Repository:
    """main: one, two (HEAD); the branch topic and the annotated tag v1 on one; a branch and a tag both named twin."""

    def __init__(self, folder):
        self.folder = folder
        self.url = f"file://{folder}"
        git(folder.parent, "init", "-q", "-b", "main", folder.name)
        self.one = self.commit("one", "app.py", "VERSION = 1\n")
        for arguments in (["branch", "topic/x"], ["tag", "-a", "v1", "-m", "v1"], ["tag", "twin"]):
            git(folder, *arguments)
        self.two = self.commit("two", "app.py", "VERSION = 2\n")
        git(folder, "branch", "twin")

    def commit(self, message, path, text):
        (self.folder / path).write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", message)
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin") / "shop"
    folder.mkdir()
    return Repository(folder)


@pytest.fixture
def make(tmp_path, repository, monkeypatch):
    def make(version="HEAD", repo=None, **params):
        source = {"repo": repo or repository.url, "version": version, "deploy_key": None, "known_hosts": [], **params.pop("source", {})}
        params = {"source": source, "python": None, "server_packages": [], "env": {}, "build_env": {}, "build": [], "shared": [],
                  "static": {}, "hooks": {}, **params}
        (tmp_path / "srv/build").mkdir(parents=True, exist_ok=True)
        builder = _build.Builder("shop", str(tmp_path / "srv"), params)
        for env in (builder.env, builder.environment.uv_env):
            env["PATH"] = os.environ["PATH"]
            # What root may read of another's repository is not the question here.
            env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        return builder

    return make


# --- source -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version, wanted", [
    ("HEAD", "two"), ("main", "two"), ("topic/x", "one"), ("v1", "one"), ("twin", "two"), ("{one}", "one"), ("{one:.8}", "one"),
])
def test_a_version_is_a_branch_a_tag_or_a_commit(make, repository, version, wanted):
    version = version.format(one=repository.one)
    wanted = getattr(repository, wanted)
    assert make(version).source.resolve() == wanted
    if len(version) != 8:
        assert make(version).source.remote() == wanted


@pytest.mark.parametrize("version", ["nope", "v2", "0" * 40, "refs/heads/main", "shop.py", "1234567"])
def test_a_version_that_is_not_there(make, repository, version):
    with pytest.raises(_step.BuildError) as caught:
        make(version).source.resolve()
    assert str(caught.value) == f"{repository.url} has no branch, tag or commit {version!r}: check the version."


def test_remote_writes_nothing(make, tmp_path):
    with pytest.raises(_step.BuildError, match="has no branch, tag or commit 'nope'"):
        make("nope").source.remote()
    assert os.listdir(tmp_path / "srv/build") == []


def test_a_repository_that_cannot_be_reached(make, tmp_path):
    with pytest.raises(_step.BuildError) as caught:
        make(repo=f"file://{tmp_path}/nowhere").source.resolve()
    assert str(caught.value).splitlines()[0].startswith(f"git fetch from file://{tmp_path}/nowhere failed (exit status 128); check source.repo")


@pytest.mark.parametrize("repo", ["--upload-pack=touch {mark}", "ext::sh -c touch% {mark}"])
def test_an_address_that_is_a_command(make, tmp_path, repo):
    mark = tmp_path / "mark"
    with pytest.raises(_step.BuildError):
        make(repo=repo.format(mark=mark)).source.resolve()
    assert not mark.exists()


def test_the_mirror_follows_what_moves_and_goes(make, tmp_path, repository):
    moving = tmp_path / "moving"
    shutil.copytree(repository.folder, moving, symlinks=True)
    builder = make("topic/x", repo=f"file://{moving}")
    assert builder.source.resolve() == repository.one and builder.source.has(repository.two) and not builder.source.has("f" * 40)
    git(moving, "branch", "-f", "topic/x", repository.two)
    assert builder.source.resolve() == repository.two
    git(moving, "branch", "-D", "topic/x")
    with pytest.raises(_step.BuildError, match="'topic/x'"):
        builder.source.resolve()


def test_the_deploy_key_is_a_file_only_while_git_fetches(make, tmp_path):
    builder = make(source={"deploy_key": "-----KEY-----", "known_hosts": ["git.example.com ssh-ed25519 AAAA"]})
    with builder.source.ssh() as command:
        words = command.split()
        key = pathlib.Path(words[words.index("-i") + 1])
        assert (key.read_text(), key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == ("-----KEY-----\n", 0o600, 0o700)
        assert "StrictHostKeyChecking=yes" in words and "IdentitiesOnly=yes" in words and "BatchMode=yes" in words
    assert os.listdir(tmp_path / "srv/build") == []
    assert "StrictHostKeyChecking=accept-new" in next(iter(make().source.ssh().gen))


def test_export(make, repository, tmp_path):
    builder = make()
    builder.source.resolve()
    target = tmp_path / "target"
    target.mkdir()
    builder.source.export(repository.one, str(target))
    assert os.listdir(target) == ["app.py"] and (target / "app.py").read_text() == "VERSION = 1\n"
    with pytest.raises(_step.BuildError, match="export of ffffffffffff failed"):
        builder.source.export("f" * 40, str(target))


@pytest.mark.parametrize("entry", [".venv", ".pyweb"])
def test_names_that_belong_to_the_release(make, tmp_path, repository, entry):
    other = tmp_path / "other"
    shutil.copytree(repository.folder, other, symlinks=True)
    os.symlink("/etc", other / entry)
    git(other, "add", "-A", "-f")
    git(other, "commit", "-q", "-m", "x")
    builder = make(repo=f"file://{other}")
    (tmp_path / "target").mkdir()
    with pytest.raises(_step.BuildError, match="an entry .pyweb or .venv at its top"):
        builder.source.export(builder.source.resolve(), str(tmp_path / "target"))


@pytest.mark.parametrize("url, shown", [
    ("https://user:pa%20ss@git.example.com/x.git", "https://git.example.com/x.git"),
    ("https://token@git.example.com/x@y.git", "https://git.example.com/x@y.git"),
    ("https://git.example.com/x.git", "https://git.example.com/x.git"),
    ("git@git.example.com:x.git", "git@git.example.com:x.git"),
])
def test_without_password(url, shown):
    assert _step.without_password(url) == shown


# --- requirements -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, third_party, local", [
    ("flask==3.0\ngunicorn\n", "flask==3.0\ngunicorn\n", []),
    (".\nflask\n", "flask\n", ["."]),
    ("-e .\n-e ./lib\n--editable=../x\n", "", [".", "./lib", "../x"]),
    ("./src  # the project\n", "", ["./src"]),
    ("-r base.txt\n-c limits.txt\n--requirement other.txt\nflask\n", "flask\n", []),
    ("flask @ https://example.com/flask.whl\n", "flask @ https://example.com/flask.whl\n", []),
    ("flask==3.0 \\\n    --hash=sha256:00\n", "flask==3.0 \\\n    --hash=sha256:00\n", []),
    ("--index-url https://example.com/simple\n", "--index-url https://example.com/simple\n", []),
    (".hidden\n", ".hidden\n", []),
])
def test_split_local(text, third_party, local):
    assert _environment.split_local(text) == (third_party, local)


def test_requirements_with_all_that_they_include(tmp_path):
    (tmp_path / "sub").mkdir()
    files = {"requirements.txt": "a\n-r sub/more.txt\n-c limits.txt\n", "sub/more.txt": "b\n--requirement=deep.txt\n", "sub/deep.txt": "c\n-r more.txt\n",
             "limits.txt": "d<2\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = _environment.read_requirements(str(tmp_path / "requirements.txt"))
    assert [line for line in found.splitlines() if line and line[0] != "-"] == ["a", "b", "c", "d<2"]
    with pytest.raises(_step.BuildError, match="^gone.txt cannot be read: No such file or directory.$"):
        _environment.read_requirements(str(tmp_path / "gone.txt"))


@pytest.mark.parametrize("name, hashed", [
    ("guestbook.4f3a9c1b.css", True), ("index-BxK3f_9a.js", True), ("app.4f3a9c1b2d3e.js.map", True), ("a.0123456789abcdef.woff2", True),
    ("style.css", False), ("jquery-3.7.1.min.js", False), ("bootstrap.bundle.js", False), ("logo-large.png", False), ("app.1234567.js", False),
    ("background.css", False), ("README", False),
])
def test_names_that_change_with_the_content(name, hashed):
    assert bool(_build.HASHED.search(name)) is hashed


@pytest.mark.parametrize("name, expected", [("Flask_SQLAlchemy", "flask-sqlalchemy"), ("zope.interface", "zope-interface"), ("a--b__c", "a-b-c")])
def test_normal(name, expected):
    assert _environment.normal(name) == expected


# --- lock and environment, by the real uv -----------------------------------------------------------------------------

def wheel(folder, name, version, requires=()):
    """A package that an index would have."""
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA":
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {item}\n" for item in requires),
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n" for path, text in files.items())
    files[f"{name}-{version}.dist-info/RECORD"] = record + f"{name}-{version}.dist-info/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    digests = {}
    for name, version, requires in (("alpha", "1.0", ["beta"]), ("alpha", "2.0", ["beta"]), ("beta", "1.0", []), ("server", "9.0", [])):
        digests[f"{name}=={version}"] = wheel(folder, name, version, requires)
    return folder, digests


@pytest.fixture
def uv(make, index, tmp_path, monkeypatch):
    """A builder whose uv finds its packages in a directory; what it was called with is in uv.calls."""
    real = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    assert real, "uv is in requirements.txt"
    log = tmp_path / "calls"
    script = tmp_path / "uv"
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(_environment, "UV", str(script))

    def uv(**params):
        builder = make(**params)
        builder.environment.uv_env.update(UV_NO_INDEX="1", UV_FIND_LINKS=str(index[0]), UV_OFFLINE="1")
        return builder

    uv.calls = lambda: log.read_text().splitlines() if log.exists() else []
    return uv


PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["alpha"]\n'
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "nowhere"\n'
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
'''

# files -> names in the lock, local ones, is it a package?, what uv did
LOCKS = {
    "nothing": ({"app.py": ""}, [], [], False, None),
    "requirements": ({"requirements.txt": "alpha\n"}, ["alpha==2.0", "beta==1.0"], [], False, "compile"),
    "requirements with a limit": ({"requirements.txt": "alpha\n-c limits.txt\n", "limits.txt": "alpha<2\n"}, ["alpha==1.0", "beta==1.0"], [], False, "compile"),
    "requirements with the project": ({"requirements.txt": "beta\n./lib\n", "lib/pyproject.toml": PROJECT.replace("alpha", "beta")},
                                      ["beta==1.0"], ["./lib"], False, "compile"),
    "requirements with hashes": ({"requirements.txt": "beta==1.0 --hash=sha256:00\n"}, ["beta==1.0"], [], False, None),
    "requirements before pyproject": ({"requirements.txt": "beta\n", "pyproject.toml": PROJECT + BUILD_SYSTEM}, ["beta==1.0"], [], True, "compile"),
    "pyproject": ({"pyproject.toml": PROJECT}, ["alpha==2.0", "beta==1.0"], [], False, "compile"),
    "pyproject of a package": ({"pyproject.toml": PROJECT + BUILD_SYSTEM}, ["alpha==2.0", "beta==1.0"], [], True, "compile"),
    "pyproject for tools only": ({"pyproject.toml": "[tool.black]\nline-length = 100\n"}, [], [], False, None),
    "uv.lock": ({"pyproject.toml": PROJECT, "uv.lock": UV_LOCK % ("0" * 64)}, ["alpha==1.0"], [], False, "export"),
    "uv.lock before requirements": ({"pyproject.toml": PROJECT, "uv.lock": UV_LOCK % ("0" * 64), "requirements.txt": "beta\n"},
                                    ["alpha==1.0"], [], False, "export"),
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize("files, names, local, is_package, did", LOCKS.values(), ids=LOCKS)
def test_lock(uv, tmp_path, files, names, local, is_package, did):
    source = write(tmp_path / "source", files)
    builder = uv()
    lock, found, package = builder.environment.lock(source, sys.executable)
    assert ([line.split()[0] for line in lock.splitlines() if line.strip() and line[0] not in " -#"], found, package) == (names, local, is_package)
    assert (did in " ".join(uv.calls()) if did else uv.calls() == []), uv.calls()
    assert ("--hash=" in lock) is ("hashes" in str(files) or did == "export" or "--hash" in str(files))
    # Unpinned requirements mean the same the next time, without asking again.
    before = len(uv.calls())
    assert builder.environment.lock(source, sys.executable)[0] == lock and len(uv.calls()) == before + (did == "export")


@pytest.mark.parametrize("files, sentence", [
    ({"requirements.txt": "no-such-package\n"}, "uv pip compile of requirements.txt failed (exit status 1); check the names and versions in it"),
    ({"requirements.txt": "-r gone.txt\n"}, "gone.txt cannot be read: No such file or directory."),
    ({"pyproject.toml": "[project\n"}, "pyproject.toml cannot be read: "),
    ({"pyproject.toml": PROJECT, "uv.lock": "nonsense"}, "uv export of uv.lock failed (exit status 2); run uv lock in the project and commit uv.lock."),
])
def test_a_lock_that_cannot_be_made(uv, tmp_path, files, sentence):
    with pytest.raises(_step.BuildError) as caught:
        uv().environment.lock(write(tmp_path / "source", files), sys.executable)
    assert str(caught.value).startswith(sentence)


def test_an_environment_is_built_once_and_never_half(uv, index, tmp_path):
    digest = index[1]["beta==1.0"]
    envs = tmp_path / "srv/build/envs"
    (envs / ".cut-short").mkdir(parents=True)
    builder = uv(server_packages=["server==9.0", "beta==0.5"])
    lock = f"beta==1.0 --hash=sha256:{digest}\n"
    with pytest.raises(_step.BuildError, match="^installing the requirements failed"):
        builder.environment.base(lock.replace(digest, "0" * 64), sys.executable)
    assert [name for name in os.listdir(envs) if not name.startswith(".")] == []
    key = builder.environment.base(lock, sys.executable)
    assert os.listdir(envs) == [key], "what was cut short is gone"
    packages = next((envs / key / "lib").iterdir()) / "site-packages"
    # The application's own version of a server comes before ours.
    assert (packages / "beta/__init__.py").read_text() == "VERSION = '1.0'\n" and (packages / "server").is_dir()
    assert list((packages / "beta").glob("__pycache__/*.pyc"))
    assert sum("--require-hashes" in line for line in uv.calls()) == 2
    before = len(uv.calls())
    assert builder.environment.base(lock, sys.executable) == key and len(uv.calls()) == before
    assert uv(server_packages=[]).environment.base(lock, sys.executable) != key


@pytest.mark.parametrize("outside", ["../other", "./../../x"])
def test_a_requirement_outside_of_the_source(uv, tmp_path, outside):
    target = write(tmp_path / "releases/x", {"requirements.txt": f"{outside}\n"})
    builder = uv(python=None)
    builder.environment.python = lambda: (sys.executable, "3.11")
    (tmp_path / "other").mkdir()
    builder.environment.lock = lambda source, python: ("", [outside], False)
    with pytest.raises(_step.BuildError, match="lies outside of the source"):
        builder.environment.install(target)


@pytest.mark.parametrize("wanted", ["3.0", "3.99"])
def test_a_python_that_is_not_there(wanted):
    with pytest.raises(_step.BuildError, match=f"python is '{wanted}', but this host has no python{wanted}"):
        _environment.find_python(wanted)


def test_the_distributions_python():
    path, version = _environment.find_python(None)
    assert path == "/usr/bin/python3" and version.startswith("3.")


# --- steps ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("script, sentence", [
    ("echo out; echo err >&2; exit 3", "step failed (exit status 3); look here\nout\nerr"),
    ("echo 'cp: No space left on device'; exit 1", "step failed (exit status 1); the disk is full: free some space and deploy again.\ncp"),
    ("seq 100; exit 1", "step failed (exit status 1); look here\n76\n77"),
])
def test_a_step_that_fails_shows_its_last_output(script, sentence):
    with pytest.raises(_step.BuildError) as caught:
        _step.call(["/bin/sh", "-c", script], "step", {"PATH": "/usr/bin:/bin"}, hint="look here")
    assert str(caught.value).startswith(sentence)


def test_a_step_whose_program_is_missing():
    with pytest.raises(_step.BuildError, match="^step: /no/such is not installed on this host.$"):
        _step.call(["/no/such"], "step", {})


def test_shared_directories_take_the_place_of_what_is_there(tmp_path):
    for name in ("directory/sub", "new/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").touch()
    os.symlink("outside", tmp_path / "link")
    for name in ("directory", "file", "link", "missing/deep"):
        _build.link(str(tmp_path / name), "/srv/shop/shared/x")
        assert os.readlink(tmp_path / name) == "/srv/shop/shared/x"
    assert (tmp_path / "outside/precious").exists()


def test_hashed_files_outlive_their_release(make, tmp_path):
    target = tmp_path / "srv/releases/a"
    names = ("out/static/app.4f3a9c1b.css", "out/static/style.css", "out/static/js/index-BxK3f_9a.js", "out/static/js/own.css", "secret/key.4f3a9c1b.txt")
    write(target, {name: name for name in names})
    os.symlink("/etc/passwd", target / "out/static/passwd.4f3a9c1b.css")
    for path in (target, target / "out", target / "out/static"):
        path.chmod(0o750)
    for name in names:
        (target / name).chmod(0o640)
    builder = make()
    for dummy in range(2):
        builder.static(str(target), "/static/", "out/static")
    assets = tmp_path / "srv/assets/static"
    assert sorted(str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()) == ["app.4f3a9c1b.css", "js/index-BxK3f_9a.js"]
    modes = {name: (target / name).stat().st_mode & 0o007 for name in (".", "out", "out/static", *names)}
    assert [modes["out"], modes["out/static"], modes[names[0]], modes[names[-1]]] == [0o001, 0o005, 0o004, 0]
    with pytest.raises(_step.BuildError, match=r"^site.static has /x/: gone, which is not in the source"):
        builder.static(str(target), "/x/", "gone")


def test_assets_that_no_kept_release_has(tmp_path):
    assets, kept = tmp_path / "assets", tmp_path / "releases/b/out"
    write(assets, {"static/old.1.css": "", "static/js/new.2.js": "", "media/new.2.js": ""})
    write(kept, {"js/new.2.js": ""})
    _build.prune_assets(str(assets), [{"/static/": str(kept)}, {}])
    assert [str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()] == ["static/js/new.2.js"]
    _build.prune_assets(str(tmp_path / "none"), [])


def test_environments_that_no_kept_release_has(tmp_path):
    for name in ("used", "unused", ".cut-short"):
        (tmp_path / "envs" / name).mkdir(parents=True)
    _build.prune_environments(str(tmp_path), {"used", None})
    assert os.listdir(tmp_path / "envs") == ["used"]
    _build.prune_environments(str(tmp_path / "none"), set())


# --- another user -----------------------------------------------------------------------------------------------------

NOBODY = "nobody"


def fail():
    raise _step.BuildError("one sentence")


def crash():
    return 1 // 0


def leave_something_behind():
    return subprocess.Popen(["sleep", "60"]).pid


def test_a_build_is_another_user_for_good():
    if os.getuid() != 0:
        # Who cannot become the build user must not build at all.
        with pytest.raises(_step.BuildError):
            _step.as_user(NOBODY, lambda: os._exit(0))
        return
    account = pwd.getpwnam(NOBODY)
    told = _step.as_user(NOBODY, lambda: [os.getresuid(), os.getresgid(), os.getgroups(), os.umask(0)])
    assert told == [[account.pw_uid] * 3, [account.pw_gid] * 3, os.getgrouplist(NOBODY, account.pw_gid), 0o027]
    with pytest.raises(_step.BuildError, match="Operation not permitted"):
        _step.as_user(NOBODY, lambda: os.setuid(0))
    with pytest.raises(_step.BuildError, match="^one sentence$"):
        _step.as_user(NOBODY, fail)
    with pytest.raises(_step.BuildError, match="(?s)^unexpected error: Traceback.*ZeroDivisionError"):
        _step.as_user(NOBODY, crash)
    with pytest.raises(_step.BuildError, match="^the build was killed before it could say why"):
        _step.as_user(NOBODY, lambda: os.kill(os.getpid(), 9))
    pid = _step.as_user(NOBODY, leave_something_behind)
    stat = pathlib.Path(f"/proc/{pid}/stat")
    for dummy in range(200):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("it still runs")
