# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a directory elsewhere, as an NFS server with root_squash does: root may no more than a stranger, whoever's rights it has taken on may what is theirs.

squashed.py DIRECTORY PLACE
"""

from __future__ import annotations

import errno
import os
import sys

from fusepy import FUSE, FuseOSError, Operations, fuse_get_context

ATTRIBUTES = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")


class Squashed(Operations):
    def __init__(self, directory: str) -> None:
        self.directory = directory

    def __call__(self, op, path, *args):
        if fuse_get_context()[0] == 0 and (op, path) != ("getattr", "/") and op not in ("init", "destroy"):
            raise FuseOSError(errno.EACCES)
        return super().__call__(op, self.directory + path, *args)

    def _given(self, path):
        """What somebody makes is theirs."""
        os.chown(path, *fuse_get_context()[:2])
        return 0

    def getattr(self, path, fh=None):
        found = os.lstat(path)
        return {name: getattr(found, name) for name in ATTRIBUTES}

    def create(self, path, mode, fi=None):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, mode)
        self._given(path)
        return handle

    def mkdir(self, path, mode):
        os.mkdir(path, mode)
        return self._given(path)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(path)]

    def release(self, path, fh):
        return os.close(fh)

    def rename(self, old, new):
        return os.rename(old, self.directory + new)

    def truncate(self, path, length, fh=None):
        os.truncate(path, length)

    def utimens(self, path, times=None):
        os.utime(path, times)

    chmod, open, rmdir, unlink = os.chmod, os.open, os.rmdir, os.unlink


FUSE(Squashed(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, allow_other=True, default_permissions=True, attr_timeout=0, entry_timeout=0)
