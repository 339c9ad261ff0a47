# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications whose own uvicorn would answer WebSockets with 404."""

from __future__ import annotations

import os
import re
import typing as t

SPEAK: t.Final = frozenset({"websockets", "wsproto"})
# What routes are declared with: FastAPI, Starlette, Litestar, Quart, Channels, Falcon, BlackSheep; Strawberry's and Ariadne's subscriptions.
ROUTE = re.compile(rb"\.websocket\(|@websocket(?:_\w+)?\(|\b(?:APIWebSocketRoute|WebSocketRoute|websocket_route|add_(?:api_)?websocket_route)\(|"
                   rb"\b(?:Async)?(?:Json)?WebsocketConsumer\b|\bWebSocketEndpoint\b|\bWebsocketListener\b|(?:==|\bcase)\s*[\"']websocket[\"']|"
                   rb"\bdef (?:on_websocket|websocket_connect)\(|@[\w.]+\.ws\(|\bGRAPHQL_(?:TRANSPORT_)?WS_PROTOCOL\b|\bGraphQL(?:Transport)?WSHandler\b")
ASIDE = frozenset({"tests", "test", "node_modules", "build"})


def mute(target: str, have: set[str], served_by: list[str]) -> list[str]:
    """What to tell of the source in C(target), whose lock has the packages C(have), when what serves it is one of C(served_by)."""
    if "uvicorn" not in have or SPEAK & have or not any(re.match(r"uvicorn\b", package) for package in served_by):
        return []
    for root, dirs, files in os.walk(target):
        dirs[:] = [name for name in dirs if not name.startswith(".") and name not in ASIDE]
        for name in files:
            if name.endswith(".py") and _routes(f"{root}/{name}"):
                return [f"{os.path.relpath(f'{root}/{name}', target)} has WebSockets, but the requirements bring uvicorn without what they need, and it "
                        "answers them with 404: ask for uvicorn[standard] in place of uvicorn."]
    return []


def _routes(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(ROUTE.search(file.read()))
    except OSError:
        return False
