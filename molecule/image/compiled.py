# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python compiles of archives, on test hosts alone: Ansible sends each module as source in one, and most of a task is to compile it."""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport
from importlib._bootstrap_external import MAGIC_NUMBER

# A link that hosts of scenarios have, see init. It leads to a volume that hosts of one system share; only root writes there.
KEPT = "/var/lib/test-host-compiled"


def keep(folder):
    """From here on, code that has the same source is read from the folder. Where that cannot be, Python compiles as ever."""
    compile_source = zipimport._compile_source

    def code_of(path, source):
        digest = _imp.source_hash(int.from_bytes(MAGIC_NUMBER, "little"), source).hex()
        name = f"{folder}/{sys.implementation.cache_tag}-{len(source)}-{digest}"
        try:
            with open(name, "rb") as file:
                code = marshal.load(file)
            # It came from another archive.
            _imp._fix_co_filename(code, path)
            return code
        except (OSError, EOFError, TypeError, ValueError):
            code = compile_source(path, source)
        try:
            with open(f"{name}.{os.getpid()}", "wb") as file:
                marshal.dump(code, file)
            os.rename(file.name, name)
        except OSError:
            pass
        return code

    found = {}

    def kept(path, source):
        # Python asks twice for each module.
        if (path, source) not in found:
            found[path, source] = code_of(path, source)
        return found[path, source]

    zipimport._compile_source = kept


if os.path.isdir(KEPT):
    keep(KEPT)
