# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that deploys are told to: in the place of a webhook, Slack, Sentry and Grafana."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import threading
from typing import Any, Iterator

SECRET = "s3cr3t-of-a-hook-7d41"
Request = tuple[str, "str | None", dict[str, Any]]


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what comes (path, header Authorization, body), and sees whether the secret stands in a list of processes meanwhile."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Request] = []
        self.listed: list[bytes] = []
        self.status: int | None = None  # another one than is usual
        self.url = f"http://127.0.0.1:{self.server_port}"

    def taken(self) -> list[Request]:
        got, self.got = self.got, []
        return got

    def variables(self) -> dict[str, Any]:
        """What the files in examples/hooks need to tell it."""
        return {
            "notify_stage": "staging",
            "notify_webhook": {"url": f"{self.url}/hook/{SECRET}", "headers": {"Authorization": f"Bearer {SECRET}"}},
            "notify_slack": {"url": f"{self.url}/services/{SECRET}"},
            "notify_sentry": {"url": self.url, "organization": "acme", "project": "guestbook", "token": SECRET},
            "notify_grafana": {"url": self.url, "token": SECRET},
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, self.headers.get("Authorization"), body))
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if SECRET.encode() in path.read_bytes():
                    self.server.listed.append(path.read_bytes())
        # As Sentry answers: made.
        self.send_response(self.server.status or (201 if "/api/0/" in self.path else 200))
        if self.server.status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
