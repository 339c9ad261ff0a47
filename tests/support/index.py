# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index for tests, with small packages of ours. Only the standard library: it runs on test hosts, too.

    index.py packages DIRECTORY                      writes the packages
    index.py serve DIRECTORY PORT [FILE]             serves them at http://127.0.0.1:PORT/simple/, for who has the USER:PASSWORD in FILE

alpha 1.0 and 2.0 need beta; beta, gamma and delta 1.0 need nothing. charlie 1.0 is a source package that compiles C; so is foxtrot 1.0,
with a header that nobody has.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import http.server
import io
import pathlib
import re
import sys
import tarfile
import zipfile

WHEELS = (("alpha", "1.0", ["beta"]), ("alpha", "2.0", ["beta"]), ("beta", "1.0", []), ("gamma", "1.0", []), ("delta", "1.0", []))
CHARLIE = {
    "setup.py": 'from setuptools import Extension, setup\nsetup(name="charlie", version="1.0", ext_modules=[Extension("charlie", ["charlie.c"])])\n',
    "charlie.c": """#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *ignored) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "charlie", NULL, -1, methods};
PyMODINIT_FUNC PyInit_charlie(void) { return PyModule_Create(&module); }
""",
    "PKG-INFO": "Metadata-Version: 2.1\nName: charlie\nVersion: 1.0\n",
}


def wheel(folder: pathlib.Path, name: str, version: str, requires: list[str] | tuple[str, ...] = ()) -> str:
    """One package; its sha256."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {item}\n" for item in requires),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=") for path, text in files.items()}
    files[f"{about}/RECORD"] = "".join(f"{path},sha256={digest},{len(files[path])}\n" for path, digest in digests.items()) + f"{about}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            # The same bytes whenever it is made.
            archive.writestr(zipfile.ZipInfo(inner), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sdist(folder: pathlib.Path, name: str, files: dict[str, str]) -> None:
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for inner, text in files.items():
            info = tarfile.TarInfo(f"{name}-1.0/{inner}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


def packages(folder: pathlib.Path) -> dict[str, str]:
    """All of them; the digests of the wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    sdist(folder, "charlie", CHARLIE)
    sdist(folder, "foxtrot", {name.replace("charlie", "foxtrot"): text.replace("charlie", "foxtrot").replace("<Python.h>", "<foxtrot/nowhere.h>")
                              for name, text in CHARLIE.items()})
    return {f"{name}=={version}": wheel(folder, name, version, requires) for name, version, requires in WHEELS}


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments, login: str = "", **options) -> None:
        self.login = login
        super().__init__(*arguments, **options)

    def log_message(self, *arguments) -> None:
        """Tests print enough."""

    def do_HEAD(self) -> None:
        self.send_error(405)

    def do_GET(self) -> None:
        if self.login and self.headers.get("Authorization") != "Basic " + base64.b64encode(self.login.encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        match = re.fullmatch(r"/simple/(([a-z0-9-]+)/)?", self.path)
        if not match:
            self.path = self.path.removeprefix("/files")
            super().do_GET()
            return
        folder = pathlib.Path(self.directory)
        files = sorted(file for file in folder.iterdir() if file.name.endswith((".whl", ".tar.gz")))
        if match[2]:
            found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.name.split("-")[0] == match[2]}
            links = [f'<a href="/files/{html.escape(name)}#sha256={digest}">{name}</a>' for name, digest in found.items()]
        else:
            links = [f'<a href="/simple/{name}/">{name}</a>' for name in sorted({file.name.split("-")[0] for file in files})]
        text = ("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>").encode()
        self.send_response(200 if links else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve(folder: str, port: int, login: str = "") -> http.server.ThreadingHTTPServer:
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder, login=login))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "packages":
        packages(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) in (4, 5) and sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]), *(pathlib.Path(name).read_text() for name in sys.argv[4:])).serve_forever()
    else:
        sys.exit(__doc__)
