# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what _ssh_access decides on: the processes above this one, and the files with a user's keys."""

from __future__ import annotations

import contextlib
import datetime
import os
import pwd
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils import _ssh_access as ssh_access


def ancestors() -> t.Iterator[ssh_access.Process]:
    """This process and those above it; the nearest comes first."""
    pid = os.getpid()
    while pid > 1:
        directory = f"/proc/{pid}"
        try:
            with open(f"{directory}/environ", "rb") as stream:
                yield ssh_access.Process(os.stat(directory).st_uid, stream.read())
            with open(f"{directory}/stat", encoding="utf-8", errors="replace") as stream:
                # The name, in parentheses, may have spaces; the parent comes second after it.
                pid = int(stream.read().rpartition(")")[2].split()[1])
        except OSError:
            return


def _is_safe(path: str, home: str, uid: int) -> bool:
    """The file and the directories above it, up to the user's home where it lies in there."""
    while True:
        found = os.stat(path)
        if not ssh_access.is_safe(found.st_uid, found.st_mode, uid):
            return False
        if path in (home, "/"):
            return True
        path = os.path.dirname(path)


@contextlib.contextmanager
def _with_rights_of(user: pwd.struct_passwd) -> t.Iterator[None]:
    """sshd reads keys so: of a home that comes by NFS, root sees less than its user, and of a file that is root's alone, its user sees nothing."""
    group, groups = os.getegid(), os.getgroups()
    if os.geteuid() != 0 or user.pw_uid == 0:
        yield
        return
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def look_at_keys(path: str, user: pwd.struct_passwd, client: str, rsa_bits: int) -> tuple[int, str]:
    """How many keys of a file let the user in from the address client, and a sentence about the file."""
    with _with_rights_of(user):
        return _look_at_keys(path, user, client, rsa_bits)


def _look_at_keys(path: str, user: pwd.struct_passwd, client: str, rsa_bits: int) -> tuple[int, str]:
    home = os.path.realpath(user.pw_dir)
    path = os.path.realpath(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    except FileNotFoundError:
        return 0, f"{path}: not there"
    except OSError as error:
        return 0, f"{path}: {user.pw_name} cannot read it ({error.strerror})"
    if not _is_safe(path, home, user.pw_uid):
        return 0, f"{path}: ignored by sshd, others may write to it or to a directory above it"
    now = datetime.datetime.now()
    keys = ssh_access.keys_from(text)
    usable = sum(ssh_access.is_usable(key, client, now, rsa_bits) for key in keys)
    return usable, f"{path}: {usable} usable of {len(keys)} keys"
