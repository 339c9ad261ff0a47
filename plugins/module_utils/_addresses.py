# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of repositories, archives and indexes, which may have a password in them."""

from __future__ import annotations

import re
import urllib.parse


def without_password(url: str) -> str:
    """Also of an address within a text, and with an @ in the password that should have been written as %40."""
    return re.sub(r"(?<=://)[^/\s\"'<>]+@", "", url)


def split_password(url: str) -> tuple[str, str | None]:
    """An address for HTTP without the C(user:password) in it, and these. The user of an address for SSH is part of the address."""
    found = re.match(r"(https?://)([^/]*)@(.*)", url, re.DOTALL)
    return (found[1] + found[3], urllib.parse.unquote(found[2])) if found else (url, None)


def public(params: dict) -> set[str]:
    """Values of options for secrets that are none: an address without a password may be named when something is wrong with it."""
    dependencies = params.get("dependencies") or {}
    urls = [dependencies.get("index"), *(dependencies.get("extra_indexes") or [])]
    return {url for url in urls if url and without_password(url) == url}
