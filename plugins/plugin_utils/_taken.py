# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has already at the places of an application that it has no account of yet. Pure."""

from __future__ import annotations

import os
import typing as t

# What somebody may have put there for the application: its data, volumes of its own, and what the root of a file system has.
WELCOME = ("shared", "assets", "build", "releases", "lost+found")


def taken(found: t.Iterable[str], name: str) -> str:
    """The first thing that is somebody else's, in words; empty where there is none.

    C(found): of each thing at these places its kind as find(1) has it, a space and its path, such as C(d /srv/shop).
    """
    things = [tuple(line.partition(" ")[::2]) for line in found]
    home = f"/srv/{name}"
    if ("d", f"/var/lib/pyweb/{name}") in things:
        # Its own records: only its account has been deleted.
        return ""
    for kind, path in things:
        if path == home and kind != "d":
            return f"{'a link' if kind == 'l' else 'a file'} {path}"
        if path != home and not (os.path.dirname(path) == home and os.path.basename(path) in WELCOME):
            return path
    return ""
