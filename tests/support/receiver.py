# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that deploys are told to: in the place of a webhook, Slack, Sentry and Grafana.

It answers as these document it, and refuses what they would refuse:
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.sentry.io/api/releases/create-a-new-release-for-an-organization/ and .../create-a-deploy/
https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
"""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
from typing import Any, Iterator

SECRET = "s3cr3t-of-a-hook-7d41"
Request = tuple[str, "str | None", dict[str, Any]]
Answer = tuple[int, "dict[str, Any] | str"]
SENTRY = re.compile(r"/api/0/organizations/acme/releases/(?:([^/]+)/deploys/)?")
# What Sentry takes for no name of a release.
NO_RELEASE = re.compile(r".*[\n\r\t/\\].*|\.|\.\.|latest|.{201,}|\s*", re.DOTALL)
# Slack's markup, unless it is escaped.
SLACK_MARKUP = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what comes (path, header Authorization, body), and sees whether the secret stands in a list of processes meanwhile."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Request] = []
        self.listed: list[bytes] = []
        self.status: int | None = None  # another one than is usual
        self.releases: set[str] = set()  # what Sentry knows
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


def webhook(body: dict[str, Any]) -> Answer:
    return 204, ""


def slack(body: dict[str, Any]) -> Answer:
    text = body.get("text")
    if not isinstance(text, str) or not text or len(text) > 40000:
        return 400, "no_text"
    return (400, "invalid_payload") if set(body) != {"text"} or SLACK_MARKUP.search(text) else (200, "ok")


def sentry(releases: set[str], named: str | None, body: dict[str, Any]) -> Answer:
    """A release, or with C(named) a deploy of that release. What it knows already is 208, as after a rollback."""
    if named is not None:
        release = urllib.parse.unquote(named)
        if release not in releases:
            return 404, {"detail": "The requested resource does not exist"}
        well = isinstance(body.get("environment"), str) and 0 < len(body["environment"]) <= 64 and set(body) <= {"environment", "name", "url"}
        return (201, {"id": "1", **body}) if well else (400, {"environment": ["This field is required."]})
    version, projects = body.get("version"), body.get("projects")
    if not isinstance(version, str) or NO_RELEASE.fullmatch(version) or set(body) != {"version", "projects"}:
        return 400, {"version": ["Release with name is not allowed"]}
    if not isinstance(projects, list) or projects != ["guestbook"]:
        return 400, {"projects": ["Invalid project ids or slugs"]}
    status = 208 if version in releases else 201
    releases.add(version)
    return status, {"version": version}


def grafana(body: dict[str, Any]) -> Answer:
    tags = body.get("tags")
    well = isinstance(body.get("text"), str) and body["text"] and isinstance(tags, list) and all(isinstance(tag, str) and tag for tag in tags)
    return (200, {"message": "Annotation added", "id": 1}) if well and set(body) == {"text", "tags"} else (400, {"message": "Failed to save annotation"})


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, self.headers.get("Authorization"), body))
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if SECRET.encode() in path.read_bytes():
                    self.server.listed.append(path.read_bytes())
        status, answer = self._judge(body)
        content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(self.server.status or status)
        if self.server.status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
        # 204 has no body, and says nothing of its length.
        if content:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _judge(self, body: dict[str, Any]) -> Answer:
        if self.headers.get_content_type() != "application/json":
            return 415, ""
        if self.path == f"/services/{SECRET}":
            return slack(body)
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            return 401, ""
        if asked := SENTRY.fullmatch(self.path):
            return sentry(self.server.releases, asked[1], body)
        return {f"/hook/{SECRET}": webhook, "/api/annotations": grafana}.get(self.path, lambda body: (404, ""))(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
