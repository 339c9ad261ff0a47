# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy by which a host reaches the outside, as C(pyweb_proxy) and C(pyweb_no_proxy) say it. Pure: no I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.proxy import FILE, VARIABLE

LOCAL = ["localhost", "127.0.0.1", "::1"]


def direct_hosts(no_proxy: str | list[str] | None) -> list[str]:
    """What C(pyweb_no_proxy) names, as a list or as an environment has it: a,b. *.example.com is .example.com to Python, git and apt."""
    given = no_proxy.split(",") if isinstance(no_proxy, str) else no_proxy or []
    names = [str(name).strip() for name in given]
    return [f".{name[2:]}" if name.startswith("*.") else name for name in names if name]


def variables(proxy: str | None, no_proxy: str | list[str] | None = None) -> dict[str, str]:
    """The environment by which apt, pip, uv, git, curl and npm find it, some of them in capitals only; empty without a proxy."""
    if not proxy:
        return {}
    found = {"http_proxy": str(proxy), "https_proxy": str(proxy), "no_proxy": ",".join(LOCAL + direct_hosts(no_proxy))}
    return {**found, **{name.upper(): value for name, value in found.items()}}


def of_tasks(proxy: str | None, no_proxy: str | list[str] | None = None) -> dict[str, t.Any]:
    """The environment of tasks. sudo logs it, so a proxy with a password is in a file on the host alone."""
    return {VARIABLE: FILE} if proxy and "@" in proxy else variables(proxy, no_proxy)
