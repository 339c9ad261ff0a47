# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is downloaded through a proxy that is reached by TLS, with a real one and a real server behind it."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import select
import socket
import ssl
import subprocess
import threading

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.fetch import fetched
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import source_of

# More than a record of TLS holds, and more than a pipe does.
CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """A certificate and its key for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *arguments):
        pass


class Proxy(Origin):
    """Passes connections on, and notes to where, and with which password."""

    def do_CONNECT(self):
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        host, dummy, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            self.send_response(200)
            self.end_headers()
            mine = self.connection
            with contextlib.suppress(OSError):
                while True:
                    # What TLS has read already is not seen by select.
                    ready = [mine] if mine.pending() else select.select([mine, other], [], [])[0]
                    for one, another in ((mine, other), (other, mine)):
                        if one in ready:
                            content = one.recv(65536)
                            if not content:
                                return
                            another.sendall(content)


@pytest.fixture
def serve(identity):
    with contextlib.ExitStack() as stack:
        def serve(handler):
            server = stack.enter_context(http.server.ThreadingHTTPServer(("localhost", 0), handler))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*identity)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.daemon_threads = True
            server.asked = []
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield serve


def archive(tmp_path, port, proxy, identity):
    (tmp_path / "sources").mkdir()
    source = {"archive": f"https://localhost:{port}/shop.tar.gz", "checksum": f"sha256:{DIGEST}"}
    return source_of(str(tmp_path), {"source": source}, {"https_proxy": proxy, "SSL_CERT_FILE": str(identity[0])})


@pytest.mark.parametrize("login, sent", [("", None), ("joe:s%40cret@", "Basic am9lOnNAY3JldA==")])
def test_an_archive_comes_through(tmp_path, identity, serve, login, sent):
    origin, proxy = serve(Origin), serve(Proxy)
    source = archive(tmp_path, origin.server_port, f"https://{login}localhost:{proxy.server_port}", identity)
    source.fetch(DIGEST)
    with open(source.place(DIGEST), "rb") as file:
        assert file.read() == CONTENT
    assert proxy.asked == [(f"localhost:{origin.server_port}", sent)]


def test_a_proxy_that_nobody_trusts_is_not_used(tmp_path, identity, serve, monkeypatch):
    origin, proxy = serve(Origin), serve(Proxy)
    monkeypatch.setenv("https_proxy", f"https://localhost:{proxy.server_port}")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(BuildError, match="certificate verify failed"):
        fetched(f"https://localhost:{origin.server_port}/requirements.txt", "requirements.txt, line 1")
    assert proxy.asked == []


def test_a_file_that_requirements_name(identity, serve, monkeypatch):
    origin, proxy = serve(Origin), serve(Proxy)
    monkeypatch.setenv("https_proxy", f"https://localhost:{proxy.server_port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(identity[0]))
    assert fetched(f"https://localhost:{origin.server_port}/requirements.txt", "requirements.txt, line 1") == CONTENT
    assert len(proxy.asked) == 1


def test_a_proxy_that_refuses(tmp_path, identity, serve):
    origin, proxy = serve(Origin), serve(Origin)
    with pytest.raises(BuildError, match="cannot be fetched: Tunnel connection failed: 501"):
        archive(tmp_path, origin.server_port, f"https://localhost:{proxy.server_port}", identity).fetch(DIGEST)
