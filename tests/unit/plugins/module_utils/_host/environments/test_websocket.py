# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of applications that bring a uvicorn which cannot speak WebSocket."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.environments.websocket import mute

SERVER = ["uvicorn==0.40.0", "websockets==15.0.1"]


@pytest.mark.parametrize("have, server, text, told", [
    ({"fastapi", "uvicorn"}, SERVER, "@app.websocket('/ws')", True),
    ({"starlette", "uvicorn"}, SERVER, "routes = [WebSocketRoute('/ws', talk)]", True),
    ({"channels", "uvicorn"}, SERVER, "class Chat(AsyncWebsocketConsumer): pass", True),
    ({"channels", "uvicorn"}, SERVER, "class Chat(AsyncJsonWebsocketConsumer): pass", True),
    ({"channels", "uvicorn"}, SERVER, "class Chat(JsonWebsocketConsumer): pass", True),
    ({"litestar", "uvicorn"}, SERVER, "@websocket_listener('/ws')", True),
    ({"starlette", "uvicorn"}, SERVER, "app.add_websocket_route('/ws', talk)", True),
    ({"uvicorn"}, SERVER, "if scope['type'] == 'websocket':", True),
    ({"falcon", "uvicorn"}, SERVER, "async def on_websocket(self, req, ws):", True),
    ({"blacksheep", "uvicorn"}, SERVER, "@app.router.ws('/ws')", True),
    ({"strawberry-graphql", "uvicorn"}, SERVER, "subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL]", True),
    ({"ariadne", "uvicorn"}, SERVER, "websocket_handler=GraphQLTransportWSHandler()", True),
    ({"uvicorn"}, SERVER, 'case "websocket":', True),
    ({"uvicorn"}, SERVER, "import websocket", False),
    ({"fastapi", "uvicorn", "websockets"}, SERVER, "@app.websocket('/ws')", False),
    ({"fastapi", "uvicorn", "wsproto"}, SERVER, "@app.websocket('/ws')", False),
    ({"fastapi"}, SERVER, "@app.websocket('/ws')", False),
    ({"fastapi", "uvicorn"}, [], "@app.websocket('/ws')", False),
    ({"flask", "uvicorn"}, ["gunicorn==25.1.0"], "@app.websocket('/ws')", False),
    ({"fastapi", "uvicorn"}, SERVER, "# no websocket here", False),
])
def test_only_what_would_be_answered_with_404(tmp_path, have, server, text, told):
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "routes.py").write_text(text)
    (tmp_path / "link.py").symlink_to("nowhere")
    notes = mute(str(tmp_path), have, server)
    assert len(notes) == told
    if told:
        assert notes[0].startswith("chat/routes.py has WebSockets, but ") and notes[0].endswith("ask for uvicorn[standard] in place of uvicorn.")


def test_its_tests_do_not_serve(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_ws.py").write_text("@app.websocket('/ws')")
    assert mute(str(tmp_path), {"uvicorn"}, SERVER) == []
