# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file from an address."""

from __future__ import annotations

import base64
import os
import typing as t
import urllib.error
import urllib.request
from http.client import HTTPException

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import split_password, without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


class Proxies(urllib.request.ProxyHandler):
    """The proxies of an environment that need not be this process's."""

    def __init__(self, env: t.Mapping[str, str]):
        found = {scheme: env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY") for scheme in ("http", "https")}
        self.bypass = {"no": env.get("no_proxy") or env.get("NO_PROXY") or ""}
        super().__init__({scheme: address for scheme, address in found.items() if address})

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> t.Any:
        if req.host and urllib.request.proxy_bypass_environment(req.host, self.bypass):  # type: ignore[attr-defined]
            return None
        # Another way to the proxy than urllib's, in tunnel.py.
        req.by_tls = req.type == "https" and proxy.startswith("https://")  # type: ignore[attr-defined]
        return super().proxy_open(req, proxy, type)


MOST = 16 << 20
TIMEOUT = 60  # seconds


def fetched(address: str, where: str) -> bytes:
    """What is at an C(address) that C(where) names. It goes through the proxy of the environment, and trusts the system's certificates."""
    url, login = split_password(address)
    request = urllib.request.Request(url, headers={"User-Agent": "pyweb.stack"})
    if login:
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    # Loading these takes long, and few files name addresses.
    import ssl

    from ansible_collections.pyweb.stack.plugins.module_utils._host.tunnel import Secure

    try:
        with urllib.request.build_opener(Proxies(os.environ), Secure(ssl.create_default_context())).open(request, timeout=TIMEOUT) as answer:
            content = bytes(answer.read(MOST))
    except urllib.error.HTTPError as error:
        raise BuildError(f"{where} names {without_password(url)}, which cannot be fetched: the server answers {error.code} ({error.reason}).") from None
    except (OSError, ValueError, HTTPException) as error:
        raise BuildError(f"{where} names {without_password(url)}, which cannot be fetched: {getattr(error, 'reason', error)}; "
                         "check the address, and that this host reaches it.") from None
    return content
