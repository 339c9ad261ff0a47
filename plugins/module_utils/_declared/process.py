# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(processes) of an application: one process, and the health check of C(web)."""

from __future__ import annotations

from .option import Option, Options

ENTRY = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_][\w.]*(\(.*\))?)?"


def _entry(interface: str, example: str) -> Option:
    return {
        "type": "str", "pattern": ENTRY, "accepts": "module:callable is needed, such as shop.wsgi:application",
        "description": f"The {interface} application of C(web), as V(module:callable). One of C(wsgi), C(asgi) and C(command) is required.",
        "example": example,
    }


HEALTH: Options = {
    "path": {
        "type": "str", "default": "/", "pattern": "(?s:/.*)", "accepts": "a path that begins with / is needed",
        "description": "Path of the health check. A release goes live only after it has answered.",
        "example": "/healthz",
    },
    "host": {
        "type": "str", "pattern": r"[A-Za-z0-9._:\[\]-]*", "accepts": "a name of the site is needed, such as shop.example.com",
        "otherwise": "the first of `site.domains`",
        "description": "Host name that is asked for.",
    },
    "status": {
        "type": "list", "elements": "int", "otherwise": "any below 500",
        "description": "Status codes that are accepted.",
        "example": [200, 204],
    },
    "body": {"type": "str", "description": "A text that the answer has to hold, in its first 64 kB."},
    "successes": {
        "type": "int", "default": 1, "minimum": 1,
        "description": "How many accepted answers in a row are required, a quarter of a second apart.",
    },
    "timeout": {
        "type": "int", "default": 60, "minimum": 1,
        "description": "Seconds within which the check has to pass. Until then \"not ready\" (503) or an error (500) is tried again.",
    },
}

PROCESS: Options = {
    "wsgi": _entry("WSGI", "shop.wsgi:application"),
    "asgi": _entry("ASGI", "shop.asgi:application"),
    "command": {
        "type": "str",
        "description": "A command for bash. That of C(web) holds C({socket}), the path of the socket to listen on, or C($PORT).",
        "example": "celery -A shop worker",
    },
    "server": {
        "type": "str", "choices": ["gunicorn", "uvicorn"], "otherwise": "`gunicorn` for `wsgi`, `uvicorn` for `asgi`", "needs": "server",
        "description": "The server. gunicorn serves both interfaces.",
    },
    "worker_class": {
        "type": "str", "choices": ["sync", "gthread", "gevent", "asgi"], "otherwise": "`gthread` for `wsgi`", "needs": "server",
        "description": "gunicorn's kind of worker. V(asgi) serves C(asgi), the others C(wsgi).",
    },
    "workers": {
        "type": "int", "minimum": 1, "otherwise": "the application's share of 2 × cores + 1", "needs": "server",
        "description": "Worker processes. By default at least 2 and at most one for each 256 MB of memory; the applications of a host share.",
    },
    "threads": {
        "type": "int", "minimum": 1, "otherwise": "`4`", "needs": "server",
        "description": "Threads of each C(gthread) worker.",
    },
    "timeout": {
        "type": "int", "minimum": 1, "otherwise": "`60`", "needs": "server", "version_added": "0.2.0",
        "description": "Seconds after which gunicorn ends a worker that gives no sign of life, such as a C(sync) one in the middle of a long request, or one "
                       "that imports. A longer C(health.timeout) is the default.",
        "example": 300,
    },
    "max_requests": {
        "type": "int", "minimum": 1, "needs": "server",
        "description": "A worker is replaced after about this many requests, not all at the same time.",
    },
    "options": {
        "type": "list", "elements": "str", "default": [], "needs": "server",
        "description": "More command line options of the server.",
        "example": ["--timeout", "300"],
    },
    "count": {"type": "int", "default": 1, "minimum": 1, "description": "Instances on each host; not for C(web)."},
    "singleton": {"type": "bool", "default": False, "description": "One instance in the whole fleet; not for C(web)."},
    "hosts": {
        "type": "list", "elements": "str", "otherwise": "where the application is",
        "description": "Groups or hosts of the inventory that it runs on.",
    },
    "schedule": {
        "type": "str",
        "description": "A calendar time of systemd: the command is a job that runs then, in the live release only.",
        "example": "Mon..Fri 8:30",
    },
    "stop_timeout": {
        "type": "int", "default": 30, "minimum": 1,
        "description": "Seconds to finish what is under way after TERM.",
    },
    "address": {
        "type": "str",
        "description": "For C(web) without C(site): the address of the live release for a reverse proxy that is not this collection's nginx.",
        "example": "127.0.0.1:8000",
    },
    "memory": {
        "type": "str", "pattern": r"[1-9]\d*[KMGT]", "accepts": "a number and K, M, G or T are needed, such as 512M",
        "otherwise": "no limit", "needs": "systemd",
        "description": "Memory limit, swap included. A process that exceeds it is killed and started again.",
        "example": "512M",
    },
    "cpu": {
        "type": "str", "pattern": r"[1-9]\d*%", "accepts": "a part of one core is needed, such as 50%, or 150% for one and a half",
        "otherwise": "no limit", "needs": "systemd",
        "description": "CPU limit, as a part of one core.",
        "example": "150%",
    },
    "tasks": {
        "type": "int", "minimum": 1, "otherwise": "the system's", "needs": "systemd",
        "description": "Limit of processes and threads.",
    },
    "files": {
        "type": "int", "minimum": 1, "otherwise": "`65536`", "needs": "systemd",
        "description": "Limit of open files.",
    },
    "writable": {
        "type": "list", "elements": "str", "otherwise": "all of `shared/`", "needs": "systemd",
        "pattern": r"\.|/?[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*",
        "accepts": "a name below shared/, an absolute path, or . for all of shared/ is needed",
        "description": "What it may write to in place of all of C(shared/): names below it, absolute paths, or V(.) for all of it.",
        "example": ["media", "/srv/exchange"],
    },
    "network": {
        "type": "str", "choices": ["yes", "local", "no"], "default": "yes", "otherwise": "`yes`", "needs": "systemd",
        "description": "V(local) reaches this host only, V(no) nothing but sockets in the file system, such as PostgreSQL's.",
    },
    "devices": {
        "type": "list", "elements": "str", "otherwise": "none", "needs": "systemd", "version_added": "0.2.0",
        "pattern": r"/dev/[\w-][\w.-]*(/[\w-][\w.-]*)*|(char|block)-[\w*-]+",
        "accepts": "a path such as /dev/ttyUSB0, or a group of devices such as char-alsa is needed",
        "description": "Devices that it may use; all others but C(/dev/null) and its like are hidden. The group that owns a device has to let the "
                       "application in.",
        "example": ["/dev/nvidia0"],
    },
    "jit": {
        "type": "bool", "default": False,
        "description": "Whether it may generate machine code, as Node.js, PyPy and Numba do.",
    },
    "health": {"type": "dict", "options": HEALTH, "description": "The health check of C(web)."},
}
