# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process starts through, really executed."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import http as health_http
from ansible_collections.pyweb.stack.plugins.module_utils._host import servers
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import write_file

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
PROCESS = {
    "wsgi": None, "asgi": None, "command": None, "server": None, "workers": None, "threads": None, "options": [], "count": 1,
    "singleton": False, "stop_timeout": 30, "health": None,
}


NASTY = {
    "SPACES": "  a  b  ", "QUOTES": "'single' \"double\" `back`", "DOLLAR": "$HOME ${HOME} $(id) $$", "PERCENT": "%s %% %(x)s %h", "HASH": "#no comment # x",
    "LINES": "one\ntwo\r\n\tthree\n", "UNICODE": "ü – 漢字 🐍", "BACKSLASH": "\\n \\ \\\\",
    "EQUALS": "a=b=c==", "EMPTY": "", "BANG": "!! ;&|<>()[]{}*?~",
    "LONG": "x" * 100_000, "PATH_LIKE": "/a:/b", "CONTROL": "\x01\x1b[0m\x7f",
}
SHOW = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(name + b'=' + value for name, value in os.environb.items()))"


def launched(app, *arguments, **env):
    argv = ["/usr/bin/python3", "-IS", f"{app.paths.meta(A)}/launch", *arguments]
    return subprocess.run(argv, env={"LANG": "C", **env}, stdout=subprocess.PIPE, check=True, timeout=20).stdout


@pytest.fixture
def launcher(host, app):
    host.release(app, A)
    app.launcher.write(A, "r" * 40, "".join(f"{name}={value}\0" for name, value in NASTY.items()))
    return app


def test_values_arrive_byte_for_byte(launcher):
    launcher.secrets.write("TOKEN=s3cret\nline\0HASH=from the secrets\0")
    env = dict(pair.split(b"=", 1) for pair in launched(launcher, "-", sys.executable, "-c", SHOW, HOME="/root", KEPT="1").split(b"\0"))
    expected = {**NASTY, "TOKEN": "s3cret\nline", "HASH": "from the secrets", "KEPT": "1", "HOME": launcher.paths.shared, "PYWEB_APP": "shop",
                "PYWEB_RELEASE": A, "PYWEB_REVISION": "r" * 40, "PYWEB_SHARED": launcher.paths.shared, "VIRTUAL_ENV": f"{launcher.paths.release(A)}/.venv"}
    assert {name: env[name.encode()] for name in expected} == {name: value.encode() for name, value in expected.items()}
    assert env[b"PATH"].startswith(f"{launcher.paths.release(A)}/.venv/bin:".encode())


def test_secrets_are_those_of_today_and_may_be_missing(launcher):
    assert b"TOKEN" not in launched(launcher, "-", sys.executable, "-c", SHOW)
    for value in ("old", "new"):
        launcher.secrets.write(f"TOKEN={value}\0")
        assert f"TOKEN={value}\0".encode() in launched(launcher, "-", sys.executable, "-c", SHOW) + b"\0"


def test_secrets_are_in_no_command_line(launcher):
    launcher.secrets.write("TOKEN=s3cret\0")
    assert b"s3cret" not in launched(launcher, "-", "/bin/cat", "/proc/self/cmdline")


def test_commands_run_in_the_release(launcher):
    assert launched(launcher, "-", "/bin/pwd").decode().strip() == launcher.paths.release(A)


SERVE = """
import os, socket
listener = socket.socket(fileno=3)
assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
connection = listener.accept()[0]
connection.sendall(os.environb[b"LINES"] + repr(sorted(map(int, os.listdir("/proc/self/fd")))[:4]).encode())
"""


def test_the_server_is_handed_its_socket(launcher):
    # A socket's path is short (108 bytes); a left-over of an instance that was killed is in the way.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        with open(path, "w", encoding="utf-8"):
            pass
        commands = {"web": {"argv": [sys.executable, "-c", SERVE], "socket": path}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"]) as server:
            for dummy in range(500):
                try:
                    client = socket.socket(socket.AF_UNIX)
                    client.connect(path)
                    break
                except OSError:
                    time.sleep(0.02)
            assert os.stat(path).st_mode & 0o777 == 0o777, "its directory says who may connect"
            with client.makefile("rb") as answer:
                assert answer.read().startswith(NASTY["LINES"].encode() + b"[0, 1, 2, 3")
            client.close()
            assert server.wait(10) == 0


LISTEN = """
import os, socket, sys
os.umask(0o077)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)
listener.listen()
while listener.accept()[0].recv(9) != b"end":
    pass
"""


def test_a_socket_that_the_server_makes_for_itself_is_opened(launcher):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        commands = {"web": {"argv": [sys.executable, "-c", LISTEN, path], "socket": None, "opens": path}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"]) as server:
            for dummy in range(500):
                if os.path.exists(path) and os.stat(path).st_mode & 0o777 == 0o777:
                    break
                time.sleep(0.02)
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            client.sendall(b"end")
            client.close()
            assert server.wait(10) == 0
            assert os.stat(path).st_mode & 0o777 == 0o777


LONG_QUERIES = f"--limit-request-line={servers.REQUEST_LINE}"
ARGUMENTS = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(os.environ.get("GUNICORN_CMD_ARGS", "none"))
"""


@pytest.mark.parametrize("place, given, told", [
    ("opens", None, LONG_QUERIES),
    ("socket", None, LONG_QUERIES),
    ("opens", "--threads=8", "--threads=8"),
    (None, None, "none"),
])
def test_a_gunicorn_of_one_s_own_command_takes_what_nginx_takes(launcher, tmp_path, place, given, told):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        process = {"argv": [sys.executable, "-c", ARGUMENTS, str(tmp_path / "told")], "socket": None}
        if place:
            process[place] = f"{directory}/web.sock"
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps({"web": process}))
        # Without a pipe, which what waits for the socket would hold.
        env = {**os.environ, **({"GUNICORN_CMD_ARGS": given} if given else {})}
        subprocess.run(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"], env=env, check=True, timeout=60)
    assert (tmp_path / "told").read_text() == told


HTTP = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environb[b"LINES"])
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
def end(*ignored):
    print("ended well", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
server.serve_forever()
"""


@pytest.mark.skipif(not os.path.exists("/usr/lib/systemd/systemd-socket-proxyd"), reason="needs systemd's proxy")
def test_what_knows_only_a_port_is_led_to(launcher):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = f"{directory}/web.sock"
        commands = {"web": {"argv": [sys.executable, "-c", HTTP], "socket": path, "leads": True}}
        write_file(f"{launcher.paths.meta(A)}/commands.json", json.dumps(commands))
        with subprocess.Popen(["/usr/bin/python3", "-IS", f"{launcher.paths.meta(A)}/launch", "web"], stdout=subprocess.PIPE) as server:
            status = None
            for dummy in range(500):
                try:
                    status, dummy = health_http.ask_socket(path, "localhost", "/", 5.0)
                    break
                except OSError:
                    time.sleep(0.02)
            assert status == 200
            server.terminate()
            assert server.stdout.read() == b"ended well\n" and server.wait(10) == 7


# What it starts has its output, and outlives it unless it is ended with it.
HELPER = "import subprocess; helper = subprocess.Popen(['sleep', '60']); open('helper.pid', 'w').write(str(helper.pid))"
THREAD = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"


def ended(pid):
    """Whether a process that was killed ends, or has ended: the one that has taken it over may take his time to wait for it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(descriptor, "rb"):
        return bool(select.select([descriptor], [], [], 10)[0])


@pytest.mark.parametrize("module, fault", [
    ("good", None),
    ("bad", "bad:app cannot be imported (exit status 1).\nTraceback"),
    ("gone", "gone:app cannot be imported"),
    ("logs", "logs:app cannot be imported (exit status 1).\nWhat helps: app.log cannot be written: write below $PYWEB_SHARED"),
    ("slow", "importing slow:app takes longer than 0.5 s."),
    ("consumer", None),
    ("broken_consumer", "broken_consumer:app cannot be imported (exit status 1).\nTraceback"),
    ("helper", None),
    ("broken_helper", "broken_helper:app cannot be imported (exit status 1).\nTraceback"),
])
def test_preflight(host, launcher, monkeypatch, module, fault):
    """As the application's user, which here is whoever runs the test."""
    if os.getuid() != 0:
        real = subprocess.Popen
        monkeypatch.setattr(subprocess, "Popen", lambda argv, user, group, extra_groups, **options: real(argv, **options))
    asgi = {**PROCESS, "asgi": f"{module}:app", "kind": "asgi", "server": "uvicorn"}
    asgi["health"] = {"path": "/", "status": None, "timeout": 0.5 if module == "slow" else 20}
    host.release(launcher, A, processes={"web": asgi})
    os.makedirs(f"{launcher.paths.release(A)}/.venv/bin")
    os.symlink("/usr/bin/python3", f"{launcher.paths.release(A)}/.venv/bin/python")
    for name, text in {"good": "import os; assert os.environ['HASH']", "bad": "1 / 0", "slow": "import time; time.sleep(9)",
                       "logs": "import os; raise OSError(30, os.strerror(30), 'app.log')",
                       "consumer": THREAD, "broken_consumer": f"{THREAD}; 1 / 0", "helper": HELPER, "broken_helper": f"{HELPER}; 1 / 0"}.items():
        with open(f"{launcher.paths.release(A)}/{name}.py", "w", encoding="utf-8") as file:
            file.write(text)
    if fault:
        with pytest.raises(HostError) as caught:
            launcher.checks.imports(A)
        assert str(caught.value).startswith(f"release {A} is not healthy: {fault}")
    else:
        launcher.checks.imports(A)
    if module.endswith("helper"):
        with open(f"{launcher.paths.release(A)}/helper.pid", encoding="utf-8") as file:
            assert ended(int(file.read()))
