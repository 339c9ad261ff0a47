# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where releases come from: submodules, tokens and keys with the real git, files that were sent, and a real server of HTTP."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.server
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.git import relative_url
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import own_key, source_of
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.sent import prune_sources
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

ENV = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000",
    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
}


def git(folder, *arguments, **options):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=ENV, **options).stdout.strip()


def repository(folder, files):
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return commit(folder, files)


def commit(folder, files, submodules=None):
    """C(submodules): path → (address, commit)."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if submodules:
        (folder / ".gitmodules").write_text(
            "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, (url, dummy) in submodules.items() if url))
    git(folder, "add", "-A")
    for path, (dummy, which) in (submodules or {}).items():
        git(folder, "update-index", "--add", "--cacheinfo", f"160000,{which},{path}")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "build").mkdir()
    return tmp_path / "build"


@pytest.fixture
def source(home):
    def source(sent=None, **options):
        return source_of(str(home), {"source": options, "sent": sent}, dict(ENV))

    return source


def release(source, tmp_path, name="target"):
    """What a build does first; the files that are then there."""
    target = tmp_path / name
    target.mkdir()
    revision = source.resolve()
    source.fetch(revision)
    source.export(revision, str(target))
    return {str(path.relative_to(target)): path.read_text() for path in sorted(target.rglob("*")) if path.is_file() and path.name != ".gitmodules"}


# --- what a crash of the host leaves --------------------------------------------------------------------------------------

def locked(mirror):
    for name in ("packed-refs.lock", "HEAD.lock", "config.lock", "shallow.lock", "refs/heads/main.lock", "refs/pyweb/HEAD.lock"):
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).touch()


def empty_objects(mirror):
    for path in (mirror / "objects").glob("[0-9a-f][0-9a-f]/*"):
        path.chmod(0o600)
        path.write_bytes(b"")


def empty_refs(mirror):
    (mirror / "refs/heads/main").write_bytes(b"")


def no_head(mirror):
    (mirror / "HEAD").write_bytes(b"")


@pytest.mark.parametrize("crash", [locked, empty_objects, empty_refs, no_head])
def test_a_mirror_that_a_crash_has_left_is_mended(source, tmp_path, home, crash):
    """git refuses to go on with each of these."""
    origin = tmp_path / "origin"
    repository(origin, {"app.py": "1"})
    shop = source(repo=str(origin), version="main")
    assert release(shop, tmp_path) == {"app.py": "1"}
    commit(origin, {"app.py": "2"})
    crash(home / "repo.git")
    key = home / ".git-abc" / "key"
    key.parent.mkdir()
    key.write_text("PRIVATE")
    os.utime(key.parent, (1, 1))
    assert release(shop, tmp_path, "second") == {"app.py": "2"}
    assert not key.parent.exists()


def test_a_repository_that_is_away_does_not_cost_the_mirror(source, tmp_path, home):
    origin = tmp_path / "origin"
    repository(origin, {"app.py": "1"})
    shop = source(repo=str(origin), version="main")
    shop.resolve()
    origin.rename(tmp_path / "away")
    before = (home / "repo.git/HEAD").stat().st_ino
    with pytest.raises(BuildError, match="git fetch from .* failed"):
        shop.resolve()
    assert (home / "repo.git/HEAD").stat().st_ino == before


# --- submodules ---------------------------------------------------------------------------------------------------------

def test_submodules_come_with_the_commit_that_the_tree_names(source, tmp_path, home):
    deep = repository(tmp_path / "git/deep", {"deep.txt": "1"})
    lib = repository(tmp_path / "git/lib", {"lib.txt": "1"})
    lib = commit(tmp_path / "git/lib", {}, {"vendor/deep": ("../deep", deep)})
    commit(tmp_path / "git/lib", {"lib.txt": "too new"})
    commit(tmp_path / "git/deep", {"deep.txt": "too new"})
    repository(tmp_path / "git/shop", {"app.py": "1"})
    commit(tmp_path / "git/shop", {}, {"libs/lib": ("./../lib/", lib), "deep": (f"file://{tmp_path}/git/deep", deep)})
    shop = source(repo=f"file://{tmp_path}/git/shop")
    expected = {"app.py": "1", "libs/lib/lib.txt": "1", "libs/lib/vendor/deep/deep.txt": "1", "deep/deep.txt": "1"}
    assert release(shop, tmp_path) == expected
    mirrors = sorted(os.listdir(home / "submodules"))
    assert len(mirrors) == 2, "one for each address"
    # The next release takes what is here: the address need not answer.
    (tmp_path / "git/lib").rename(tmp_path / "git/gone")
    assert release(shop, tmp_path, "again") == expected and sorted(os.listdir(home / "submodules")) == mirrors


def test_a_submodule_at_a_commit_below_no_branch(source, tmp_path):
    repository(tmp_path / "lib", {"lib.txt": "1"})
    git(tmp_path / "lib", "checkout", "-q", "--detach")
    lost = commit(tmp_path / "lib", {"lib.txt": "lost"})
    git(tmp_path / "lib", "checkout", "-q", "main")
    repository(tmp_path / "shop", {"app.py": "1"})
    commit(tmp_path / "shop", {}, {"lib": ("../lib", lost)})
    git(tmp_path / "lib", "config", "uploadpack.allowAnySHA1InWant", "true")
    assert release(source(repo=f"file://{tmp_path}/shop"), tmp_path)["lib/lib.txt"] == "lost"


@pytest.mark.parametrize("url, which, says", [
    ("../nowhere", "{lib}", "git fetch of the submodule lib from file://{tmp}/nowhere failed (exit status 128); check its address in .gitmodules"),
    ("", "{lib}", "file://{tmp}/shop has a submodule at 'lib', but its .gitmodules does not say where it comes from"),
    ("../lib", "f" * 40, "the submodule lib is to be at commit ffffffffffff, which file://{tmp}/lib does not have: push it there."),
    ("../" * 40 + "lib", "{lib}", "leads above file://"),
    ("ext::sh -c touch% {tmp}/mark", "{lib}", "transport 'ext' not allowed"),
    ("--upload-pack=touch {tmp}/mark", "{lib}", "git fetch of the submodule lib from --upload-pack=touch"),
    ("-u./mark", "{lib}", "git fetch of the submodule lib from -u./mark"),
])
def test_submodules_that_cannot_be_had(source, tmp_path, url, which, says):
    lib = repository(tmp_path / "lib", {"lib.txt": "1"})
    repository(tmp_path / "shop", {"app.py": "1"})
    commit(tmp_path / "shop", {"mark": "#!/bin/sh\ntouch mark"}, {"lib": (url.format(tmp=tmp_path), which.format(lib=lib))})
    with pytest.raises(BuildError) as caught:
        release(source(repo=f"file://{tmp_path}/shop"), tmp_path)
    assert says.format(tmp=tmp_path) in str(caught.value) and not (tmp_path / "mark").exists()


def test_a_submodule_that_is_not_to_be_fetched(source, tmp_path):
    repository(tmp_path / "shop", {"app.py": "1"})
    commit(tmp_path / "shop", {}, {"lib": ("../nowhere\n\tupdate = none", "f" * 40)})
    assert release(source(repo=f"file://{tmp_path}/shop"), tmp_path) == {"app.py": "1"}


def test_a_submodule_that_leads_out_of_the_release(source, tmp_path):
    """No git makes such a tree, but a server may send it."""
    lib = repository(tmp_path / "lib", {"lib.txt": "1"})
    repository(tmp_path / "shop", {"app.py": "1"})
    (tmp_path / "shop/.gitmodules").write_text('[submodule "x"]\n\tpath = ../evil\n\turl = ../lib\n')
    blob = git(tmp_path / "shop", "hash-object", "-w", ".gitmodules")
    inner = b"160000 evil\0" + bytes.fromhex(lib)
    write = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    inner = subprocess.run(["git", "-C", tmp_path / "shop", *write], input=inner, env=ENV, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    outer = b"40000 ..\0" + bytes.fromhex(inner) + b"100644 .gitmodules\0" + bytes.fromhex(blob)
    outer = subprocess.run(["git", "-C", tmp_path / "shop", *write], input=outer, env=ENV, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    git(tmp_path / "shop", "update-ref", "refs/heads/main", git(tmp_path / "shop", "commit-tree", "-m", "x", outer))
    (tmp_path / "evil").mkdir()
    with pytest.raises(BuildError):
        release(source(repo=f"file://{tmp_path}/shop"), tmp_path)
    assert os.listdir(tmp_path / "evil") == []


@pytest.mark.parametrize("base, url, expected", [
    ("https://git.example.com/a/shop.git", "../lib.git", "https://git.example.com/a/lib.git"),
    ("https://git.example.com/a/shop.git/", "../../b/lib/", "https://git.example.com/b/lib"),
    ("git@git.example.com:a/shop.git", "../lib.git", "git@git.example.com:a/lib.git"),
    ("git@git.example.com:shop.git", "../lib.git", "git@git.example.com:lib.git"),
    ("ssh://git@git.example.com:2222/shop.git", "../lib.git", "ssh://git@git.example.com:2222/lib.git"),
    ("/srv/git/shop", "./lib", "/srv/git/shop/lib"),
    ("/srv/git/shop", "../lib", "/srv/git/lib"),
    ("https://git.example.com/shop.git", "https://other.example.com/lib.git", "https://other.example.com/lib.git"),
    ("https://git.example.com/shop.git", "../../lib.git", None),
    ("ssh://git@git.example.com:2222/shop.git", "../../lib", None),
    ("git@git.example.com:shop.git", "../../lib", None),
    ("https://git.example.com/a/shop.git", "../../../../evil.example.com/lib", None),
])
def test_relative_addresses(base, url, expected):
    if expected is None:
        with pytest.raises(BuildError, match="leads above"):
            relative_url(base, url)
    else:
        assert relative_url(base, url) == expected


# --- check mode ---------------------------------------------------------------------------------------------------------

def test_check_mode_and_a_short_commit(source, tmp_path, home):
    one = repository(tmp_path / "shop", {"app.py": "1"})
    two = commit(tmp_path / "shop", {"app.py": "2"})
    url = f"file://{tmp_path}/shop"
    assert source(repo=url, version=two[:8]).remote() == two, "a branch is there"
    with pytest.raises(BuildError, match=f"has no branch or tag '{one[:8]}', and check mode does not fetch commits: give all of its digits"):
        source(repo=url, version=one[:8]).remote()
    assert os.listdir(home) == [], "nothing was written"
    assert source(repo=url, version=one[:8]).resolve() == one
    assert source(repo=url, version=one[:8]).remote() == one, "the mirror has it"


# --- tokens, by a real server -------------------------------------------------------------------------------------------

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.seen.append((self.path, base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect + self.path)
            self.end_headers()
        elif server.password and server.seen[-1][1] != server.password:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format, *args):
        pass


@pytest.fixture
def serve(serving):
    def serve(folder, password=None, redirect=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        server.password, server.redirect, server.seen = password, redirect, []
        server.place = serving(server)
        return server

    return serve


@pytest.fixture
def published(tmp_path):
    """A repository as files for a server that knows nothing of git."""
    first = repository(tmp_path / "origin", {"app.py": "1"})
    git(tmp_path, "clone", "-q", "--bare", "origin", "public/shop.git")
    git(tmp_path / "public/shop.git", "update-server-info")
    return tmp_path / "public", first


@pytest.fixture
def spied(tmp_path, monkeypatch):
    """Every program that is called from now on writes down its arguments."""
    folder = tmp_path / "spies"
    folder.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ps\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setitem(ENV, "PATH", f"{folder}:{ENV['PATH']}")
    return tmp_path / "ps"


def everything(home):
    return b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file()).decode(errors="replace")


@pytest.mark.parametrize("address, options, password", [
    ("http://{}/shop.git", {"token": "tok-471100"}, "x-access-token:tok-471100"),
    ("http://{}/shop.git", {"token": "ann:tok-471100"}, "ann:tok-471100"),
    ("http://ann@{}/shop.git", {"token": "tok-471100"}, "ann:tok-471100"),
    ("http://ann:tok-471100@{}/shop.git", {}, "ann:tok-471100"),
    ("http://ann:tok-471100%3A%40x@{}/shop.git", {}, "ann:tok-471100:@x"),
    ("http://tok-471100@{}/shop.git", {}, "x-access-token:tok-471100"),
])
def test_a_token_is_seen_by_nobody_but_the_server(source, serve, published, spied, tmp_path, home, address, options, password):
    server = serve(published[0], password)
    git_source = source(repo=address.format(server.place), **options)
    assert git_source.remote() == published[1]
    assert release(git_source, tmp_path) == {"app.py": "1"}
    assert password in {seen for dummy, seen in server.seen}
    assert "fetch" in spied.read_text() and "471100" not in spied.read_text() + everything(home) + str(git_source.facts())
    assert git_source.facts() == {"kind": "repo", "source": f"http://{server.place}/shop.git", "version": "HEAD"}


def test_a_token_that_the_server_does_not_take(source, serve, published, home):
    server = serve(published[0], "x-access-token:right")
    address = f"{server.place}/shop.git"
    for look in (source(repo=f"http://{address}", token="wr0ng-471100").resolve, source(repo=f"http://a:wr0ng-471100@{address}").remote):
        with pytest.raises(BuildError) as caught:
            look()
        assert "check source.repo, and that source.token is one that may read it." in str(caught.value) and "471100" not in str(caught.value)
    assert "471100" not in everything(home)


def test_a_token_is_not_told_to_another_server(source, serve, published):
    other = serve(published[0], "x-access-token:tok-471100")
    first = serve(published[0], redirect=f"http://{other.place}")
    with pytest.raises(BuildError):
        source(repo=f"http://{first.place}/shop.git", token="tok-471100").resolve()
    assert other.seen and "471100" not in str(other.seen)


def test_a_submodule_on_another_server_gets_no_token(source, serve, published, tmp_path):
    """The one on the same server does."""
    lib = published[1]
    repository(tmp_path / "super", {"app.py": "super"})
    other = serve(published[0], "x-access-token:tok-471100")
    mine = serve(published[0], "x-access-token:tok-471100")
    for url, works in (("../shop.git", True), (f"http://{other.place}/shop.git", False)):
        commit(tmp_path / "super", {"n": url}, {"lib": (url, lib)})
        subprocess.run(["rm", "-rf", published[0] / "super.git"], check=True)
        git(tmp_path, "clone", "-q", "--bare", "super", "public/super.git")
        git(published[0] / "super.git", "update-server-info")
        with contextlib.nullcontext() if works else pytest.raises(BuildError, match="git fetch of the submodule lib from"):
            assert release(source(repo=f"http://{mine.place}/super.git", token="tok-471100"), tmp_path, f"target-{works}")["lib/app.py"] == "1"
    assert other.seen and "471100" not in str(other.seen)


def test_a_submodule_may_not_name_a_file_of_the_host(source, serve, published, tmp_path):
    repository(tmp_path / "super", {"app.py": "super"})
    for url in (f"file://{tmp_path}/origin", f"{tmp_path}/origin"):
        commit(tmp_path / "super", {"n": url}, {"lib": (url, published[1])})
        subprocess.run(["rm", "-rf", published[0] / "super.git", tmp_path / "target"], check=True)
        git(tmp_path, "clone", "-q", "--bare", "super", "public/super.git")
        git(published[0] / "super.git", "update-server-info")
        with pytest.raises(BuildError, match="transport 'file' not allowed"):
            release(source(repo=f"http://{serve(published[0]).place}/super.git"), tmp_path)


def test_what_a_build_step_leaves_in_the_mirror_does_not_run(source, tmp_path, home):
    """It runs as the user that fetches: with the next fetch it could read the deploy key."""
    repository(tmp_path / "shop", {"app.py": "1"})
    shop = source(repo=f"file://{tmp_path}/shop")
    shop.resolve()
    mark = tmp_path / "mark"
    with open(home / "repo.git/config", "a", encoding="utf-8") as file:
        file.write(f'[core]\n\tfsmonitor = touch {mark}\n[credential]\n\thelper = "!touch {mark}"\n[uploadpack]\n\tpackObjectsHook = touch {mark}\n')
    hook = home / "repo.git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    commit(tmp_path / "shop", {"app.py": "2"})
    assert release(shop, tmp_path) == {"app.py": "2"} and not mark.exists()


# --- the key that was made on the host ----------------------------------------------------------------------------------

@pytest.mark.parametrize("options, taken", [
    ({"repo": "git@git.example.com:shop.git"}, True),
    ({"repo": "ssh://git@git.example.com/shop.git"}, True),
    ({"repo": "git@git.example.com:shop.git", "deploy_key": "mine"}, False),
    ({"repo": "https://git.example.com/shop.git"}, False),
    ({"repo": "/srv/git/a:b"}, False),
    ({"package": "shop==1"}, False),
])
def test_the_key_of_the_host(tmp_path, options, taken):
    assert own_key(str(tmp_path), options) == options, "there is none"
    (tmp_path / "deploy_key").write_text("private")
    (tmp_path / "deploy_key.pub").write_text("ssh-ed25519 AAAA shop@web1\n")
    assert own_key(str(tmp_path), options) == (options | {"deploy_key": "private", "public_key": "ssh-ed25519 AAAA shop@web1"} if taken else options)


@pytest.mark.parametrize("output, says", [
    ("git@git.example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
     "^add this deploy key .*: ssh-ed25519 AAAA shop@web1$"),
    ("ERROR: Repository not found.", "^add this deploy key"),
    ("ssh: Could not resolve hostname git.example.com: Name or service not known", "^check source.repo, that this host may reach it"),
    ("Host key verification failed.", "and known_hosts where it needs them.$"),
])
def test_who_is_told_the_public_half(source, output, says):
    shop = source(repo="git@git.example.com:shop.git", deploy_key="private", public_key="ssh-ed25519 AAAA shop@web1")
    assert re.search(says, shop.hint(output))
    assert "ssh-ed25519" not in source(repo="git@git.example.com:shop.git", deploy_key="private").hint(output)


# --- what the controller sends ------------------------------------------------------------------------------------------

def packed(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            (path.parent / "content").write_text(text)
            archive.add(path.parent / "content", name)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_tree_is_sent_once(source, tmp_path, home):
    digest = packed(tmp_path / "sent", {"src/app.py": "1"})
    sent = {"revision": "a" * 64, "sha256": digest, "source": "/home/ann/shop", "version": "1a2b3c4-dirty", "facts": {"commit": "1a2b3c4", "dirty": True}}
    shop = source(sent, path="shop")
    assert shop.missing("a" * 64)
    with pytest.raises(BuildError, match="^/home/ann/shop has not been sent: deploy again.$"):
        shop.fetch("a" * 64)
    shop.receive(str(tmp_path / "sent"))
    assert release(shop, tmp_path) == {"src/app.py": "1"}
    assert shop.facts() == {"kind": "path", "source": "/home/ann/shop", "version": "1a2b3c4-dirty", "commit": "1a2b3c4", "dirty": True}
    again = source(sent, path="shop")
    assert not again.missing("a" * 64) and release(again, tmp_path, "again") == {"src/app.py": "1"}
    assert os.listdir(home / "sources") == ["a" * 64]


def test_what_arrives_damaged_is_not_kept(source, tmp_path, home):
    packed(tmp_path / "sent", {"app.py": "1"})
    shop = source({"revision": "a" * 64, "sha256": "b" * 64, "source": "/home/ann/shop"}, path="shop")
    shop.receive(str(tmp_path / "sent"))
    with pytest.raises(BuildError, match="^/home/ann/shop has changed while it was sent"):
        shop.fetch("a" * 64)
    assert os.listdir(home / "sources") == [] and shop.missing("a" * 64)


@pytest.mark.parametrize("options", [{"path": "shop"}, {"archive": "shop.tar"}, {"package": "shop-1.0-py3-none-any.whl"}])
def test_a_controller_that_has_said_nothing(source, options):
    with pytest.raises(BuildError, match="lies on the controller, which has said nothing of it"):
        source(**options).resolve()


@pytest.mark.parametrize("entry", [".venv/x", ".pyweb"])
def test_names_that_belong_to_the_release(source, tmp_path, entry):
    digest = packed(tmp_path / "sent", {entry: "1", "app.py": "2"})
    shop = source({"revision": "a" * 64, "sha256": digest}, path="shop")
    shop.receive(str(tmp_path / "sent"))
    with pytest.raises(BuildError, match="an entry .pyweb or .venv at its top"):
        release(shop, tmp_path)


def test_sources_that_no_kept_release_has(home):
    for age, name in enumerate(["used", "newest", "newer", "old", "older"]):
        (home / "sources" / name).mkdir(parents=True)
        os.utime(home / "sources" / name, (1000 - age, 1000 - age))
    prune_sources(str(home), {"used"})
    assert sorted(os.listdir(home / "sources")) == ["newer", "newest", "used"]
    prune_sources(str(home / "none"), set())


# --- archives from the net ----------------------------------------------------------------------------------------------

def test_an_archive_from_the_net(source, serve, tmp_path, home):
    (tmp_path / "files").mkdir()
    digest = packed(tmp_path / "files/shop.tar.gz", {"shop-1/app.py": "1"})
    server = serve(tmp_path / "files")
    shop = source(archive=f"http://{server.place}/shop.tar.gz?signature=471100", checksum=f"sha256:{digest}")
    assert (shop.resolve(), shop.remote(), shop.missing(digest)) == (digest, digest, False) and server.seen == [], "known before"
    assert release(shop, tmp_path) == {"app.py": "1"} and len(server.seen) == 1
    assert shop.facts() == {"kind": "archive", "source": f"http://{server.place}/shop.tar.gz", "version": "shop.tar.gz"}
    release(shop, tmp_path, "again")
    assert len(server.seen) == 1 and os.listdir(home / "sources") == [digest]


@pytest.mark.parametrize("path, checksum, says", [
    ("/shop.tar.gz", "f" * 64, "has the sha256 {digest}, but source.checksum says " + "f" * 64 + ": it is not the file that was meant."),
    ("/gone.tar.gz", "f" * 64, "/gone.tar.gz cannot be fetched: the server answers 404 (File not found); check source.archive."),
])
def test_an_archive_that_is_not_the_one(source, serve, tmp_path, home, path, checksum, says):
    (tmp_path / "files").mkdir()
    digest = packed(tmp_path / "files/shop.tar.gz", {"shop-1/app.py": "1"})
    shop = source(archive=f"http://ann:tok-471100@{serve(tmp_path / 'files').place}{path}?signature=471100", checksum=f"sha256:{checksum}")
    with pytest.raises(BuildError) as caught:
        shop.fetch(checksum)
    assert says.format(digest=digest) in str(caught.value) and "471100" not in str(caught.value)
    assert not (home / "sources").exists() or os.listdir(home / "sources") == []


@pytest.mark.parametrize("address, says", [
    ("http://127.0.0.1:9/x.tar", "http://127.0.0.1:9/x.tar cannot be fetched: .*refused.*; check source.archive, and that this host reaches it.$"),
    ("file:///etc/x.tar", "source.archive is file:///etc/x.tar: an address that begins with https:// is needed"),
    ("http://a b/x.tar", "cannot be fetched: "),
    ("http://127.0.0.1:9/x.tar?signature=47 11", "x.tar cannot be fetched: .*control characters"),
])
def test_an_archive_that_cannot_be_reached(source, address, says):
    with pytest.raises(BuildError, match=says) as caught:
        source(archive=address, checksum="sha256:" + "f" * 64).fetch("f" * 64)
    assert "signature" not in str(caught.value)


def test_a_password_for_an_archive_stays_with_its_server(source, serve, tmp_path):
    (tmp_path / "files").mkdir()
    digest = packed(tmp_path / "files/shop.tar", {"app.py": "1", "b": "2"})
    other = serve(tmp_path / "files")
    first = serve(tmp_path / "files", redirect=f"http://{other.place}")
    assert release(source(archive=f"http://ann:tok-471100@{first.place}/shop.tar", checksum=f"sha256:{digest}"), tmp_path) == {"app.py": "1", "b": "2"}
    assert first.seen[0][1] == "ann:tok-471100" and other.seen == [("/shop.tar", "")]


# --- packages -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, shown", [
    ({"package": "shop", "version": "1.4"}, "shop==1.4"),
    ({"package": "shop[x, y]==1.4", "version": "HEAD"}, "shop[x,y]==1.4"),
    ({"package": "shop[x]", "version": "2.0rc1"}, "shop[x]==2.0rc1"),
])
def test_a_package(source, tmp_path, options, shown):
    shop = source(**options)
    assert release(shop, tmp_path) == {"requirements.txt": f"{shown}\n"}
    assert shop.facts() == {"kind": "package", "source": shown, "version": shown.split("==")[1]}
    assert re.fullmatch("[0-9a-f]{64}", shop.resolve()) and shop.resolve() != source(package="shop", version="1.5").resolve()


def test_a_package_without_a_version(source):
    with pytest.raises(BuildError, match="source.package is 'shop': name==version is needed"):
        source(package="shop").resolve()


def test_a_package_that_is_not_there_is_told_by_its_name(source):
    said = source(package="shop==9").explain("uv pip compile of requirements.txt failed (exit status 1); check the names.\nshop==9 was not found")
    assert said.startswith("the package shop==9 cannot be installed; check its name and version") and said.endswith("\nshop==9 was not found")
    assert source(package="shop==9").explain("python is '3.4'") == "python is '3.4'"


def test_a_wheel_is_where_the_build_user_finds_it(source, tmp_path, home):
    wheel = tmp_path / "upload"
    wheel.write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    sent = {"revision": digest, "sha256": digest, "source": "/home/ann/dist/my_shop-1.4-py3-none-any.whl", "version": "1.4"}
    shop = source(sent, package="dist/my_shop-1.4-py3-none-any.whl")
    shop.receive(str(wheel))
    place = f"{home}/sources/{digest}/my_shop-1.4-py3-none-any.whl"
    assert release(shop, tmp_path) == {"requirements.txt": f"my_shop @ file://{place}#sha256={digest}\n"} and pathlib.Path(place).read_bytes() == b"wheel"
    assert shop.facts() == {"kind": "package", "source": sent["source"], "version": "1.4"}
    with pytest.raises(BuildError, match="this is not the name of a wheel"):
        source(package="dist/-x.whl")


# --- repositories on the host -----------------------------------------------------------------------------------------

@pytest.fixture
def unborn(tmp_path):
    """A bare repository as people push to: HEAD names a branch that nobody has pushed."""
    repository(tmp_path / "work", {"app.py": "1"})
    git(tmp_path, "init", "--quiet", "--bare", "shop.git")
    git(tmp_path / "shop.git", "symbolic-ref", "HEAD", "refs/heads/never")
    git(tmp_path / "work", "push", "--quiet", f"{tmp_path}/shop.git", "HEAD:refs/heads/main")
    return tmp_path / "shop.git"


@pytest.mark.parametrize("scheme", ["file://", ""])
def test_a_head_that_names_no_branch(source, tmp_path, unborn, scheme):
    named = source(repo=f"{scheme}{unborn}", version="main")
    assert named.remote() == named.resolve() and release(named, tmp_path) == {"app.py": "1"}
    for ask in (source(repo=f"{scheme}{unborn}").resolve, source(repo=f"{scheme}{unborn}").remote):
        with pytest.raises(BuildError) as error:
            ask()
        assert str(error.value) == (f"{scheme}{unborn}: HEAD of the repository names no branch that is there; "
                                    "set source.version to the branch that is to be deployed.")


@pytest.mark.parametrize("options", [{}, {"version": "main"}, {"version": "v2"}])
def test_a_repository_with_a_part_of_its_history(source, tmp_path, options):
    """As jobs of CI have it, which clone no more than they need."""
    repository(tmp_path / "whole", {"app.py": "1"})
    last = commit(tmp_path / "whole", {"app.py": "2"})
    git(tmp_path / "whole", "tag", "v2")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/whole", "shop")
    shop = source(repo=f"file://{tmp_path}/shop", **options)
    assert shop.remote() == shop.resolve() == last and release(shop, tmp_path) == {"app.py": "2"}


def test_a_repository_whose_commits_have_64_digits(source, tmp_path, home):
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "-b", "main", "shop")
    first = commit(tmp_path / "shop", {"app.py": "1"})
    git(tmp_path / "shop", "tag", "v1.2.0")
    url = f"file://{tmp_path}/shop"
    for version in ("HEAD", "main", "v1.2.0", first, first[:50]):
        assert source(repo=url, version=version).resolve() == source(repo=url, version=version).remote() == first
    assert release(source(repo=url), tmp_path) == {"app.py": "1"} and source(repo=url).project_version(first) == "1.2.0"
    kept = os.stat(home / "repo.git").st_ino
    second = commit(tmp_path / "shop", {"app.py": "2"})
    assert source(repo=url).resolve() == second and os.stat(home / "repo.git").st_ino == kept
    assert len(source(repo=url).between(first, second)) == 1
    other = repository(tmp_path / "other", {"app.py": "3"})
    assert source(repo=f"file://{tmp_path}/other").resolve() == other, "it has moved to another server"


def test_the_version_of_a_commit(source, tmp_path):
    origin = tmp_path / "origin"
    first = repository(origin, {"app.py": "1"})
    git(origin, "tag", "v1.2.0")
    second = commit(origin, {"app.py": "2"})
    git(origin, "tag", "-m", "moves along", "production")
    shop = source(repo=f"file://{origin}")
    shop.resolve()
    assert [shop.project_version(revision) for revision in (first, second)] == ["1.2.0", f"1.2.1.dev1+g{second[:7]}"]
    git(origin, "tag", "--delete", "v1.2.0")
    assert release(shop, tmp_path) == {"app.py": "2"} and shop.project_version(second) == f"0.1.dev2+g{second[:8]}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another account")
@pytest.mark.parametrize("scheme", ["file://", ""])
def test_a_repository_of_another_account(source, tmp_path, unborn, scheme):
    for folder, _directories, files in os.walk(unborn):
        for name in [folder, *(f"{folder}/{file}" for file in files)]:
            os.chown(name, 12345, 12345)
    shop = source(repo=f"{scheme}{unborn}", version="main")
    assert shop.remote() == shop.resolve() and release(shop, tmp_path) == {"app.py": "1"}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_repository_of_this_host_that_cannot_be_read(source, tmp_path, scheme):
    """git says the same of one that is not there and of one that is closed."""
    closed = source(repo=f"{scheme}{tmp_path}/gone.git", version="main")
    for ask in (closed.remote, closed.resolve):
        with pytest.raises(BuildError, match="no repository is there, or .*, who builds, may not read it") as error:
            ask()
        assert "deploy key" not in str(error.value)
