# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which class fetches a source."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.archive import Archive, Download
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.base import Source
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.git import Git
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.package import Package, Wheel
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.path import Tree
from ansible_collections.pyweb.stack.plugins.module_utils._options import SSH


# A further kind is a line here and a class beside these.
KINDS: tuple[type[Source], ...] = (Git, Tree, Archive, Download, Package, Wheel)


def source_of(home: str, params: dict[str, t.Any], env: dict[str, str]) -> Source:
    """The source that C(params) name: C(source) as the user has written it, C(sent) as the controller says of what lies there."""
    source = params["source"]
    if params.get("query"):
        source = {**source, "archive": f"{source['archive']}?{params['query']}"}
    kind = next(kind for kind in KINDS if kind.takes(source))
    return kind(home, source, env, params.get("sent"))


def own_key(config_path: str, source: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    """The source with the deploy key that was made on this host, where it needs one. For root: the build user cannot read it."""
    if not source or not source.get("repo") or source.get("deploy_key") or not SSH.match(source["repo"]):
        return source
    try:
        with open(f"{config_path}/deploy_key", encoding="utf-8") as private, open(f"{config_path}/deploy_key.pub", encoding="utf-8") as public:
            return {**source, "deploy_key": private.read(), "public_key": public.read().strip()}
    except FileNotFoundError:
        return source
