# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications that the demo and the tests deploy."""

from __future__ import annotations

import asyncio
import io
import json
import pathlib
import subprocess
import sys
import wsgiref.util
import wsgiref.validate

import pytest

CHECKOUT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(CHECKOUT / "tests" / "support"), str(CHECKOUT / "tests" / "apps")]

import probe  # noqa: E402
import repositories  # noqa: E402


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repositories")
    repositories.guestbook(folder / "guestbook.bundle")
    repositories.probe(folder / "probe.bundle")
    for name in ("guestbook", "probe"):
        git(folder, "clone", "--quiet", f"{name}.bundle", name)
    return folder


def test_the_next_guestbook_differs_in_version_and_schema_but_not_in_its_lock(clones):
    repository = clones / "guestbook"
    assert 'version__ = "1.0.0"' in git(repository, "show", "main:guestbook/__init__.py")
    assert 'version__ = "2.0.0"' in git(repository, "show", "v2.0.0:guestbook/__init__.py")
    changed = git(repository, "diff", "--name-only", "v1.0.0", "v2.0.0").split()
    assert not {"uv.lock", "requirements.txt"} & set(changed) and {"guestbook/db.py", "guestbook/static/style.css"} <= set(changed)
    added = [line for line in git(repository, "diff", "v1.0.0", "v2.0.0", "--", "guestbook/db.py").splitlines() if line[0] in "+-"][2:]
    assert all(line.startswith("+") for line in added), "migrations only add"


def test_probe_changes_its_source_but_not_its_lock(clones):
    assert git(clones / "probe", "diff", "--name-only", "one", "two").split() == ["src/probe/__init__.py"]
    assert git(clones / "probe", "rev-parse", "main") == git(clones / "probe", "rev-parse", "one")
    assert set(git(clones / "probe", "tag").split()) == set(repositories.PROBE)


def call_wsgi(path, method="GET", query="", body=b""):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body))}
    environ["wsgi.input"] = io.BytesIO(body)
    if body:
        environ["CONTENT_TYPE"] = "text/plain"
    wsgiref.util.setup_testing_defaults(environ)
    started = []
    answer = wsgiref.validate.validator(probe.app)(environ, lambda status, headers, error=None: started.append((status, dict(headers))))
    content = b"".join(answer)
    answer.close()
    return int(started[0][0][:3]), started[0][1], content


def call_asgi(path, method="GET", query="", body=b""):
    incoming = [{"type": "http.request", "body": body[:1], "more_body": True}, {"type": "http.request", "body": body[1:]}]
    sent = []

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}
    asyncio.run(probe.asgi(scope, receive, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize("call", [call_wsgi, call_asgi])
def test_probe_answers_alike_by_both_interfaces(call, monkeypatch):
    monkeypatch.setenv("PYWEB_RELEASE", "20261120T201500Z-1a2b3c4")
    status, headers, content = call("/")
    assert (status, content, headers["x-release"]) == (200, b"probe one\n", "20261120T201500Z-1a2b3c4")
    assert call("/echo", "POST", body=b"a\0b")[2] == b"a\0b"
    assert call("/fail")[0] == 500
    assert call("/other")[0] == 404
    monkeypatch.setenv("NASTY", "two\nlines $HOME %s 'quotes\"")
    assert json.loads(call("/environment")[2])["NASTY"] == "dHdvCmxpbmVzICRIT01FICVzICdxdW90ZXMi"
    assert json.loads(call("/try", query="path=/nowhere/to/be/found")[2]) == {"read": "FileNotFoundError", "write": "FileNotFoundError"}
