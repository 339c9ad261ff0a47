# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives as people make them, and as they make them to break out."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
import zipfile

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.unpack import unpack
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

LINK, HARD, DEVICE, PIPE, DIRECTORY = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE


def tar(path, entries, mode="w:gz"):
    """Name and content, or name, kind and target."""
    with tarfile.open(path, mode) as archive:
        for name, *rest in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.gname, info.mtime = 0o6755 if "run" in name else 0o644, 0, "root", 1700000000
            if len(rest) == 1:
                content = rest[0].encode()
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = rest
                archive.addfile(info)
    return str(path)


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, *rest in entries:
            info = zipfile.ZipInfo(name)
            kind = {LINK: stat.S_IFLNK, DEVICE: stat.S_IFCHR, PIPE: stat.S_IFIFO, DIRECTORY: stat.S_IFDIR}.get(rest[0], stat.S_IFREG)
            info.create_system = 3
            info.external_attr = (kind | (0o6755 if "run" in name else 0o644)) << 16
            archive.writestr(info, rest[-1])
    return str(path)


def tree(folder):
    found = {}
    for root, directories, files in os.walk(folder):
        for name in directories + files:
            path = f"{root}/{name}"
            key = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[key] = f"-> {os.readlink(path)}"
            elif os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    found[key] = file.read()
    return found


FINE = {
    "a tree": ([("app.py", "1"), ("lib/x.py", "2")], {"app.py": "1", "lib/x.py": "2"}),
    "one directory at the top": ([("shop-1.0/", DIRECTORY, ""), ("shop-1.0/app.py", "1"), ("shop-1.0/lib/x.py", "2")], {"app.py": "1", "lib/x.py": "2"}),
    "no entry for the directory at the top": ([("shop-1.0/app.py", "1")], {"app.py": "1"}),
    "dots and slashes": ([("./", DIRECTORY, ""), ("./app.py", "1"), (".//lib/./x.py", "2")], {"app.py": "1", "lib/x.py": "2"}),
    "packed by a Mac's Finder": ([("shop-1.0/app.py", "1"), ("shop-1.0/.DS_Store", "x"), ("__MACOSX/", DIRECTORY, ""), ("__MACOSX/shop-1.0/._app.py", "x")],
                                 {"app.py": "1"}),
    "packed by a Mac's tar": ([("._shop", "x"), ("shop/", DIRECTORY, ""), ("shop/._app.py", "x"), ("shop/app.py", "1"), ("shop/._mine", "2")],
                              {"app.py": "1", "._mine": "2"}),
    "packed by a Mac's tar from within": ([("./._.", "x"), ("./._shop", "x"), ("./shop/app.py", "1")], {"app.py": "1"}),
    "looked at on Windows": ([("Thumbs.db", "x"), ("shop/app.py", "1"), ("shop/desktop.ini", "x")], {"app.py": "1"}),
    "a virtual environment in it": ([("shop/app.py", "1"), ("shop/env/pyvenv.cfg", "x"), ("shop/env/bin/python", LINK, "/usr/bin/python3"),
                                     ("shop/env.py", "2")], {"app.py": "1", "env.py": "2"}),
    "one file": ([("app.py", "1")], {"app.py": "1"}),
    "two at the top": ([("a/x", "1"), ("b/x", "2")], {"a/x": "1", "b/x": "2"}),
    "links in the tree": ([("top/a", "1"), ("top/d/up", LINK, "../a"), ("top/here", LINK, "d/./up"), ("top/dangling", LINK, "later")],
                          {"a": "1", "d/up": "-> ../a", "here": "-> d/./up", "dangling": "-> later"}),
    "a link to the top": ([("a", "1"), ("d/top", LINK, "..")], {"a": "1", "d/top": "-> .."}),
    "links in a circle": ([("a", "1"), ("x", LINK, "y"), ("y", LINK, "x")], {"a": "1", "x": "-> y", "y": "-> x"}),
    "the last one of two counts": ([("a", "1"), ("a", "2"), ("b", "3")], {"a": "2", "b": "3"}),
    "a strange name": ([("ä ö\n", "1"), ("b", "2")], {"ä ö\n": "1", "b": "2"}),
}


@pytest.mark.parametrize("suffix, mode", [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz"), ("zip", "")])
@pytest.mark.parametrize("entries, expected", FINE.values(), ids=FINE)
def test_what_people_pack(tmp_path, suffix, mode, entries, expected):
    path = tmp_path / f"x.{suffix}"
    archive = tar(path, entries, mode) if mode else zipped(path, entries)
    (tmp_path / "target").mkdir()
    unpack(archive, path.name, str(tmp_path / "target"))
    assert tree(tmp_path / "target") == expected


@pytest.mark.parametrize("system, expected", [*((system, {"app.py": "1", "lib/x.py": "2"}) for system in (0, 10, 14)),
                                              (3, {"shop\\app.py": "1", "shop\\lib\\x.py": "2"})])
def test_the_separator_of_windows(tmp_path, system, expected):
    """Where Windows has made the archive; elsewhere it belongs to the name."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in (("shop\\", ""), ("shop\\app.py", "1"), ("shop\\lib\\x.py", "2"))[system and 1:]:
            info = zipfile.ZipInfo(name)
            info.create_system = system
            archive.writestr(info, content)
    (tmp_path / "target").mkdir()
    unpack(str(tmp_path / "x.zip"), "x.zip", str(tmp_path / "target"))
    assert tree(tmp_path / "target") == expected


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_modes(tmp_path, kind):
    """Executable or not; whoever made the archive, it is the build user's, and no bit makes anybody another user."""
    entries = [("run.sh", "1"), ("data", "2")]
    archive = tar(tmp_path / "x.tar", entries, "w") if kind == "tar" else zipped(tmp_path / "x.zip", entries)
    (tmp_path / "target").mkdir()
    umask = os.umask(0o027)
    try:
        unpack(archive, "x", str(tmp_path / "target"))
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(os.stat(tmp_path / "target" / name).st_mode) for name in ("run.sh", "data")] == [0o750, 0o640]


def test_hard_links(tmp_path):
    archive = tar(tmp_path / "x.tar", [("top/a", "1"), ("top/b", HARD, "top/a")], "w")
    (tmp_path / "target").mkdir()
    unpack(archive, "x", str(tmp_path / "target"))
    assert tree(tmp_path / "target") == {"a": "1", "b": "1"}


@pytest.mark.parametrize("name, make", [("source.tar", zipped), ("source.zip", tar)])
def test_what_an_archive_is_shows_by_its_content(tmp_path, name, make):
    make(tmp_path / name, [("PKG-INFO", "1"), ("a", "2")])
    (tmp_path / "target").mkdir()
    unpack(str(tmp_path / name), "x", str(tmp_path / "target"))
    assert tree(tmp_path / "target") == {"PKG-INFO": "1", "a": "2"}


def test_a_packed_tree_keeps_its_only_directory(tmp_path):
    (tmp_path / "target").mkdir()
    unpack(tar(tmp_path / "x.tgz", [("src/app.py", "1")]), "x", str(tmp_path / "target"), strip=False)
    assert tree(tmp_path / "target") == {"src/app.py": "1"}


EVIL = {
    "absolute": ([("/etc/passwd", "x")], "'/etc/passwd', which leads out of the release"),
    "up": ([("../evil", "x")], "'../evil', which leads out of the release"),
    "up in the middle": ([("a/../../evil", "x")], "'a/../../evil', which leads out of the release"),
    "up and back": ([("a/../b", "x")], "'a/../b', which leads out of the release"),
    "an absolute link": ([("a", "x"), ("p", LINK, "/etc/passwd")], "'p', which is a link to '/etc/passwd', out of the release"),
    "a link up": ([("a", "x"), ("d/p", LINK, "../../x")], "which is a link to '../../x', out of the release"),
    "a link up, once its directory at the top is gone": ([("top/a", "x"), ("top/p", LINK, "../top/a")],
                                                         "'top/p', which is a link to '../top/a', out of the release"),
    "a link through a link": ([("f", "x"), ("a/b/top", LINK, "../.."), ("evil", LINK, "a/b/top/../x")], "'evil', which is a link to 'a/b/top/../x'"),
    "a file behind a link": ([("a", "x"), ("d", LINK, "."), ("d/evil", "x")], "'d/evil', which lies below 'd', which is no directory"),
    "a file behind a link that comes later": ([("d/evil", "x"), ("a", "x"), ("d", LINK, ".")], "'d/evil', which lies below 'd', which is no directory"),
    "a file below a file": ([("d", "x"), ("d/evil", "x")], "'d/evil', which lies below 'd', which is no directory"),
    "a device": ([("a", "x"), ("null", DEVICE, "")], "'null', which is neither a file, a directory nor a link"),
    "a pipe": ([("a", "x"), ("pipe", PIPE, "")], "'pipe', which is neither a file, a directory nor a link"),
}
EVIL_TAR = {
    "a hard link to a file of the host": ([("a", "x"), ("p", HARD, "/etc/passwd")], "'p', which is a link to '/etc/passwd', which is not one of its files"),
    "a hard link up": ([("a", "x"), ("p", HARD, "../x")], "'p', which is a link to '../x'"),
    "a hard link to a link": ([("a", "x"), ("l", LINK, "a"), ("p", HARD, "l")], "'p', which is a link to 'l'"),
}


@pytest.mark.parametrize("kind, entries, why", [("tar", *case) for case in [*EVIL.values(), *EVIL_TAR.values()]] + [("zip", *case) for case in EVIL.values()],
                         ids=[f"tar: {name}" for name in [*EVIL, *EVIL_TAR]] + [f"zip: {name}" for name in EVIL])
def test_what_leads_out_is_refused_before_anything_is_written(tmp_path, kind, entries, why):
    archive = tar(tmp_path / "x.tar", entries, "w") if kind == "tar" else zipped(tmp_path / "x.zip", entries)
    (tmp_path / "target").mkdir()
    with pytest.raises(BuildError) as caught:
        unpack(archive, "shop.tar.gz", str(tmp_path / "target"))
    said = str(caught.value)
    assert said.startswith("shop.tar.gz has the member ") and why in said and said.endswith(": nothing of it was unpacked.")
    assert os.listdir(tmp_path / "target") == [] and sorted(os.listdir(tmp_path)) == ["target", f"x.{kind}"]


@pytest.mark.parametrize("name, entry, remedy", [
    ("x.tar", ("/srv/shop/app.py", "x"), "pack it from within the directory of the source"), ("x.tar", ("null", DEVICE, ""), "leave it out when packing"),
    ("x.tar", ("p", LINK, "/etc/passwd"), "leave it out, or pack what it leads to"), ("x.tar", ("p", HARD, "gone"), "pack it with --hard-dereference"),
])
def test_what_to_do_about_a_member_that_cannot_be(tmp_path, name, entry, remedy):
    with pytest.raises(BuildError, match=rf"^shop\.tar has the member '{entry[0]}', which .*; {remedy}.*: nothing of it was unpacked\.$"):
        unpack(tar(tmp_path / name, [("app.py", "1"), entry], "w"), "shop.tar", str(tmp_path))


def test_a_zip_with_a_password(tmp_path):
    zipped(tmp_path / "x.zip", [("app.py", "1")])
    content = (tmp_path / "x.zip").read_bytes()
    # As a header and the directory at the end say it: the first bit of the flags.
    for begin, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(begin) + place
        content = content[:at] + bytes([content[at] | 1]) + content[at + 1:]
    (tmp_path / "x.zip").write_bytes(content)
    (tmp_path / "target").mkdir()
    with pytest.raises(BuildError, match=r"^shop\.zip is encrypted: pack it without a password; a release has its secrets from the inventory\.$"):
        unpack(str(tmp_path / "x.zip"), "shop.zip", str(tmp_path / "target"))


def damaged(path):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


@pytest.mark.parametrize("name, make, says", [
    ("x.tar.gz", lambda path: path.write_text("no archive"), "shop cannot be unpacked: it is neither a zip nor a tar, plain or packed by gzip, bzip2 or xz; "),
    ("x.zip", lambda path: path.write_text("no archive"), "shop cannot be unpacked: File is not a zip file."),
    ("x.tar.gz", lambda path: (tar(path, [("a", os.urandom(5000).hex())]), damaged(path)), "shop cannot be unpacked: "),
    ("x.tar", lambda path: tar(path, [("d", DIRECTORY, "")], "w"), "shop has no files: "),
    ("x.zip", lambda path: zipped(path, []), "shop has no files: "),
])
def test_what_is_no_archive(tmp_path, name, make, says):
    make(tmp_path / name)
    (tmp_path / "target").mkdir()
    with pytest.raises(BuildError) as caught:
        unpack(str(tmp_path / name), "shop", str(tmp_path / "target"))
    assert str(caught.value).startswith(says) and "\n" not in str(caught.value)


def test_more_than_the_disk_holds(tmp_path):
    """Gigabytes of nothing in a few bytes."""
    path = tmp_path / "x.tar"
    subprocess.run(["truncate", "--size=100T", tmp_path / "big"], check=False, stderr=subprocess.DEVNULL)
    if not (tmp_path / "big").exists() or (tmp_path / "big").stat().st_size < 1 << 46:
        subprocess.run(["truncate", "--size=8T", tmp_path / "big"], check=True)
    subprocess.run(["tar", "--sparse", "-cf", path, "-C", tmp_path, "big"], check=True)
    (tmp_path / "target").mkdir()
    with pytest.raises(BuildError, match=r"^shop has \d+ MB of files, but \d+ MB are free: free some space"):
        unpack(str(path), "shop", str(tmp_path / "target"))
