# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that reach the outside through an HTTP proxy only: git, archives and packages, from names that nobody else knows."""

from __future__ import annotations

import hashlib
import http.server
import os
import pathlib
import subprocess
import sys
import tarfile
import urllib.parse

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.build.builder import Builder
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError

sys.path.insert(0, str(pathlib.Path(__file__).parents[5] / "support"))

import index as packages  # noqa: E402

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ENV.update({f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")})


@pytest.fixture
def proxy(tmp_path, serving):
    """Knows http://outside.invalid/, which is the directory C(outside); the hosts that were asked for are in C(asked)."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            address = urllib.parse.urlsplit(self.path)
            asked.append(address.hostname)
            if address.hostname != "outside.invalid":
                self.send_error(502)
                return
            self.path = address.path
            super().do_GET()

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "outside"))

    (tmp_path / "outside").mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = asked
    serving(server)
    return server


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, stdout=subprocess.DEVNULL, env=ENV)


def repository(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / "app.py").write_text("1")
    git(work, "add", "-A")
    git(work, "commit", "--quiet", "-m", "x")
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(tmp_path / "outside/shop.git"))
    git(tmp_path / "outside/shop.git", "update-server-info")
    return {"repo": "http://outside.invalid/shop.git", "version": "main"}


def archive(tmp_path):
    (tmp_path / "app.py").write_text("1")
    file = tmp_path / "outside/shop.tar.gz"
    with tarfile.open(file, "w:gz") as content:
        content.add(tmp_path / "app.py", "app.py")
    return {"archive": "http://outside.invalid/shop.tar.gz", "checksum": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"}


@pytest.mark.parametrize("kind", [repository, archive])
@pytest.mark.parametrize("how", ["environment of the task", "build_env"])
def test_sources_and_packages_come_through_the_proxy(tmp_path, proxy, monkeypatch, kind, how):
    simple = tmp_path / "outside/simple/beta"
    simple.mkdir(parents=True)
    packages.wheel(simple, "beta", "1.0")
    (simple / "index.html").write_text('<a href="beta-1.0-py3-none-any.whl">beta-1.0-py3-none-any.whl</a>')
    (tmp_path / "srv/build").mkdir(parents=True)
    address = f"http://127.0.0.1:{proxy.server_port}"
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if how == "environment of the task":
        monkeypatch.setenv("http_proxy", address)

    def builder(**build_env):
        params = {"source": kind_source, "sent": None, "query": None, "python": None, "server_packages": [], "env": {}, "hooks": {}, "build": [],
                  "dependencies": {"index": "http://outside.invalid/simple"}, "shared": [], "static": {},
                  "build_env": {**({"http_proxy": address} if how == "build_env" else {}), **build_env}}
        made = Builder("shop", str(tmp_path / "srv"), params)
        for env in (made.env, made.environment.uv_env):
            env["PATH"] = os.environ["PATH"]
        made.environment.python = lambda: (sys.executable, ".".join(str(part) for part in sys.version_info[:3]))
        return made

    kind_source = kind(tmp_path)
    uv = pathlib.Path(sys.executable).with_name("uv")
    monkeypatch.setattr(_environment, "UV", str(uv))
    shop = builder()
    target = tmp_path / "target"
    target.mkdir()
    revision = shop.source.resolve()
    shop.source.fetch(revision)
    shop.source.export(revision, str(target))
    assert (target / "app.py").read_text() == "1"
    (target / "requirements.txt").write_text("beta\n")
    shop.environment.install(str(target))
    assert (target / ".venv/pyweb-lock.txt").read_text() == "beta==1.0\n"
    assert set(proxy.asked) == {"outside.invalid"}
    # What is reached directly is not asked of the proxy.
    proxy.asked.clear()
    for path in (tmp_path / "srv/build").iterdir():
        subprocess.run(["rm", "-rf", str(path)], check=True)
    direct = builder(no_proxy="outside.invalid").source
    with pytest.raises(BuildError):
        direct.fetch(direct.resolve())
    assert proxy.asked == []
