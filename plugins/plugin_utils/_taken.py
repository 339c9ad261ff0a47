# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has already at the places of an application that it has no account of yet. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout


def taken(found: t.Iterable[str], name: str) -> str:
    """The first thing that is somebody else's, in words; empty where there is none, and for what is no name of an application: role app refuses that itself.

    C(found): of each thing at these places its kind as find(1) has it, a space and its path, such as C(d /srv/shop).
    """
    try:
        paths = Layout(name)
    except HostError:
        return ""
    things = [tuple(line.partition(" ")[::2]) for line in found]
    # What somebody may have put there for the application: its data, volumes of its own, and what the root of a file system has.
    welcome = (paths.shared, paths.assets, paths.build, paths.releases, f"{paths.path}/lost+found")
    if ("d", paths.state) in things:
        # Its own records: only its account has been deleted.
        return ""
    for kind, path in things:
        if path == paths.path and kind != "d":
            return f"{'a link' if kind == 'l' else 'a file'} {path}"
        if path not in (paths.path, *welcome):
            return path
    return ""
