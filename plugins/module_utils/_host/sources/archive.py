# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of the controller, or one that the host downloads."""

from __future__ import annotations

import base64
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import split_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.fetch import Proxies
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import copied, refuse_names
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.sent import Sent
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.unpack import unpack
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import from_file


class Archive(Sent):
    """A file of the controller that has the source in it."""

    kind = "archive"

    @classmethod
    def takes(cls, source: dict[str, t.Any]) -> bool:
        return "://" not in (source.get("archive") or "://")

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        super().__init__(home, source, env, sent)
        self.name = "source.zip" if source["archive"].split("?")[0].endswith(".zip") else "source.tar"

    def project_version(self, revision: str) -> str | None:
        return from_file(os.path.basename(self.source["archive"].split("?")[0]))

    def export(self, revision: str, target: str) -> None:
        unpack(self.place(revision), self.shown, target)
        refuse_names(target)


class Download(Archive):
    """An archive at an address that the host reaches. What it has to be is known before, so no host is asked for that."""

    @classmethod
    def takes(cls, source: dict[str, t.Any]) -> bool:
        return "://" in (source.get("archive") or "")

    def __init__(self, home: str, source: dict[str, t.Any], env: dict[str, str], sent: dict[str, t.Any] | None = None):
        super().__init__(home, source, env, sent)
        self.url, password = split_password(source["archive"])
        self.password = source.get("token") or password
        # What is behind the question mark is often a signature.
        self.shown, dummy, self.query = self.url.partition("?")
        self.version = os.path.basename(self.shown)

    def resolve(self) -> str:
        found = re.fullmatch(r"sha256:([0-9a-f]{64})", self.source.get("checksum") or "")
        if not found:
            raise BuildError("source.checksum is missing: an archive from the net needs the sha256 of what it has to be, as sha256:…")
        return found[1]

    def missing(self, revision: str) -> bool:
        return False

    def fetch(self, revision: str) -> None:
        if os.path.exists(self.place(revision)):
            return
        if not self.url.startswith(("https://", "http://")):
            raise BuildError(f"source.archive is {self.shown}: an address that begins with https:// is needed, or a file on the controller.")
        # Loading these takes longer than most steps do, and most sources are not fetched by us.
        # Ansible's own open_url cannot be had here: what the module brings is root's, and this runs as the build user.
        import ssl
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, build_opener

        from ansible_collections.pyweb.stack.plugins.module_utils._host.tunnel import Secure

        request = Request(self.url, headers={"User-Agent": "pyweb.stack"})
        if self.password:
            # Not sent on to another host.
            login = self.password if ":" in self.password else f"{self.password}:"
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        opener = build_opener(Proxies(self.env), Secure(ssl.create_default_context(cafile=self.env.get("SSL_CERT_FILE"))))
        try:
            with opener.open(request, timeout=60) as answer, self.arriving(revision) as file:
                digest = copied(answer, file)
                if digest != revision:
                    raise BuildError(f"{self.shown} has the sha256 {digest}, but source.checksum says {revision}: it is not the file that was meant.")
        except HTTPError as error:
            raise BuildError(f"{self.shown} cannot be fetched: the server answers {error.code} ({error.reason}); check source.archive.") from None
        except (OSError, ValueError, HTTPException) as error:
            reason = str(getattr(error, "reason", error))
            reason = reason.replace(self.query, "…") if self.query else reason
            raise BuildError(f"{self.shown} cannot be fetched: {reason}; check source.archive, and that this host reaches it.") from None
