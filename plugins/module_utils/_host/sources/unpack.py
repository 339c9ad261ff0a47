# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an archive, none of which may leave the directory that they are unpacked into.

Python's own filter for that is younger than Debian 12, so nothing here asks tarfile or zipfile to write a file.
"""

from __future__ import annotations

import calendar
import lzma
import os
import shutil
import stat
import struct
import tarfile
import typing as t
import zipfile
import zlib

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

FAULTS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)


# Who made an entry of a zip file (APPNOTE.TXT 4.4.2): MS-DOS and Windows by its file systems FAT, NTFS and VFAT.
WINDOWS = (0, 10, 14)
# How a zip file begins, with members and without. An address often does not tell: …/zipball/v1.2.
ZIP = (b"PK\3\4", b"PK\5\6")
# What file managers leave in the directories that somebody has looked at.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


class Member(t.NamedTuple):
    """What an archive has at one name. Links have a target, files what opens them."""

    kind: str  # file, directory, symlink, hardlink or other
    target: str = ""
    executable: bool = False
    size: int = 0
    mtime: int = 0
    handle: t.Any = None


class Tar:
    def __init__(self, path: str):
        self.archive = tarfile.open(path, "r:*")

    def members(self) -> t.Iterator[tuple[str, Member]]:
        for info in self.archive:
            kind = "file" if info.isreg() else "directory" if info.isdir() else "symlink" if info.issym() else "hardlink" if info.islnk() else "other"
            yield info.name, Member(kind, info.linkname, bool(info.mode & 0o100), info.size if kind == "file" else 0, int(info.mtime), info)

    def open(self, handle: t.Any) -> t.IO[bytes]:
        return t.cast("t.IO[bytes]", self.archive.extractfile(handle))


class Zip:
    def __init__(self, path: str):
        self.archive = zipfile.ZipFile(path)

    def members(self) -> t.Iterator[tuple[str, Member]]:
        for info in self.archive.infolist():
            # Some programs for Windows write its separator, which the format does not know.
            name = info.filename.replace("\\", "/") if info.create_system in WINDOWS else info.filename
            # The upper half is the mode where a Unix has made the archive.
            mode = info.external_attr >> 16
            kinds = {0: "directory" if name.endswith("/") else "file", stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}
            kind = kinds.get(stat.S_IFMT(mode), "other")
            target = os.fsdecode(self.archive.read(info)) if kind == "symlink" and info.file_size < 4096 else ""
            yield name, Member(kind, target, bool(mode & 0o100), info.file_size, seconds(info.date_time), info)

    def open(self, handle: t.Any) -> t.IO[bytes]:
        return self.archive.open(handle)


def opened(path: str, shown: str) -> Tar | Zip:
    """By what is in the file, and by its name only where that is neither. Raises BuildError, or what the libraries do."""
    with open(path, "rb") as file:
        begin = file.read(4)
    if begin in ZIP:
        return Zip(path)
    if tarfile.is_tarfile(path):
        return Tar(path)
    if path.endswith(".zip"):
        return Zip(path)
    raise BuildError(f"{shown} cannot be unpacked: it is neither a zip nor a tar, plain or packed by gzip, bzip2 or xz; pack it as one of them.")


def seconds(date: tuple[int, ...]) -> int:
    try:
        return calendar.timegm((*date, 0, 0, 0))
    except ValueError:  # no date at all
        return 0


def stays(name: str, target: str, links: dict[str, str]) -> bool:
    """Does a symbolic link at C(name) end below the top, with all other C(links) on the way followed?"""
    place, rest, hops = name.split("/")[:-1], [target], 0
    while rest:
        text = rest.pop()
        if text.startswith("/"):
            return False
        parts = text.split("/")
        for position, part in enumerate(parts):
            if part == "..":
                if not place:
                    return False
                place.pop()
            elif part not in ("", "."):
                place.append(part)
                link = links.get("/".join(place))
                if link is not None:
                    hops += 1
                    if hops > 40:
                        return True  # the kernel follows no more than these: it leads nowhere
                    place.pop()
                    rest += ["/".join(parts[position + 1:]) or ".", link]
                    break
    return True


def clean(name: str) -> str | None:
    """The name without what means nothing; None when it leads out of the directory."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if name.startswith("/") or ".." in parts or "\0" in name else "/".join(parts)


def litter(names: t.Iterable[str]) -> set[str]:
    """Those names that only a file manager has put there: LITTER and, on a Mac, C(__MACOSX), and C(._app.py) beside C(app.py), C(._.) for all of it."""
    names = set(names)
    known = {"/".join(parts[:length]) for parts in (name.split("/") for name in names) for length in range(1, len(parts) + 1)}
    found = set()
    for name in names:
        folder, base = os.path.split(name)
        companion = base == "._." or base.startswith("._") and os.path.join(folder, base[2:]) in known
        if "__MACOSX" in name.split("/") or base in LITTER or companion:
            found.add(name)
    return found


def environments(names: t.Iterable[str]) -> set[str]:
    """Those names that belong to a virtual environment, as python3 -m venv makes it: a release has its own, and they lead to an interpreter elsewhere."""
    names = set(names)
    tops = {os.path.dirname(name) for name in names if os.path.basename(name) == "pyvenv.cfg"} - {""}
    return {name for name in names if any(name == top or name.startswith(f"{top}/") for top in tops)}


def plan(members: t.Iterable[tuple[str, Member]], shown: str, strip: bool) -> dict[str, Member]:
    """What is written where. Of two members with one name the last one counts."""
    found: dict[str, Member] = {}
    for name, member in members:
        place = clean(name)
        if place is None:
            raise refusal(shown, name, "leads out of the release", "pack it from within the directory of the source, as in tar -C shop -czf shop.tar.gz .")
        if member.kind == "other":
            raise refusal(shown, name, "is neither a file, a directory nor a link", "leave it out when packing")
        if place and not (member.kind == "directory" and place in found):
            found.pop(place, None)
            found[place] = member
    for name in litter(found) | environments(found):
        del found[name]
    tops = {name.split("/")[0] for name in found}
    top = "".join(tops) + "/" if strip and len(tops) == 1 else ""
    if top and found.get(top[:-1], Member("directory")).kind != "directory":
        top = ""
    if top:
        found = {name[len(top):]: member._replace(target=within(member, top)) for name, member in found.items() if name != top[:-1]}
    links = {name: member.target for name, member in found.items() if member.kind == "symlink"}
    for name, member in found.items():
        parents = name.split("/")[:-1]
        for length in range(1, len(parents) + 1):
            if found.get("/".join(parents[:length]), Member("directory")).kind != "directory":
                raise refusal(shown, top + name, f"lies below {'/'.join(parents[:length])!r}, which is no directory", "pack it from one directory in one go")
        if member.kind == "symlink" and not stays(name, member.target, links):
            raise refusal(shown, top + name, f"is a link to {member.target!r}, out of the release", "leave it out, or pack what it leads to")
        if member.kind == "hardlink" and found.get(clean(member.target) or "", Member("other")).kind != "file":
            raise refusal(shown, top + name, f"is a link to {member.target!r}, which is not one of its files", "pack it with --hard-dereference")
    if not any(member.kind == "file" for member in found.values()):
        raise BuildError(f"{shown} has no files: check that it is the right one.")
    return found


def within(member: Member, top: str) -> str:
    """Hard links name their target from the top of the archive, symbolic links from where they are."""
    target = clean(member.target) or member.target
    return target[len(top):] if member.kind == "hardlink" and target.startswith(top) else member.target


def refusal(shown: str, name: str, why: str, remedy: str) -> BuildError:
    return BuildError(f"{shown} has the member {name!r}, which {why}; {remedy}: nothing of it was unpacked.")


def unpack(path: str, shown: str, target: str, strip: bool = True) -> None:
    """C(shown) is its name for people. With C(strip), a single directory at the top is left out."""
    try:
        source = opened(path, shown)
        with source.archive:
            if isinstance(source, Zip) and any(info.flag_bits & 1 for info in source.archive.infolist()):
                raise BuildError(f"{shown} is encrypted: pack it without a password; a release has its secrets from the inventory.")
            members = plan(source.members(), shown, strip)
            size, free = sum(member.size for member in members.values()), shutil.disk_usage(target).free
            if size > free:
                raise BuildError(f"{shown} has {size >> 20} MB of files, but {free >> 20} MB are free: free some space and deploy again.")
            write(source, members, target)
    except FAULTS as error:
        said = str(error).split("\n", 1)[0].rstrip(".:") or type(error).__name__
        raise BuildError(f"{shown} cannot be unpacked: {said}.") from None


def write(source: Tar | Zip, members: dict[str, Member], target: str) -> None:
    """Symbolic links come last: nothing can be written through them."""
    for name, member in members.items():
        path = f"{target}/{name}"
        if member.kind == "directory":
            os.makedirs(path, exist_ok=True)
        if member.kind != "file":
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o777 if member.executable else 0o666)
        with os.fdopen(handle, "wb") as file, source.open(member.handle) as content:
            shutil.copyfileobj(content, file, 1 << 20)
            file.flush()
            mtime = min(max(0, member.mtime), 2**33)
            os.utime(handle, (mtime, mtime))
    for kind, make in (("hardlink", os.link), ("symlink", os.symlink)):
        for name, member in members.items():
            if member.kind == kind:
                path = f"{target}/{name}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                make(f"{target}/{clean(member.target)}" if kind == "hardlink" else member.target, path)
