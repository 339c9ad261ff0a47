# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visitor of one test host, who asks for its sites by their names."""

from __future__ import annotations

import typing

import httpx


class Visitor:
    """Comes over the network to one address, with the name of the site in SNI and Host, whatever certificate is shown there."""

    def __init__(self, address: str, timeout: float = 20.0) -> None:
        """An IP address, and the seconds that connecting, sending and each part of an answer may take."""
        self.address, self.timeout = address, timeout

    def ask(self, method: str, url: str, **more: typing.Any) -> httpx.Response:
        """One request on a connection of its own; no redirect is followed, and the path goes out as it is written.

        httpx.HTTPError where there is no answer.
        """
        parts = httpx.URL(url)
        host = url.partition("://")[2].partition("/")[0]
        target = url.partition("://")[2].partition(host)[2] or "/"
        headers = {"Host": host, **more.pop("headers", {})}
        extensions = {"sni_hostname": parts.host, "target": target.encode()}
        with httpx.Client(verify=False, timeout=self.timeout, trust_env=False) as client:
            return client.request(method, parts.copy_with(host=self.address), headers=headers, extensions=extensions, **more)

    def get(self, url: str) -> httpx.Response:
        return self.ask("GET", url)

    def json(self, url: str) -> typing.Any:
        """What an answer of status 200 holds."""
        answer = self.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json()
