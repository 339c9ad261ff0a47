# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of the controller, which packs and sends it."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import refuse_names
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.sent import Sent
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.unpack import unpack
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import from_describe


class Tree(Sent):
    """A directory of the controller, packed there."""

    kind = "path"
    name = "source.tar.gz"

    def project_version(self, revision: str) -> str | None:
        return from_describe(str(self.sent.get("describe") or ""))

    def export(self, revision: str, target: str) -> None:
        unpack(self.place(revision), self.shown, target, strip=False)
        refuse_names(target)
