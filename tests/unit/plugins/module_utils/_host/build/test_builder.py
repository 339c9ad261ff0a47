# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is made, with real git repositories, real files and real processes."""

from __future__ import annotations

import errno
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _addresses
from ansible_collections.pyweb.stack.plugins.module_utils._host import commands, privileges
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.builder import Builder
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.bytecode import reuse_bytecode
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.files import prune_environments
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.published import forget_other, passed, prune_assets, released
from ansible_collections.pyweb.stack.plugins.module_utils._host.build.shared import link, make_shared
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

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
        builder = Builder("shop", str(tmp_path / "srv"), params)
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


@pytest.mark.parametrize("version", ["refs/pull/7/head", "{commit}"])
def test_a_commit_that_no_branch_or_tag_leads_to(make, repository, version):
    """Of a pull request, or one that a push by force has left behind."""
    tree = git(repository.folder, "rev-parse", "HEAD^{tree}")
    commit = git(repository.folder, "commit-tree", tree, "-m", "three", "-p", repository.two)
    git(repository.folder, "update-ref", "refs/pull/7/head", commit)
    version = version.format(commit=commit)
    assert make(version).source.remote() == commit
    assert make(version).source.resolve() == commit
    git(repository.folder, "update-ref", "-d", "refs/pull/7/head")
    if version != commit:
        with pytest.raises(BuildError, match="has no branch, tag or commit 'refs/pull/7/head': check the version"):
            make(version).source.resolve()


def test_a_commit_that_another_host_has_built_before_a_push_by_force(make, repository):
    commit = git(repository.folder, "commit-tree", git(repository.folder, "rev-parse", "HEAD^{tree}"), "-m", "four", "-p", repository.two)
    git(repository.folder, "update-ref", "refs/pull/9/head", commit)
    source = make("main").source
    source.fetch(commit)
    assert source.has(commit)


@pytest.mark.parametrize("version", ["nope", "v2", "refs/pull/8/head", "0" * 40, "refs/heads/main", "shop.py", "1234567"])
def test_a_version_that_is_not_there(make, repository, version):
    with pytest.raises(BuildError) as caught:
        make(version).source.resolve()
    assert str(caught.value) == f"{repository.url} has no branch, tag or commit {version!r}: check the version."


def test_remote_writes_nothing(make, tmp_path):
    with pytest.raises(BuildError, match="has no branch, tag or commit 'nope'"):
        make("nope").source.remote()
    assert os.listdir(tmp_path / "srv/build") == []


def test_a_repository_that_cannot_be_reached(make, tmp_path):
    with pytest.raises(BuildError) as caught:
        make(repo=f"file://{tmp_path}/nowhere").source.resolve()
    assert str(caught.value).splitlines()[0].startswith(f"git fetch from file://{tmp_path}/nowhere failed (exit status 128); check source.repo")


@pytest.mark.parametrize("repo", ["--upload-pack=touch {mark}", "ext::sh -c touch% {mark}"])
def test_an_address_that_is_a_command(make, tmp_path, repo):
    mark = tmp_path / "mark"
    with pytest.raises(BuildError):
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
    with pytest.raises(BuildError, match="'topic/x'"):
        builder.source.resolve()


def test_the_deploy_key_is_a_file_only_while_git_fetches(make, tmp_path):
    builder = make(source={"deploy_key": "-----KEY-----", "known_hosts": ["git.example.com ssh-ed25519 AAAA"]})
    with builder.source.access("git@git.example.com:x") as env:
        words = env["GIT_SSH_COMMAND"].split()
        key = pathlib.Path(words[words.index("-i") + 1])
        assert (key.read_text(), key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == ("-----KEY-----\n", 0o600, 0o700)
        assert "StrictHostKeyChecking=yes" in words and "IdentitiesOnly=yes" in words and "BatchMode=yes" in words
    assert os.listdir(tmp_path / "srv/build") == []
    with make().source.access("git@git.example.com:x") as env:
        assert "StrictHostKeyChecking=accept-new" in env["GIT_SSH_COMMAND"]


def test_export(make, repository, tmp_path):
    builder = make()
    builder.source.resolve()
    target = tmp_path / "target"
    target.mkdir()
    builder.source.export(repository.one, str(target))
    assert os.listdir(target) == ["app.py"] and (target / "app.py").read_text() == "VERSION = 1\n"
    with pytest.raises(BuildError, match="export of ffffffffffff failed"):
        builder.source.export("f" * 40, str(target))


def test_what_archives_for_download_leave_out_belongs_to_a_release(make, tmp_path, repository):
    other = tmp_path / "other"
    shutil.copytree(repository.folder, other, symlinks=True)
    (other / ".gitattributes").write_text("/templates export-ignore\n*.cfg export-ignore\n")
    (other / "templates/mail").mkdir(parents=True)
    (other / "templates/mail/hello.txt").write_text("hello")
    (other / "app.cfg").write_text("x = 1")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "attributes")
    builder = make(repo=f"file://{other}")
    revision = builder.source.resolve()
    target = tmp_path / "target"
    target.mkdir()
    builder.source.export(revision, str(target))
    assert (target / "templates/mail/hello.txt").read_text() == "hello" and (target / "app.cfg").exists()


@pytest.mark.parametrize("entry", [".venv", ".pyweb"])
def test_names_that_belong_to_the_release(make, tmp_path, repository, entry):
    other = tmp_path / "other"
    shutil.copytree(repository.folder, other, symlinks=True)
    os.symlink("/etc", other / entry)
    git(other, "add", "-A", "-f")
    git(other, "commit", "-q", "-m", "x")
    builder = make(repo=f"file://{other}")
    (tmp_path / "target").mkdir()
    with pytest.raises(BuildError, match="an entry .pyweb or .venv at its top"):
        builder.source.export(builder.source.resolve(), str(tmp_path / "target"))


@pytest.mark.parametrize("url, shown", [
    ("https://user:pa%20ss@git.example.com/x.git", "https://git.example.com/x.git"),
    ("https://token@git.example.com/x@y.git", "https://git.example.com/x@y.git"),
    ("https://git.example.com/x.git", "https://git.example.com/x.git"),
    ("git@git.example.com:x.git", "git@git.example.com:x.git"),
])
def test_without_password(url, shown):
    assert _addresses.without_password(url) == shown


# --- assets ---------------------------------------------------------------------------------------------------------------

def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


# --- steps ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("script, sentence", [
    ("echo out; echo err >&2; exit 3", "step failed (exit status 3); look here\nout\nerr"),
    ("echo 'cp: No space left on device'; exit 1", "step failed (exit status 1); the disk is full: free some space and deploy again.\ncp"),
    ("seq 100; exit 1", "step failed (exit status 1); look here\n76\n77"),
])
def test_a_step_that_fails_shows_its_last_output(script, sentence):
    with pytest.raises(BuildError) as caught:
        commands.call(["/bin/sh", "-c", script], "step", {"PATH": "/usr/bin:/bin"}, hint="look here")
    assert str(caught.value).startswith(sentence)


def test_a_step_whose_program_is_missing():
    with pytest.raises(BuildError, match="^step: /no/such is not installed on this host.$"):
        commands.call(["/no/such"], "step", {})


def test_a_django_project_that_has_no_static_files(make, tmp_path):
    target = tmp_path / "release"
    target.mkdir()
    (target / "manage.py").write_text("print(\"0 static files copied to 'x'.\")\n")
    env = {"PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    assert make(static={"/static/": "staticfiles"}).step("python manage.py collectstatic --noinput", env, str(target)) == []
    assert (target / "staticfiles").is_dir()


def test_a_shared_directory_in_another_one_comes_with_its_link(make, tmp_path):
    target, shared = tmp_path / "release", tmp_path / "shared"
    (target / "media/up").mkdir(parents=True)
    (shared / "media/up").mkdir(parents=True)
    (shared / "media/up/photo").touch()
    make(shared=["media/up", "media", "var/log"]).finish("0" * 40, "20261101T000000Z-1a2b3c4", str(target), str(shared))
    assert os.readlink(target / "media") == f"{shared}/media" and os.readlink(target / "var/log") == f"{shared}/var/log"
    assert (shared / "media/up/photo").exists() and not (shared / "media/up").is_symlink()


def test_shared_directories_take_the_place_of_what_is_there(tmp_path):
    for name in ("directory/sub", "new/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").touch()
    os.symlink("outside", tmp_path / "link")
    for name in ("directory", "file", "link", "missing/deep"):
        link(str(tmp_path / name), "/srv/shop/shared/x")
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
    with pytest.raises(BuildError, match=r"^site.static has /x/: gone, which is not in the source"):
        builder.static(str(target), "/x/", "gone")


@pytest.mark.parametrize(("links", "named", "real"), [
    ({"public": "assets-v1"}, "public", "assets-v1"),
    ({"public": "latest/css", "latest": "assets/v2"}, "public", "assets/v2/css"),
    ({"web/public": "../assets/v1"}, "web/public", "assets/v1"),
    ({"public": "{target}/assets/v1"}, "public", "assets/v1"),
    ({"front": "packages/front"}, "front/dist", "packages/front/dist"),
])
def test_a_directory_that_is_a_link_is_what_it_leads_to(make, tmp_path, links, named, real):
    target = tmp_path / "srv/releases/a"
    write(target, {f"{real}/js/app.4f3a9c1b.js": "", f"{real}/style.css": "", "secret/key.4f3a9c1b.txt": "", "web/app.py": ""})
    for name, lead in links.items():
        os.symlink(lead.format(target=target), target / name)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o750 if path.is_dir() else 0o640)
    make().static(str(target), "/static/", named)
    above = [path for path in (target / real).parents if path.is_relative_to(target)]
    assert {path.stat().st_mode & 0o007 for path in above} == {0o001} and (target / real).stat().st_mode & 0o007 == 0o005
    modes = {str(path.relative_to(target / real)): path.stat().st_mode & 0o007 for path in (target / real).rglob("*")}
    assert modes == {"js": 0o005, "js/app.4f3a9c1b.js": 0o004, "style.css": 0o004}
    assert [path.stat().st_mode & 0o007 for path in (target / "secret", target / "secret/key.4f3a9c1b.txt", target / "web/app.py")] == [0, 0, 0]
    assets = tmp_path / "srv/assets/static"
    assert [str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()] == ["js/app.4f3a9c1b.js"]


def test_links_that_nginx_may_not_follow_are_told(make, tmp_path):
    """A committed link, as to node_modules, which another web server would have followed."""
    target = tmp_path / "srv/releases/a"
    write(target, {"public/css/site.css": "", "vendor/v.css": "", "other/o.css": "", ".env": ""})
    for name, lead in {"public/main.css": "css/site.css", "public/vendor": "../vendor", "public/v.css": "../vendor/v.css", "public/gone": "nowhere",
                       "public/hosts": "/etc/hosts", "public/other": "../other", "public/.hidden": "../.env"}.items():
        os.symlink(lead, target / name)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o750 if path.is_dir() else 0o640)
    shared = tmp_path / "srv/shared"
    shared.mkdir()
    notes = make(static={"/static/": "public", "/other/": "other"}).finish("0" * 40, "20261101T000000Z-1a2b3c4", str(target), str(shared))["notes"]
    assert notes == ["site.static has public, where v.css and 1 more lead to what nginx may not read, so visitors get 403 for it: "
                     "have a build step put a copy in the place of the link."]
    assert (target / "vendor").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("lead", [".", "../a", "/etc", "/", "../b", "public/../public"])
def test_a_link_to_elsewhere_opens_nothing(make, tmp_path, lead):
    """Such as the whole release, another one, or files of a Debian package, which are for all."""
    target = tmp_path / "srv/releases/a"
    write(target, {"app.py": "", "src/app.py": ""})
    write(target.parent / "b", {"app.py": ""})
    os.symlink(lead, target / "public")
    for path in [target, *target.parent.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o750 if path.is_dir() else 0o640)
    assert passed(str(target), f"{target}/public")[-1] == f"{target}/public"


def test_a_single_file(make, tmp_path):
    target = tmp_path / "srv/releases/a"
    names = ("out/robots.txt", "out/key.txt")
    write(target, {name: name for name in names})
    for path in [target, *target.rglob("*")]:
        path.chmod(0o750 if path.is_dir() else 0o640)
    make().static(str(target), "/robots.txt", "out/robots.txt", released("20261120T201500Z-1a2b3c4"))
    assert [(target / name).stat().st_mode & 0o007 for name in ("out", *names)] == [0o001, 0o004, 0]
    assert (target / names[0]).stat().st_mtime == 1795205700
    for wrong in ("out", "gone.txt"):
        with pytest.raises(BuildError, match=f"^site.static has /a.txt: {wrong}, which is not in the source"):
            make().static(str(target), "/a.txt", wrong)


def test_a_site_of_files_alone(make, tmp_path):
    """The whole release, here: all but what begins with a dot."""
    target = tmp_path / "srv/releases/a"
    names = ("index.html", "js/app-4f3a9c1b.js", "about/page-4f3a9c1b.html", ".env", ".git/config-4f3a9c1b.js", ".venv/bin/x", ".well-known/security.txt")
    write(target, {name: name for name in names})
    for path in [target, *target.rglob("*")]:
        path.chmod(0o750 if path.is_dir() else 0o640)
    builder = make()
    for dummy in range(2):
        builder.static(str(target), "/", ".", released("20261120T201500Z-1a2b3c4"))
    assets = tmp_path / "srv/assets"
    assert [str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()] == ["js/app-4f3a9c1b.js"]
    modes = {name: (target / name).stat().st_mode & 0o777 for name in (".", "js", ".git", ".venv", ".well-known", *names)}
    assert [modes[name] for name in (".", "js", "index.html", "js/app-4f3a9c1b.js", ".well-known", ".well-known/security.txt")] == [
        0o755, 0o755, 0o644, 0o644, 0o755, 0o644]
    assert [modes[name] for name in (".git", ".venv", ".env", ".git/config-4f3a9c1b.js")] == [0o750, 0o750, 0o640, 0o640]
    # Two releases never have the same time and size for different pages.
    assert (target / "index.html").stat().st_mtime == 1795205700
    with pytest.raises(BuildError, match=r"^site.root is dist, which is not in the source and which no build step made.$"):
        builder.static(str(target), "/", "dist")


def test_a_kept_file_whose_name_is_a_word_is_not_served_in_its_old_state(tmp_path):
    files = write(tmp_path, {"new/menu-DropDown.js": "new", "kept/menu-DropDown.js": "old", "kept/same-DropDown.js": "new"})
    for name in ("menu-DropDown.js", "same-DropDown.js", "none-DropDown.js"):
        forget_other(f"{files}/new/menu-DropDown.js", f"{files}/kept/{name}")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["same-DropDown.js"]


def test_assets_of_a_site_of_files_alone(tmp_path):
    assets, kept = tmp_path / "assets", tmp_path / "releases/b/dist"
    write(assets, {"old.1.css": "", "new.2.css": "", "js/old.1.js": "", "js/new.2.js": ""})
    write(kept, {"new.2.css": "", "js/new.2.js": ""})
    prune_assets(str(assets), [{"/": str(kept)}])
    assert sorted(str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()) == ["js/new.2.js", "new.2.css"]


def modes(folder):
    return {str(path.relative_to(folder)): path.lstat().st_mode & 0o7777 for path in sorted(folder.rglob("*")) if not path.is_symlink()}


def test_data_is_private_and_media_are_for_nginx(tmp_path):
    web = os.getgid()
    umask = os.umask(0o027)
    try:
        for dummy in range(2):
            make_shared(str(tmp_path), ["data", "media", "files"], ["media", "files/public/images"], web, str(tmp_path / "none"))
        (tmp_path / "media/2026").mkdir()
        (tmp_path / "media/2026/photo.jpg").write_text("x")
    finally:
        os.umask(umask)
    assert modes(tmp_path) == {
        "data": 0o700, "media": 0o2750, "files": 0o711, "files/public": 0o711, "files/public/images": 0o2750,
        "media/2026": 0o2750, "media/2026/photo.jpg": 0o640,
    }


def test_media_that_are_there_already_are_adapted_once(tmp_path, monkeypatch):
    write(tmp_path, {"media/a/b.jpg": "", "media/c.jpg": "", "outside": ""})
    os.symlink(tmp_path / "outside", tmp_path / "media/link")
    for path, mode in {"media/a/b.jpg": 0o600, "media/c.jpg": 0o664, "media/a": 0o700, "media": 0o700, "outside": 0o600}.items():
        (tmp_path / path).chmod(mode)
    for dummy in range(2):
        make_shared(str(tmp_path), ["media"], ["media"], os.getgid(), str(tmp_path / "none"))
        assert modes(tmp_path) == {"media": 0o2750, "media/a": 0o2750, "media/a/b.jpg": 0o640, "media/c.jpg": 0o664, "outside": 0o600}
        # What the application does later is its own decision.
        monkeypatch.setattr(os, "walk", lambda *arguments, **options: pytest.fail("looked through once more"))


def test_assets_that_no_kept_release_has(tmp_path):
    assets, kept = tmp_path / "assets", tmp_path / "releases/b/out"
    write(assets, {"static/old.1.css": "", "static/js/new.2.js": "", "media/new.2.js": ""})
    write(kept, {"js/new.2.js": ""})
    prune_assets(str(assets), [{"/static/": str(kept)}, {}])
    assert [str(path.relative_to(assets)) for path in assets.rglob("*") if path.is_file()] == ["static/js/new.2.js"]
    prune_assets(str(tmp_path / "none"), [])


def test_environments_that_no_kept_release_has(tmp_path):
    for name in ("used", "unused", ".cut-short"):
        (tmp_path / "envs" / name).mkdir(parents=True)
    prune_environments(str(tmp_path), {"used", None})
    assert os.listdir(tmp_path / "envs") == ["used"]
    prune_environments(str(tmp_path / "none"), set())


# --- another user -----------------------------------------------------------------------------------------------------

NOBODY = "nobody"


def fail():
    raise BuildError("one sentence")


def crash():
    return 1 // 0


def leave_something_behind():
    return subprocess.Popen(["sleep", "60"]).pid


def leave_a_daemon():
    """In a session of its own, and not our child any more."""
    return int(commands.call(["sh", "-c", "setsid sh -c 'echo $$; exec sleep 60 > /dev/null 2>&1' & sleep 0.5"], "a step", dict(os.environ)))


def fill_the_disk():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_build_is_another_user_for_good():
    if os.getuid() != 0:
        # Who cannot become the build user must not build at all.
        with pytest.raises(BuildError):
            privileges.as_user(NOBODY, lambda: os._exit(0))
        return
    account = pwd.getpwnam(NOBODY)
    told = privileges.as_user(NOBODY, lambda: [os.getresuid(), os.getresgid(), os.getgroups(), os.umask(0)])
    assert told == [[account.pw_uid] * 3, [account.pw_gid] * 3, os.getgrouplist(NOBODY, account.pw_gid), 0o027]
    with pytest.raises(BuildError, match="Operation not permitted"):
        privileges.as_user(NOBODY, lambda: os.setuid(0))
    with pytest.raises(BuildError, match="^one sentence$"):
        privileges.as_user(NOBODY, fail)
    with pytest.raises(BuildError, match="(?s)^unexpected error: Traceback.*ZeroDivisionError"):
        privileges.as_user(NOBODY, crash)
    with pytest.raises(BuildError, match="^the build was killed before it could say why"):
        privileges.as_user(NOBODY, lambda: os.kill(os.getpid(), 9))
    with pytest.raises(BuildError, match="^the disk is full: free some space and deploy again.$"):
        privileges.as_user(NOBODY, fill_the_disk)
    for behind in (leave_something_behind, leave_a_daemon):
        pid = privileges.as_user(NOBODY, behind)
        stat = pathlib.Path(f"/proc/{pid}/stat")
        for dummy in range(200):
            if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
                break
            time.sleep(0.05)
        else:
            raise AssertionError("it still runs")


def test_what_a_step_leaves_in_the_background_is_not_waited_for():
    begun = time.monotonic()
    printed = commands.call(["sh", "-c", "sleep 60 & echo $!; echo oops >&2"], "a step", dict(os.environ))
    os.kill(int(printed.split()[0]), 9)
    assert printed.splitlines()[1:] == ["oops"] and time.monotonic() - begun < 30


@pytest.mark.parametrize("command, told", [
    ("python manage.py check", "python manage.py check"), ("first\nsecond\n", "first…"), ("\n cd there\nmake\n", "cd there…"),
    ("x" * 200, "x" * 80 + "…"), ("", ""),
])
def test_a_script_is_told_by_its_beginning(command, told):
    assert commands.short(command) == told


# --- bytecode ---------------------------------------------------------------------------------------------------------

def compile_all(folder):
    subprocess.run([sys.executable, "-m", "compileall", "-q", folder], check=True)


def bytecode_is_taken(folder, module):
    """Does Python itself take the bytecode that is there?"""
    done = subprocess.run([sys.executable, "-B", "-v", "-c", f"import {module}; print({module}.WHERE)"], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=True, env={"PATH": os.environ["PATH"]})
    assert done.stdout.strip() == str(folder / module.replace(".", "/")) + ".py", "a traceback names this release"
    return f" matches {folder}/{module.replace('.', '/')}.py" in done.stderr


def test_bytecode_is_taken_from_the_live_release(tmp_path):
    where = "WHERE = (lambda: None).__code__.co_filename\n"
    for folder, changed, age in (("old", "A = 1\n", 1000), ("new", "A = 2\n", 500)):
        for name, text in (("same.py", where), ("changed.py", where + changed), ("pkg/__init__.py", ""), ("pkg/same.py", where), ("pkg/edited.py", where)):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (1700000000 - age, 1700000000 - age))
    old, new = tmp_path / "old", tmp_path / "new"
    compile_all(old)
    # A build step of the old release has changed it without a trace in its bytecode: what counts is what Python compares.
    (old / "pkg/edited.py").write_text(where + "# 1\n")
    (new / "pkg/edited.py").write_text(where + "# 1\n")
    # Nothing leads out of the release.
    (new / "link").symlink_to(old)
    reuse_bytecode(str(old), str(new))
    assert {path.name.split(".")[0] for path in new.rglob("*.pyc")} == {"same", "__init__"}
    assert bytecode_is_taken(new, "same") and bytecode_is_taken(new, "pkg.same") and not bytecode_is_taken(new, "changed")
    compile_all(new)
    assert bytecode_is_taken(new, "changed") and bytecode_is_taken(new, "pkg.edited")
    # Each release has its own: they are no links.
    assert all(path.stat().st_nlink == 1 for path in new.rglob("*.pyc"))
