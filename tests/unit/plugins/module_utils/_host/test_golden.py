# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host keeps of an application, byte for byte, for applications that between them use every option of a process.

Hosts in the field hold these files; old releases are started from them. A difference here is one for hosts: it needs a reason and a
changelog fragment. C(PYWEB_GOLDEN=write pytest …/test_golden.py) writes what is expected anew.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.module_utils._host import launcher, programs, servers
from ansible_collections.pyweb.stack.plugins.module_utils._host.health import Checks

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
SITE = {"domain": "shop.example.com", "port": 443, "files": False}
# Files whose text depends on the machine or on chance.
CHANCE = re.compile(r"/key$")

APPLICATIONS = {
    "wsgi": {"web": {"wsgi": "shop.wsgi:application"}},
    "wsgi-options": {"web": {
        "wsgi": "shop:app", "workers": 3, "threads": 8, "worker_class": "gthread", "max_requests": 1000, "options": ["--preload"], "stop_timeout": 60,
        "health": {"path": "/healthz", "host": "www.example.com", "status": [200, 204], "body": "well", "successes": 2, "timeout": 90},
        "memory": "512M", "cpu": "150%", "tasks": 99, "files": 1024, "writable": ["media", "/mnt/data"], "network": "local", "jit": True,
    }},
    "asgi-uvicorn": {"web": {"asgi": "main:app", "workers": 2, "server": "uvicorn", "max_requests": 500}},
    "asgi-gunicorn": {"web": {"asgi": "main:app", "workers": 2, "server": "gunicorn"}},
    "address": {"web": {"wsgi": "shop:app", "workers": 2, "address": "127.0.0.1:8000"}},
    "socket-command": {"web": {"command": "gunicorn --bind unix:{socket} shop:app"}},
    "port-command": {"web": {"command": "serve --port $PORT", "network": "no"}},
    "workers": {
        "web": {"wsgi": "shop:app", "workers": 2}, "worker": {"command": "celery -A shop worker", "count": 2, "stop_timeout": 300},
        "beat": {"command": "celery -A shop beat", "singleton": True}, "tidy": {"command": "python tidy.py 'a b'", "schedule": "daily"},
    },
}


def kept(root: Path) -> str:
    """Path, mode and text of each file, without what differs from run to run. Release A has the same files as B: once is enough."""
    parts = []
    for path in sorted(path for top in ("etc", "srv", "var", "run") for path in (root / top).rglob("*")):
        name = "/" + str(path.relative_to(root))
        if path.is_symlink():
            parts.append(f"== {name} -> {os.readlink(path)}\n")
        elif path.is_file() and A not in name and not name.startswith("/var/lib/pyweb/shop/lock"):
            text = "(chance)\n" if CHANCE.search(name) else path.read_text(encoding="utf-8")
            if name.endswith("/launch"):
                assert text == launcher.INTERPRETER + programs.text("launch.py")
                text = "(programs/launch.py)\n"
            parts.append(f"== {name} {stat.S_IMODE(path.stat().st_mode):04o}\n{text}" + ("" if text.endswith("\n") else "\n(no newline)\n"))
    text = "".join(parts).replace(str(root), "").replace("\0", "\\0")
    text = re.sub(r'"until": [\d.]+', '"until": 0', text)
    text = re.sub(r'"secrets_digest": "\w+"', '"secrets_digest": "(keyed)"', text)
    text = re.sub(r'"socket_group": "[\w-]+"', '"socket_group": "www-data"', text)
    return re.sub(r"2026(?!110[12]T000000Z)\d{4}T\d{6}Z|20(?!26)\d\d\d{4}T\d{6}Z", "(time)", text)


@pytest.mark.parametrize("manager", ["systemd", "supervisor"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_a_host_keeps(host, monkeypatch, name, manager):
    if manager == "supervisor" and {"memory", "network"} & set(APPLICATIONS[name]["web"]):
        manager = "systemd"
    monkeypatch.setattr(servers, "default_workers", lambda *ignored: 4)
    # There is no application that could be imported.
    monkeypatch.setattr(Checks, "imports", lambda self, release: None)
    host.manager = manager
    app = host.app()
    processes = _processes.valid_processes(APPLICATIONS[name], "processes")
    for release in (A, B):
        host.release(app, release, processes=processes, site=None if processes["web"]["address"] else SITE, revision="1a2b3c4" * 5, by="me@here")
        app.launcher.write(release, "1a2b3c4" * 5, "DEBUG=0\0GREETING=a 'b' \"c\"\n\0")
    app.secrets.write("TOKEN=hunter22\0")
    app.lock.take({"token": "mine", "by": "me@here", "place": "here", "pid": 1, "start": "2"})
    app.switcher.begin(A, "activate", "me@here", "mine")
    app.traffic.main.lead_to(A)
    app.switcher.settle()
    app.switcher.begin(B, "activate", "me@here", "mine")
    found = kept(host.root)
    assert json.loads(Path(app.paths.switch).read_text(encoding="utf-8"))["release"] == B
    path = GOLDEN / f"{name}.{manager}.txt"
    if os.environ.get("PYWEB_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), "PYWEB_GOLDEN=write takes it over, after a look at the difference"
