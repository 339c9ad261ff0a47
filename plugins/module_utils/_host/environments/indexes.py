# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from, as uv's environment: nothing of it is in a command line, since addresses may hold passwords."""

from __future__ import annotations

import os
import re
import typing as t
import urllib.parse

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.base import LINKS, Index, Lock
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError


def _check_wheelhouse(given: str, path: str) -> None:
    """given: as it was written. What root has put there under a strict umask is not for the user who builds."""
    try:
        closed = [file for name in os.listdir(path) if not os.access(file := os.path.join(path, name), os.R_OK, effective_ids=True)]
    except PermissionError:
        closed = [path]
    except OSError:
        raise BuildError(f"dependencies.wheelhouse is {given!r}, which is not a directory in the source or on this host.") from None
    if closed:
        raise BuildError(f"dependencies.wheelhouse is {given!r}, but the user who builds may not read {min(closed)}: chmod -R a+rX {path}, and let others "
                         "enter the directories above it.")


class Indexes:
    """What the user and the project say. C(env) is for uv, and C(secrets) is what no output may have."""

    def __init__(self, dependencies: dict[str, t.Any], variables: t.Mapping[str, str], source: str, lock: Lock):
        """C(dependencies) are those of pyweb_apps, C(variables) what addresses of the project may have as ${NAME}."""
        self.env: dict[str, str] = {}
        self.secrets: list[str] = []
        # By their address without a password.
        self.known: dict[str, str] = {}
        self.wheelhouse: str | None = None
        if dependencies["wheelhouse"]:
            self.wheelhouse = os.path.normpath(os.path.join(source, dependencies["wheelhouse"]))
            _check_wheelhouse(dependencies["wheelhouse"], self.wheelhouse)
            self.env = {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_FIND_LINKS": self.wheelhouse}
            return
        own = [index._replace(url=re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], match[0]), index.url)) for index in lock.indexes()]
        default = dependencies["index"]
        extra = [Index("", url, False) for url in dependencies["extra_indexes"]]
        for index in [*([Index("", default, True)] if default else []), *extra]:
            self.know(index)
        # What a project has in place of PyPI is asked first and not alone: the server and the tools that read locks may not be there.
        for index in sorted(own, key=lambda index: not index.default):
            if (index.default and default) or bare(index.url) in self.known:
                continue
            self.know(index)
            if index.default or not (index.explicit or lock.knows_origins):
                extra.append(index)
        if default:
            self.env["UV_DEFAULT_INDEX"] = default
        if extra:
            self.env["UV_INDEX"] = " ".join(written(index) for index in extra)
        if lock.links():
            self.env["UV_FIND_LINKS"] = ",".join(lock.links())

    def know(self, index: Index) -> None:
        self.known[bare(index.url)] = written(index)
        login = urllib.parse.urlsplit(index.url).netloc.rpartition("@")[0]
        for part in (login, login.partition(":")[2]):
            self.secrets += [item for item in (part, urllib.parse.unquote(part)) if len(item) >= 4]

    def only(self, url: str) -> dict[str, str | None]:
        """The environment in which uv takes a package from the index C(url) if that has it in any version. Others have what it is built with.

        With C(LINKS) no index is asked for anything.
        """
        if self.wheelhouse:
            return {}
        if url == LINKS:
            return {"UV_NO_INDEX": "1"}
        return {"UV_INDEX": self.known.get(bare(url), url), "UV_INDEX_STRATEGY": "first-index", "UV_FIND_LINKS": None}


def written(index: Index) -> str:
    """By its name uv finds the variables for its user and password."""
    return f"{index.name}={index.url}" if re.fullmatch(r"[A-Za-z0-9_-]+", index.name) else index.url


def bare(url: str) -> str:
    return without_password(url).rstrip("/")
