# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the launcher executes for each process: how gunicorn, uvicorn and other commands are told to serve on a release's socket."""

from __future__ import annotations

import glob
import os
import re
import sys
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout

# Bytes of a request line: the most that gunicorn can be told, and nearly nginx's 8 kB. Its own 4094 refuse long queries.
REQUEST_LINE = 8190

# Of each server, the oldest version that is tried; and from which version on it understands what we use of it.
OLDEST = {"gunicorn": (20, 0), "uvicorn": (0, 15)}
ASGI_WORKERS, CONTROL_SOCKET, GRACEFUL_SHUTDOWN = (24, 0), (25, 1), (0, 22)
# Before it, gunicorn's workers set their user even where it is the one that they are.
SAME_USER = (21,)
NEWEST = (sys.maxsize,)

# Megabytes for each worker, which keep a small machine out of swap.
WORKER_MEMORY = 256
# Seconds without a sign of life after which gunicorn ends a worker, unless the user or the health check gives it longer.
SILENCE = 60


def listening(name: str, process: t.Mapping[str, t.Any], path: str) -> dict[str, t.Any]:
    """How a process comes to the release's socket: the launcher makes it, or the server does, or what knows only PORT is led to it."""
    mine = bool(process["server"])
    makes = name == "web" and not mine and "{socket}" in process["command"]
    leads = name == "web" and not mine and not makes
    return {"socket": path if mine or leads else None, "opens": path if makes else None, "leads": leads}


def default_workers(applications: int = 1, limit_mb: int | None = None, memory_mb: int | None = None, cores: int | None = None) -> int:
    """This application's share of twice as many as there are cores and one more, as far as the memory goes."""
    cores = cores or os.cpu_count() or 1
    if memory_mb is None:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    share = min(2 * cores + 1, memory_mb // WORKER_MEMORY) // max(applications, 1)
    return max(2, min(share, (limit_mb or memory_mb) // WORKER_MEMORY))


def megabytes(memory: str | None) -> int | None:
    """512M, 2G; see systemd.resource-control(5)."""
    found = re.fullmatch(r"(\d+)([KMGT])", memory or "")
    if not found:
        return None
    kilobytes: int = int(found.group(1)) * 1024 ** "KMGT".index(found.group(2))
    return kilobytes // 1024


def server_version(place: str, name: str) -> tuple[int, ...]:
    """The version of a server in the environment of the release in C(place), such as (23, 0, 0); NEWEST where nothing tells."""
    for found in glob.glob(f"{glob.escape(place)}/.venv/lib/python*/site-packages/{name}-*.dist-info"):
        numbers = re.match(r"\d+(?:\.\d+)*", os.path.basename(found)[len(name) + 1:])
        if numbers:
            return tuple(map(int, numbers[0].split(".")))
    return NEWEST


def check_server(release: str, process: dict[str, t.Any], version: tuple[int, ...]) -> None:
    """Refuse a server that cannot do what is asked of it, before anything starts."""
    server, shown = process["server"], ".".join(map(str, version))
    if version < OLDEST[server]:
        oldest = ".".join(map(str, OLDEST[server]))
        raise HostError(f"release {release} has {server} {shown}: {oldest} or newer is needed; raise it in the application's requirements.")
    if server == "gunicorn" and process["kind"] == "asgi" and version < ASGI_WORKERS:
        raise HostError(f"release {release} has gunicorn {shown}, which does not serve ASGI: raise it to {ASGI_WORKERS[0]} or newer "
                        "in the application's requirements, or set server: uvicorn.")


def command(paths: Layout, release: str, process: dict[str, t.Any], applications: int = 1) -> list[str]:
    """What the launcher executes, in the release's directory. Always python -m: scripts name the environment that made them."""
    place = paths.release(release)
    if process["kind"] == "command":
        # bash replaces itself by the last command, so signals arrive, and "cd there && A=b command" is one too.
        return ["/bin/bash", "-c", process["command"].replace("{socket}", paths.socket(release))]
    version = server_version(place, process["server"])
    check_server(release, process, version)
    server = uvicorn if process["server"] == "uvicorn" else gunicorn
    return server(paths, release, process, version, default_workers(applications, megabytes(process.get("memory"))))


def signature(release: str, process: t.Mapping[str, t.Any]) -> str | None:
    """The Server header by which nginx logs the release that answered, and which it keeps to itself; None where visitors may come without nginx."""
    return None if process.get("address") else f"pyweb/{release}"


def jitter(process: dict[str, t.Any]) -> str:
    """Requests by which max_requests differs: workers that begin together would otherwise end together."""
    most = process.get("max_requests")
    return str(max(most // 10, 1)) if most else ""


def silence(process: dict[str, t.Any]) -> int:
    """gunicorn's timeout by default: a worker that imports gives no sign of life, and may take as long as the health check waits."""
    return max(SILENCE, (process.get("health") or {}).get("timeout") or 0)


def uvicorn(paths: Layout, release: str, process: dict[str, t.Any], version: tuple[int, ...], workers: int) -> list[str]:
    most, python = process.get("max_requests"), f"{paths.release(release)}/.venv/bin/python"
    header = signature(release, process)
    # Older versions do not know this option, and ignore a variable.
    limit = ["/usr/bin/env", f"UVICORN_LIMIT_MAX_REQUESTS_JITTER={jitter(process)}"] if most else []
    return [*limit, python, "-m", "uvicorn", "--fd", "3", "--workers", str(process["workers"] or workers), "--proxy-headers",
            "--forwarded-allow-ips", "*", *(["--header", "Connection:close"] if process.get("address") else ["--timeout-keep-alive", "5"]),
            *(["--timeout-graceful-shutdown", str(process["stop_timeout"])] if version >= GRACEFUL_SHUTDOWN else []), "--no-server-header",
            *(["--header", f"Server:{header}"] if header else []), "--no-access-log", *(["--limit-max-requests", str(most)] if most else []),
            *process["options"], process["asgi"]]


def gunicorn(paths: Layout, release: str, process: dict[str, t.Any], version: tuple[int, ...], workers: int) -> list[str]:
    place = paths.release(release)
    worker_class = "asgi" if process["kind"] == "asgi" else process.get("worker_class")
    threads, own_file = process["threads"], f"{paths.meta(release)}/gunicorn.conf.py"
    file, options = gunicorn_file(place, process["options"])
    settings: dict[str, t.Any] = {"--config": own_file}
    if file:
        # What nobody has told us, the file may; see gunicorn_settings().
        settings |= {"--workers": process["workers"], "--worker-class": worker_class, "--threads": threads,
                     "--timeout": process.get("timeout")}
    else:
        worker_class = worker_class or "gthread"
        settings |= {"--workers": process["workers"] or workers, "--worker-class": worker_class,
                     "--threads": (threads or 4) if worker_class == "gthread" else None, "--timeout": process.get("timeout") or silence(process),
                     "--limit-request-line": REQUEST_LINE}
    settings |= {"--max-requests": process.get("max_requests"), "--max-requests-jitter": jitter(process)}
    return [f"{place}/.venv/bin/python", "-m", "gunicorn", "--bind", "fd://3",
            *(str(item) for name, value in settings.items() if value for item in (name, value)),
            # What comes by an address keeps its connections for as long as it likes, and so would stay with the old release.
            "--keep-alive", "0" if process.get("address") else "5", "--graceful-timeout", str(process["stop_timeout"]), "--worker-tmp-dir", "/dev/shm",
            *(["--no-control-socket"] if version >= CONTROL_SOCKET else []), "--forwarded-allow-ips", "*", *options, process[process["kind"]]]


def gunicorn_file(place: str, options: list[str]) -> tuple[str | None, list[str]]:
    """gunicorn's own configuration that the source brings, or that options name; and the options without it."""
    rest, path, waiting = [], "gunicorn.conf.py", False
    for option in options:
        found = re.fullmatch(r"(?:--config=|-c=?)(.+)", option)
        if waiting or found:
            path, waiting = (found.group(1) if found and not waiting else option), False
        elif option in ("-c", "--config"):
            waiting = True
        else:
            rest.append(option)
    if path.startswith("python:"):
        return None, options
    path = os.path.normpath(os.path.join(place, path.removeprefix("file:")))
    return (path, rest) if os.path.exists(path) else (None, options)


def gunicorn_settings(paths: Layout, release: str, process: dict[str, t.Any], applications: int = 1) -> str | None:
    """What gunicorn's command line cannot say, and what a file of the source's own may not; None for other servers."""
    if process.get("server") != "gunicorn":
        return None
    place = paths.release(release)
    file = gunicorn_file(place, process["options"])[0]
    workers = default_workers(applications, megabytes(process.get("memory")))
    text = GUNICORN.format(file=file, workers=workers, silence=silence(process), place=place, line=REQUEST_LINE) if file else ""
    return f"{text}{GUNICORN_WORKER}\n\n_signature = {signature(release, process)!r}\n"


GUNICORN = """# Written once for this release.
workers, worker_class, timeout, limit_request_line = {workers}, "gthread", {silence}, {line}
__file__ = {file!r}
with open(__file__, "rb") as _file:
    exec(compile(_file.read(), __file__, "exec"))
if worker_class == "gthread":
    globals().setdefault("threads", 4)
# A release has one socket, one user and one directory, and does not change.
daemon = reload = check_config = print_config = False
pidfile = user = group = None
# TLS ends at nginx.
certfile = keyfile = None
umask, chdir = 0, {place!r}
"""

GUNICORN_WORKER = """# Written once for this release.
_post_fork = globals().get("post_fork")
_post_worker_init = globals().get("post_worker_init")
# What serves WSGI. Workers of others, such as uvicorn's and aiohttp's, have something else where these have that.
_WSGI = {"gunicorn.workers.sync", "gunicorn.workers.gthread", "gunicorn.workers.base_async"}


def _visitor(value):
    # A unix socket has no addresses. Our nginx tells the visitor's alone; other proxies add the one that they have seen as the last.
    return value.rpartition(",")[2].strip()


def _wsgi(app):
    def wsgi(environ, start_response):
        if not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"] = _visitor(environ.get("HTTP_X_FORWARDED_FOR", ""))
        return app(environ, start_response)

    return wsgi


def _asgi(app, sockets):
    async def asgi(scope, receive, send):
        if "client" in scope and not (scope["client"] or [""])[0]:
            found = [value for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
            scope["client"] = (_visitor(found[-1].decode("latin-1")), 0) if found else None
        if scope["type"] != "websocket":
            return await app(scope, receive, send)
        sockets.add(send)
        try:
            await app(scope, receive, send)
        finally:
            sockets.discard(send)

    return asgi


def post_fork(server, worker):
    from gunicorn import util, version_info
    from gunicorn.http import wsgi
    if _signature:
        # The Server header. Not SERVER_SOFTWARE, by which applications find out that gunicorn runs them.
        wsgi.SERVER = _signature
    if version_info < (21,):
        # It would become the user that it is already, by a call that the sandbox refuses.
        util.set_owner_process = lambda *arguments, **options: None
    if _post_fork:
        _post_fork(server, worker)


def post_worker_init(worker):
    if hasattr(worker, "asgi"):
        import asyncio
        sockets = set()

        async def close():
            # As uvicorn does by itself: gunicorn would wait for WebSockets as long as it may, and then cut them off.
            # 1012 is "service restart": whoever is told comes back at once.
            while worker.alive:
                await asyncio.sleep(0.5)
            await asyncio.gather(*(send({"type": "websocket.close", "code": 1012}) for send in sockets), return_exceptions=True)

        worker.asgi = _asgi(worker.asgi, sockets)
        worker.pyweb_close = worker.loop.create_task(close())
    elif getattr(worker, "wsgi", None) and _WSGI.intersection(kind.__module__ for kind in type(worker).__mro__):
        worker.wsgi = _wsgi(worker.wsgi)
    if _post_worker_init:
        _post_worker_init(worker)
"""
