# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent from the controller, with real directories and the real git."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import tarfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.unpack import unpack
from ansible_collections.pyweb.stack.plugins.plugin_utils import _pack

ENV = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENV.update(PATH=os.environ["PATH"], HOME="/nonexistent")


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=ENV).stdout.strip()


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder):
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    write(folder, {
        "app.py": "1", "lib/x.py": "2", ".gitignore": "*.log\n/dist/\nsecret.env\n", "lib/.gitignore": "!keep.log\n",
        "debug.log": "no", "lib/keep.log": "yes", "dist/out.js": "built", "dist/sub/deep.js": "built", "dist/__pycache__/x.pyc": "no", "secret.env": "no",
        ".venv/bin/python": "no", "__pycache__/app.pyc": "no", "lib/__pycache__/x.pyc": "no",
    })
    return folder


@pytest.fixture
def offer(tmp_path):
    """As in one run of Ansible; another one has another C(run)."""
    def offer(check=False, run="run", **source):
        return _pack.offer(source, [str(tmp_path / "nowhere"), str(tmp_path)], str(tmp_path / run), check)

    return offer


def names(offered):
    with tarfile.open(offered["file"]) as archive:
        return sorted(archive.getnames())


SENT = [".gitignore", "app.py", "lib/.gitignore", "lib/keep.log", "lib/x.py"]


@pytest.mark.parametrize("checkout", [False, True])
def test_what_git_ignores_is_not_sent(offer, shop, checkout):
    if checkout:
        commit(shop)
        (shop / "new.py").write_text("not committed yet")
        (shop / "app.py").unlink()
    expected = sorted({*SENT, "new.py"} - {"app.py"}) if checkout else SENT
    assert names(offer(path="shop")) == expected
    assert names(offer(path=str(shop), include=["dist", "secret.env"])) == sorted([*expected, "dist/out.js", "dist/sub/deep.js", "secret.env"])
    assert not (shop / ".git").exists() or checkout


def test_a_virtual_environment_is_not_sent(offer, shop):
    write(shop, {"tools/venv/pyvenv.cfg": "home = /usr/bin\n", "tools/venv/bin/flask": "no"})
    (shop / "tools/venv/bin/python").symlink_to("/usr/bin/python3")
    assert names(offer(path="shop")) == SENT


def test_both_ways_are_the_same_release(offer, shop):
    before = offer(path="shop")
    commit(shop)
    after = offer(path="shop", run="later")
    assert before["revision"] == after["revision"]
    assert (before["version"], before["facts"]) == ("shop", {})
    head = git(shop, "rev-parse", "HEAD")
    assert (after["version"], after["facts"]) == (head[:10], {"commit": head, "branch": "main", "dirty": False})


def test_a_checkout_that_is_not_clean(offer, shop):
    commit(shop)
    (shop / "app.py").write_text("2")
    git(shop, "checkout", "-q", "--detach")
    offered = offer(path="shop")
    assert offered["version"].endswith("-dirty") and offered["facts"]["dirty"] and offered["facts"]["branch"] is None


def test_part_of_a_checkout(offer, shop):
    commit(shop)
    (shop / "app.py").write_text("2")
    part = offer(path="shop/lib")
    assert names(part) == [".gitignore", "keep.log", "x.py"] and not part["facts"]["dirty"], "what changed lies elsewhere"
    # What the repository around it ignores as a whole is deployed when it is asked for.
    ignored = offer(path="shop/dist")
    assert names(ignored) == ["out.js", "sub/deep.js"] and ignored["facts"] == {}


def test_submodules_and_repositories_in_it(offer, shop):
    commit(shop)
    write(shop / "vendor", {"a.py": "1", "b.log": "2", ".gitignore": "a.tmp\n", "a.tmp": "no"})
    commit(shop / "vendor")
    git(shop, "update-index", "--add", "--cacheinfo", f"160000,{git(shop / 'vendor', 'rev-parse', 'HEAD')},vendor")
    write(shop / "nested", {"n.py": "1"})
    commit(shop / "nested")
    assert set(names(offer(path="shop"))) == {*SENT, "vendor/.gitignore", "vendor/a.py", "vendor/b.log", "nested/n.py"}
    (shop / "vendor/.git").rename(shop / "elsewhere")
    with pytest.raises(_pack.PackError, match="^the submodule vendor of source.path is not checked out: git submodule update"):
        offer(path="shop", run="later")


CHANGES = {
    "a byte": (lambda shop: (shop / "app.py").write_text("2"), False),
    "a name": (lambda shop: (shop / "app.py").rename(shop / "app2.py"), False),
    "a new file": (lambda shop: (shop / "new").touch(), False),
    "executable": (lambda shop: (shop / "app.py").chmod(0o755), False),
    "where a link leads": (lambda shop: ((shop / "link").unlink(), (shop / "link").symlink_to("lib/x.py")), False),
    "a time": (lambda shop: os.utime(shop / "app.py", (1, 1)), True),
    "a mode that does not matter": (lambda shop: (shop / "app.py").chmod(0o600), True),
    "an ignored file": (lambda shop: (shop / "debug.log").write_text("more"), True),
    "an empty directory": (lambda shop: (shop / "empty").mkdir(), True),
}


@pytest.mark.parametrize("change, same", CHANGES.values(), ids=CHANGES)
def test_the_revision_is_the_content(offer, shop, change, same):
    (shop / "link").symlink_to("app.py")
    before = offer(path="shop")["revision"]
    assert len(before) == 64 and int(before, 16)
    change(shop)
    assert (offer(path="shop", run="later")["revision"] == before) is same


def test_the_same_content_elsewhere_is_the_same(offer, shop, tmp_path):
    write(tmp_path / "other", {name: (shop / name).read_text() for name in SENT})
    assert offer(path="other")["revision"] == offer(path="shop")["revision"]


def test_what_is_sent_can_be_unpacked(offer, shop, tmp_path):
    (shop / "app.py").chmod(0o700)
    (shop / "lib/up").symlink_to("../app.py")
    (shop / "ö\n").write_text("strange")
    offered = offer(path="shop")
    with open(offered["file"], "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == offered["sha256"]
    (tmp_path / "target").mkdir()
    unpack(offered["file"], "shop", str(tmp_path / "target"), strip=False)
    assert (tmp_path / "target/lib/up").read_text() == "1" and (tmp_path / "target/ö\n").read_text() == "strange"
    assert os.access(tmp_path / "target/app.py", os.X_OK) and (tmp_path / "target/app.py").stat().st_mode & 0o7000 == 0


def in_a_fork(arguments):
    source, tmp_path, number = arguments
    offered = _pack.offer(source, [tmp_path], f"{tmp_path}/run", False)
    with open(f"{tmp_path}/shop/app.py", "w", encoding="utf-8") as file:
        file.write(f"edited by {number}")
    return offered["revision"], offered["file"]


def test_what_git_tags_say(offer, shop):
    """For projects that take their version from them."""
    commit(shop)
    git(shop, "tag", "v1.2.0")
    git(shop, "tag", "-m", "moves along", "production")
    assert offer(path="shop")["describe"].startswith("v1.2.0-0-g")


def test_all_hosts_get_the_same(shop, tmp_path):
    """Ansible has a process for each host, and somebody edits meanwhile."""
    (shop / ".gitignore").write_text("ran\n")
    source = {"path": "shop", "prepare": ["echo ran >> ran; sleep 0.2"], "include": ["ran"]}
    with multiprocessing.get_context("fork").Pool(4) as pool:
        answers = pool.map(in_a_fork, [(source, str(tmp_path), number) for number in range(8)], chunksize=1)
    assert len(set(answers)) == 1 and (shop / "ran").read_text() == "ran\n"
    with tarfile.open(answers[0][1]) as archive:
        assert archive.extractfile("app.py").read() == b"1"


def test_preparation_that_fails_is_told_to_all_hosts_and_happens_once(offer, shop):
    prepare = ["echo again >> runs", "seq 100; echo the compiler speaks >&2; exit 7", "touch never"]
    said = set()
    for dummy in range(2):
        with pytest.raises(_pack.PackError) as caught:
            offer(path="shop", prepare=prepare)
        said.add(str(caught.value))
    assert len(said) == 1
    lines = said.pop().splitlines()
    assert (lines[0], lines[-1]) == (f"source.prepare {prepare[1]!r} failed in {shop} (exit status 7).", "the compiler speaks")
    assert (shop / "runs").read_text() == "again\n" and not (shop / "never").exists()


def test_check_mode_prepares_nothing(offer, shop):
    offered = offer(check=True, path="shop", prepare=["touch made"], include=["made"])
    assert not (shop / "made").exists() and names(offered) == SENT


def test_a_git_hook_deploys(offer, shop, monkeypatch, tmp_path):
    write(tmp_path / "hook", {"x": "1"})
    commit(tmp_path / "hook")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hook/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "hook"))
    assert names(offer(path="shop")) == SENT


def test_a_checkout_of_somebody_else(offer, shop, monkeypatch):
    """In a container of CI the checkout often belongs to another user, and git refuses to look at it."""
    commit(shop)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert names(offer(path="shop")) == SENT and offer(path="shop")["facts"]["commit"]


REFUSED = {
    "no such directory": ({"path": "gone"}, None,
                          r"^source.path is gone, but the controller has no such directory: looked for \S+/nowhere/gone and \S+/gone.$"),
    "a file": ({"path": "shop/app.py"}, None, "^source.path is shop/app.py, but the controller has no such directory"),
    "a link out": ({"path": "shop"}, lambda shop: (shop / "evil").symlink_to("/etc/passwd"), "has the link 'evil' to '/etc/passwd', out of it"),
    "a link up": ({"path": "shop"}, lambda shop: (shop / "lib/evil").symlink_to("../../other"), "has the link 'lib/evil' to '../../other', out of it"),
    "a link to a directory out": ({"path": "shop"}, lambda shop: (shop / "evil").symlink_to(".."), "has the link 'evil' to '..', out of it"),
    "something behind a link": ({"path": "shop", "include": ["way/passwd"]}, lambda shop: (shop / "way").symlink_to("/etc"), "'way/passwd' behind a link"),
    "nothing to include": ({"path": "shop", "include": ["build"]}, None, "^source.include has build, which is not in"),
    "nothing at all": ({"path": "shop"}, lambda shop: (shop / ".gitignore").write_text("*\n"), "has no files, or git ignores them all"),
    "no such archive": ({"archive": "shop.tar"}, None,
                        r"^source.archive is shop.tar, but the controller has no such file: looked for \S+/nowhere/files/shop.tar and"),
    "another archive": ({"archive": "shop/app.py", "checksum": "sha256:" + "f" * 64}, None,
                        "has the sha256 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b, but source.checksum says " + "f" * 64),
    "no such wheel": ({"package": "shop-1-py3-none-any.whl"}, None, "^source.package is shop-1-py3-none-any.whl, but the controller has no such file"),
    "no name of a wheel": ({"package": "shop/shop.whl"}, lambda shop: (shop / "shop.whl").touch(),
                           "the name of a wheel has to be like shop-1.4.0-py3-none-any.whl"),
}


@pytest.mark.parametrize("source, change, says", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sent(offer, shop, source, change, says):
    if change:
        change(shop)
    with pytest.raises(_pack.PackError, match=says) as caught:
        offer(**source)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read(offer, shop):
    (shop / "app.py").chmod(0)
    with pytest.raises(_pack.PackError, match="has 'app.py', which cannot be read: Permission denied.$"):
        offer(path="shop")


def test_an_archive(offer, tmp_path):
    write(tmp_path, {"files/shop.tar.gz": "first"})
    digest = hashlib.sha256(b"first").hexdigest()
    offered = offer(archive="shop.tar.gz", checksum=f"sha256:{digest}")
    assert {key: offered[key] for key in ("revision", "sha256", "version", "source")} == {
        "revision": digest, "sha256": digest, "version": "shop.tar.gz", "source": str(tmp_path / "files/shop.tar.gz")}
    # Whoever replaces it meanwhile does so for the next run.
    write(tmp_path, {"files/shop.tar.gz": "second"})
    assert offer(archive="shop.tar.gz") == offered
    with open(offered["file"], "rb") as file:
        assert file.read() == b"first"
    assert offer(archive="shop.tar.gz", run="later")["revision"] == hashlib.sha256(b"second").hexdigest()


def test_a_wheel(offer, tmp_path):
    write(tmp_path, {"dist/my_shop-1.4.0-py3-none-any.whl": "wheel"})
    offered = offer(package=str(tmp_path / "dist/my_shop-1.4.0-py3-none-any.whl"))
    assert (offered["version"], offered["revision"]) == ("1.4.0", hashlib.sha256(b"wheel").hexdigest())


@pytest.mark.parametrize("source", [
    {"repo": "https://git.example.com/x"}, {"archive": "https://example.com/x.tar"}, {"package": "shop", "version": "1.4"}, {"path": None, "repo": "x"},
])
def test_what_the_host_gets_by_itself(offer, tmp_path, source):
    assert offer(**source) is None and not (tmp_path / "run").exists()


def test_what_is_offered_fits_into_a_module_call(offer, shop):
    assert json.loads(json.dumps(offer(path="shop"))) == offer(path="shop")
