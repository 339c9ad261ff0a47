# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements from private git repositories: the real uv and git, a server that asks for a password, and an ssh that notes how it was called."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import pathlib
import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.credentials import access, credential, credentials_of

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ENV.update({f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")})
SETUP = '[project]\nname = "lib"\nversion = "1.0"\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{wheel_directory}/lib-1.0-py3-none-any.whl", "w") as archive:
        for name, text in (("METADATA", "Metadata-Version: 2.1\\nName: lib\\nVersion: 1.0\\n"),
                           ("WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"), ("RECORD", "")):
            archive.writestr(f"lib-1.0.dist-info/{name}", text)
    return "lib-1.0-py3-none-any.whl"
"""


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, stdout=subprocess.DEVNULL, env=ENV)


class Private(http.server.SimpleHTTPRequestHandler):
    """What lies below /team/ is for who has the password."""

    def do_GET(self):
        wanted = "Basic " + base64.b64encode(b"x-access-token:token-of-the-team").decode()
        if self.path.startswith("/team/") and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="team"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *arguments):
        """Tests print enough."""


@pytest.fixture
def server(tmp_path, serving):
    work = tmp_path / "work"
    work.mkdir()
    (work / "pyproject.toml").write_text(SETUP)
    (work / "backend.py").write_text(BACKEND)
    git(work, "init", "--quiet")
    git(work, "add", "-A")
    git(work, "commit", "--quiet", "-m", "x")
    git(work, "tag", "v1")
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(tmp_path / "served/team/lib.git"))
    git(tmp_path / "served/team/lib.git", "update-server-info")
    return "http://" + serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Private, directory=str(tmp_path / "served"))))


GIVEN = {
    "for the repository": lambda server: {"dependencies": {"git": [{"url": f"{server}/team/lib.git", "token": "token-of-the-team"},
                                                                   {"url": f"{server}/", "token": "another"}]}},
    "for all of the team": lambda server: {"dependencies": {"git": [{"url": f"{server}/team/", "token": "token-of-the-team"}]}},
    "the source's own": lambda server: {"source": {"repo": f"{server}/team/shop.git", "token": "token-of-the-team"}},
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_token(uv, server, tmp_path, given):
    source = tmp_path / "source"
    source.mkdir()
    (source / "requirements.txt").write_text(f"-e git+{server}/team/lib.git@v1#egg=lib\n")
    environment = uv(**given(server))
    environment.uv_env.pop("UV_OFFLINE")
    environment.install(str(source))
    assert list(source.glob(".venv/lib/python3*/site-packages/lib-1.0.dist-info"))
    assert (source / ".venv/pyweb-lock.txt").read_text().startswith(f"lib @ git+{server}/team/lib.git@")
    for folder, dummy, files in os.walk(tmp_path):
        for name in files:
            assert b"token-of-the-team" not in pathlib.Path(folder, name).read_bytes(), f"{folder}/{name}"
    assert "token-of-the-team" not in "".join(uv.calls())


REQUIREMENTS = {
    "of a repository": "lib @ git+http://token-of-the-team@{host}/team/lib.git@v1\n",
    "as pip writes it": "-e git+http://x-access-token:token-of-the-team@{host}/team/lib.git@v1#egg=lib\n",
    "from a variable": "lib @ git+http://${{TEAM}}@{host}/team/lib.git@v1\n",
    "of a project": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["lib @ git+http://x-access-token:token-of-the-team@{host}/team/lib.git@v1"]\n'
                    "[tool.uv]\npackage = false\n",
    "of a file": "lib @ http://x-access-token:token-of-the-team@{host}/team/lib-1.0-py3-none-any.whl\n",
}


@pytest.mark.parametrize("line", REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_a_token_in_the_requirement_itself_stays_there(uv, server, tmp_path, line):
    source = tmp_path / "source"
    file = source / ("pyproject.toml" if "[project]" in line else "requirements.txt")
    source.mkdir()
    file.write_text(line.format(host=server.partition("://")[2]))
    space = {}
    exec(BACKEND, space)  # pylint: disable=exec-used
    space["build_wheel"](str(tmp_path / "served/team"))
    environment = uv(build_env={"TEAM": "token-of-the-team"})
    environment.uv_env.pop("UV_OFFLINE")
    environment.install(str(source))
    assert list(source.glob(".venv/lib/python3*/site-packages/lib-1.0.dist-info"))
    assert (source / ".venv/pyweb-lock.txt").read_text().startswith(("lib @ git+http://127.0.0.1", "lib @ http://127.0.0.1"))
    for folder, dummy, files in os.walk(tmp_path):
        for name in files:
            path = pathlib.Path(folder, name)
            assert path == file or b"token-of-the-team" not in path.read_bytes(), path
    assert "token-of-the-team" not in "".join(uv.calls())


@pytest.mark.parametrize("given", [{}, {"dependencies": {"git": [{"url": "https://git.example.com/team/", "token": "token-of-the-team"}]}}],
                         ids=["none", "for another server"])
def test_without_one_the_sentence_names_the_repository(uv, server, tmp_path, given):
    source = tmp_path / "source"
    source.mkdir()
    (source / "requirements.txt").write_text(f"lib @ git+{server}/team/lib.git@v1\n")
    environment = uv(**given)
    environment.uv_env.pop("UV_OFFLINE")
    with pytest.raises(BuildError) as error:
        environment.resolve(str(source))
    assert f"; the repository {server}/team/lib.git@v1 cannot be read from this host: check its address and version, and give a token or a key" in (
        str(error.value).splitlines()[0])


@pytest.mark.parametrize("asked, expected", [
    (["git@git.example.com", "git-upload-pack '/team/lib.git'"], "one"), (["-p", "2222", "git.example.com", "git-upload-pack 'team/lib.git'"], "one"),
    (["git@git.example.com", "git-upload-pack '/team/library.git'"], "two"), (["git@git.example.com", "git-upload-pack '/other/x.git'"], None),
    (["git@git.example.org", "git-upload-pack '/team/lib.git'"], None),
])
def test_the_key_of_a_repository(tmp_path, asked, expected):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text('#!/bin/sh\nfor word; do if [ "$before" = -i ]; then cat "$word"; fi; before=$word; done; echo "$@" >&2\n')
    (tmp_path / "bin/ssh").chmod(0o755)
    given = {"dependencies": {"git": [
        {"url": "ssh://git@git.example.com/team/", "deploy_key": "two"},
        {"url": "git@git.example.com:team/lib.git", "deploy_key": "one", "known_hosts": ["git.example.com ssh-ed25519 AAAA"]}]}}
    with access(str(tmp_path), credentials_of(given)) as env:
        done = subprocess.run([env["GIT_SSH_COMMAND"], *asked], env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", **env}, check=True,
                              capture_output=True, text=True)
    assert done.stdout.strip() == (expected or "")
    assert done.stderr.strip().endswith(" ".join(asked)) and ("StrictHostKeyChecking=yes" in done.stderr) is (expected == "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "home"], "the keys are gone"


def test_addresses():
    assert credential("git@git.example.com:team/lib.git", None, "k", None).address == "ssh://git.example.com/team/lib"
    assert credential("ssh://git@git.example.com:2222/team/", None, "k", None).address == "ssh://git.example.com/team"
    assert credential("https://me:word@git.example.com/team", None, None, None)[:2] == ("https://git.example.com/team", "me:word")
