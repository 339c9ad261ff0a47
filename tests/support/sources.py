# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests deploy from besides repositories that anybody may read.

    sources.py make DIRECTORY             writes it: tree/ (a checkout), probe-1.0.tar.gz, evil.tar.gz, packages/ (see index.py),
                                          and server.tar with super.git, its submodule lib.git, and the archive
    sources.py serve DIRECTORY PORT       serves DIRECTORY/www at https://127.0.0.1:PORT to whoever knows DIRECTORY/login,
                                          with the certificate and key of DIRECTORY/tls.pem; runs on test hosts
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import io
import pathlib
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments, login: str, **options) -> None:
        self.login = login
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        told = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic "))
        if hashlib.sha256(told).hexdigest() == self.login:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.send_header("Content-Length", "0")
        self.end_headers()


def serve(folder: pathlib.Path, port: int) -> None:
    handler = functools.partial(Handler, directory=str(folder / "www"), login=(folder / "login").read_text().strip())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def make(target: pathlib.Path) -> None:
    # Only where the sources are made: these need more than Python.
    import index
    import repositories

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    code = (repositories.APPS / "probe.py").read_text()

    def probe(folder: pathlib.Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "probe.py").write_text(code.replace('TEXT = "one"', f'TEXT = "{text}"'))

    probe(target / "tree", "tree")
    (target / "tree/.gitignore").write_text("*.log\n/built.txt\n")
    repositories.Repository(target / "tree").commit("tree")
    (target / "tree/debug.log").write_text("nobody needs it\n")
    (target / "tree/new.txt").write_text("not committed\n")

    index.packages(target / "packages")

    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        probe(folder / "probe-1.0", "archive")
        with tarfile.open(target / "probe-1.0.tar.gz", "w:gz") as archive:
            archive.add(folder / "probe-1.0", "probe-1.0")
        (target / "probe-1.0.tar.gz.sha256").write_text(hashlib.sha256((target / "probe-1.0.tar.gz").read_bytes()).hexdigest())
        (folder / "lib").mkdir()
        lib = repositories.Repository(folder / "lib")
        probe(folder / "lib", "submodule")
        lib.commit("one")
        wanted = subprocess.run(["git", "-C", folder / "lib", "rev-parse", "HEAD"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        probe(folder / "lib", "too new")
        lib.commit("two")
        probe(folder / "super", "private")
        outer = repositories.Repository(folder / "super")
        (folder / "super/.gitmodules").write_text('[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n')
        outer.git("update-index", "--add", "--cacheinfo", f"160000,{wanted},vendor/lib")
        outer.git("add", "probe.py", ".gitmodules")
        outer.git("commit", "--quiet", "--message=super")
        with tarfile.open(target / "server.tar", "w") as archive:
            for name in ("super", "lib"):
                outer.git("clone", "--quiet", "--bare", str(folder / name), str(folder / f"{name}.git"))
                subprocess.run(["git", "-C", folder / f"{name}.git", "update-server-info"], check=True)
                shutil.rmtree(folder / f"{name}.git/hooks", ignore_errors=True)
                archive.add(folder / f"{name}.git", f"{name}.git")
            archive.add(target / "probe-1.0.tar.gz", "probe-1.0.tar.gz")

    with tarfile.open(target / "evil.tar.gz", "w:gz") as archive:
        for name, link in (("evil/app.py", ""), ("evil/passwd", "/etc/passwd")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
            archive.addfile(info, io.BytesIO(b""))


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"] and len(sys.argv) == 3:
        make(pathlib.Path(sys.argv[2]))
    elif sys.argv[1:2] == ["serve"] and len(sys.argv) == 4:
        serve(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit("usage: sources.py make DIRECTORY | sources.py serve DIRECTORY PORT")
