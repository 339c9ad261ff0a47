# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of a project that takes it from git tags, for a build that has no repository."""

from __future__ import annotations

import re

# v1.2.0, 1.2.0rc1, shop-1.2.0, shop/v1.2.0
TAG = re.compile(r"(?:[A-Za-z][\w/-]*[/-])?[vV]?(\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?)(?:-(\d+)-g([0-9a-f]+))?(-dirty)?$")
# shop-1.2.0.tar.gz, v1.2.0.zip
FILE = re.compile(r"(?:.*?-)?[vV]?(\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?(?:\.post\d+)?)(?:\.tar|\.tgz|\.zip)")
# Arguments of git: the nearest tag that may be a version, not one such as production or latest that moves along.
DESCRIBE = ("describe", "--tags", "--long", "--match=*[0-9]*")
VARIABLES = (
    # hatch-vcs reads it, too.
    "SETUPTOOLS_SCM_PRETEND_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS", "UV_DYNAMIC_VERSIONING_BYPASS", "PDM_BUILD_SCM_VERSION", "PBR_VERSION",
)


def from_describe(text: str) -> str | None:
    """What C(git describe --tags --long) says, as such a project would number it: C(1.2.0) on a tag, C(1.2.1.dev3+g1a2b3c4) three commits later."""
    found = TAG.match(text.strip())
    if not found:
        return None
    base, distance, commit, dirty = found[1], int(found[2] or 0), found[3], bool(found[4])
    if not distance and not dirty:
        return base
    number = re.match(r"\d+(?:\.\d+)*", base)
    if number and number[0] == base:
        head, dot, last = base.rpartition(".")
        base = f"{head}{dot}{int(last) + 1}"
    local = ".".join([*([f"g{commit}"] if commit else []), *(["dirty"] if dirty else [])])
    return f"{base}.dev{distance}" + (f"+{local}" if local else "")


def from_file(name: str) -> str | None:
    """What the name of an archive says."""
    found = FILE.match(name)
    return found[1] if found else None
