"""An application that shows where and as whom it runs, and misbehaves on request. WSGI as `app`, ASGI as `asgi`.

A file BEHAVIOUR next to this one makes every start of a release go wrong: fail, exit or hang while it is imported, or
error for an answer of 500 to everything. It needs nothing but Python, so it is deployed in every way that applications
come: as a lone file, with requirements.txt, or installed as a package (tests/support/repositories.py).
"""

import asyncio
import base64
import html
import importlib.util
import json
import os
import pathlib
import pwd
import sys
import time
import urllib.parse

TEXT = "one"

_HERE = pathlib.Path(__file__).parent
BEHAVIOUR = (_HERE / "BEHAVIOUR").read_text().strip() if (_HERE / "BEHAVIOUR").exists() else ""

if BEHAVIOUR == "fail":
    raise RuntimeError("probe: this release cannot start")
if BEHAVIOUR == "exit":
    print("probe: this release gives up", file=sys.stderr, flush=True)
    os._exit(4)
if BEHAVIOUR == "hang":
    time.sleep(3600)


def answer(method: str, path: str, query: str, body: bytes) -> tuple[int, str, bytes, float]:
    """Status, content type, content, and seconds to wait before them."""
    options = dict(urllib.parse.parse_qsl(query))
    if BEHAVIOUR == "error" or path == "/fail":
        print("probe: this request fails", file=sys.stderr, flush=True)
        return 500, "text/plain", b"failed", 0
    if path == "/":
        return 200, "text/plain", f"probe {TEXT}\n".encode(), 0
    if path == "/echo" and method == "POST":
        return 200, "application/octet-stream", body, 0
    if path == "/page":
        return 200, "text/html", page(), 0
    if path == "/slow":
        return 200, "text/plain", b"slow", float(options.get("seconds", "1"))
    if path == "/healthz":
        content = {"status": "ok", "text": TEXT, "release": os.environ.get("PYWEB_RELEASE")}
    elif path == "/environment":
        # Byte for byte: a value need not be UTF-8.
        content = {os.fsdecode(name): base64.b64encode(value).decode() for name, value in os.environb.items()}
    elif path == "/process":
        content = {
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "directory": os.getcwd(),
            "file": __file__,
            "python": sys.executable,
            "prefix": sys.prefix,
            "version": list(sys.version_info[:3]),
            "dependency": importlib.util.find_spec("itsdangerous") is not None,
        }
    elif path == "/try":
        content = {"read": attempt("rb", options["path"]), "write": attempt("ab", options["path"])}
    else:
        return 404, "text/plain", b"not here", 0
    return 200, "application/json", json.dumps(content).encode(), 0


def attempt(mode: str, path: str) -> str:
    try:
        with open(path, mode):
            return "yes"
    except OSError as error:
        return type(error).__name__


def page() -> bytes:
    """As much work as a page of a small application: about a millisecond."""
    rows = [f"<li>{html.escape(f'row <{number}> & {TEXT}')}</li>" for number in range(3000)]
    return "\n".join(rows[:100]).encode()


def parts(query: str) -> list[bytes]:
    """What /stream sends, a part every tenth of a second; whoever gets all of it has the last line."""
    seconds = float(dict(urllib.parse.parse_qsl(query)).get("seconds", "1"))
    return [*(b"part %d\n" % number for number in range(round(seconds * 10))), b"end\n"]


def streamed(query: str):
    for part in parts(query):
        yield part
        time.sleep(0 if part == b"end\n" else 0.1)


def release() -> str:
    return os.environ.get("PYWEB_RELEASE", "development")


def headers(content_type: str, content: bytes | None) -> list[tuple[str, str]]:
    length = [] if content is None else [("content-length", str(len(content)))]
    return [("content-type", content_type), *length, ("x-release", release())]


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    if path == "/stream":
        start_response("200 OK", headers("text/plain", None))
        return streamed(query)
    if path == "/visitor":
        start_response("200 OK", headers("text/plain", None))
        return [environ["REMOTE_ADDR"].encode()]
    status, content_type, content, wait = answer(method, path, query, body)
    time.sleep(wait)
    start_response(f"{status} {'OK' if status == 200 else 'Not so'}", headers(content_type, content))
    return [content]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{release()} {message['text']}"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/stream":
        fields = [(name.encode(), value.encode()) for name, value in headers("text/plain", None)]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for part in parts(scope["query_string"].decode()):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0 if part == b"end\n" else 0.1)
        await send({"type": "http.response.body", "body": b""})
        return
    if scope["path"] == "/visitor":
        fields = [(name.encode(), value.encode()) for name, value in headers("text/plain", None)]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": (scope["client"] or ("", 0))[0].encode()})
        return
    status, content_type, content, wait = answer(scope["method"], scope["path"], scope["query_string"].decode(), body)
    await asyncio.sleep(wait)
    fields = [(name.encode(), value.encode()) for name, value in headers(content_type, content)]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": content})
