# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when the certificate of a site is valid, as openssl tells of the file that nginx is given. Python alone cannot read one."""

from __future__ import annotations

import contextlib
import re
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_text

if t.TYPE_CHECKING:
    from ansible_collections.pyweb.stack.plugins.module_utils._host.system import System

SITE = "/etc/nginx/conf.d/pyweb.site.{name}.conf"


class Certificate(t.TypedDict):
    """The certificate of one site."""

    path: str
    expires: str | None  # UTC as 20261120T201500Z; None where it cannot be read
    self_signed: bool


def named(configuration: str) -> str:
    """Pure: the file that a site's configuration names first; nothing where it names none."""
    found = re.search(r"^\s*ssl_certificate\s+\"?([^;\"]+?)\"?\s*;", configuration, re.MULTILINE)
    return found[1] if found else ""


def said(output: str) -> tuple[str | None, bool]:
    """Pure: when it expires, and whether it is its own issuer, from C(openssl x509 -enddate -subject -issuer)."""
    lines = dict(re.findall(r"^(notAfter|subject|issuer)=\s*(.*)$", output, re.MULTILINE))
    expires = None
    with contextlib.suppress(KeyError, ValueError):
        expires = time.strftime("%Y%m%dT%H%M%SZ", time.strptime(lines["notAfter"], "%b %d %H:%M:%S %Y %Z"))
    return expires, bool(lines.get("subject")) and lines.get("subject") == lines.get("issuer")


def of_site(system: System, name: str) -> Certificate | None:
    """Of the site of an application; None where it has none on this host."""
    try:
        path = named(read_text(system.root + SITE.format(name=name)))
    except OSError:
        return None
    if not path:
        return None
    try:
        output = system.run(["openssl", "x509", "-noout", "-enddate", "-subject", "-issuer", "-in", path]).stdout
    except OSError:
        output = ""
    expires, self_signed = said(output)
    return {"path": path, "expires": expires, "self_signed": self_signed}
