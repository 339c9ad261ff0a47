# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the interpreter that an application asks for."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

# Exact versions of Python, installed by role python.
PYTHONS = "/opt/pyweb/python"


def minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def version_of(path: str) -> str:
    try:
        done = subprocess.run([path, "-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=False)
        version = done.stdout.strip()
    except OSError:
        version = ""
    if not re.fullmatch(r"3\.\d+\.\d+", version):
        raise BuildError(f"python is {path!r}, which is not a Python 3 that starts on this host: give the path of an interpreter, or a version.")
    return version


def find_python(wanted: str | None) -> tuple[str, str]:
    """The interpreter and its version: X.Y where the distribution keeps it up to date, X.Y.Z where it is exact."""
    if wanted and re.fullmatch(r"\d+\.\d+\.\d+", wanted):
        path = next(iter(sorted(glob.glob(f"{PYTHONS}/cpython-{wanted}-*/bin/python3"))), None)
        if not path:
            raise BuildError(f"python is {wanted!r}, but this host has no {PYTHONS}/cpython-{wanted}-*: run the playbook provision, "
                             "which installs it, or name it in python_versions of role python.")
        return path, version_of(path)
    if wanted and wanted.startswith("/"):
        if not os.path.isfile(wanted) or not os.access(wanted, os.X_OK):
            raise BuildError(f"python is {wanted!r}, but this host has no program there: install it, or give a version.")
        version = version_of(wanted)
        return wanted, minor(version) if os.path.realpath(wanted).startswith("/usr/bin/") else version
    path = shutil.which(f"python{wanted}", path="/usr/local/bin:/usr/bin") if wanted else "/usr/bin/python3"
    if not path:
        raise BuildError(f"python is {wanted!r}, but this host has no python{wanted}: install it, give a full version such as {wanted}.8, "
                         "or leave the variable out for the distribution's Python.")
    return path, minor(version_of(path))
