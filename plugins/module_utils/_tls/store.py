# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where nginx finds the certificates that came by ACME: validated copies, and one link per site that moves at once.

    <store>/<site>/current -> <digest>      or self-signed, until there is one
    <store>/<site>/<digest>/fullchain.pem, privkey.pem
    <store>/state.json                      how the last requests went
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import typing as t

from . import certificate as certificates
from .plan import Memory

FILES = ("fullchain.pem", "privkey.pem")
SELF_SIGNED = "self-signed"


class StoreError(Exception):
    """One sentence: why the certificate was not put in place."""


class Store:
    def __init__(self, path: str) -> None:
        self.path = path

    def pair(self, site: str, version: str = "current") -> tuple[str, str]:
        return t.cast("tuple[str, str]", tuple(os.path.join(self.path, site, version, name) for name in FILES))

    def current(self, site: str) -> str:
        """The version that nginx has; empty where there is none."""
        try:
            return os.readlink(os.path.join(self.path, site, "current"))
        except OSError:
            return ""

    def put(self, site: str, source: t.Sequence[str]) -> bool:
        """Copies a validated pair to its version and moves the link there. Says whether the link has moved or files were mended."""
        contents = [_read(path) for path in source]
        version = hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
        place = os.path.join(self.path, site, version)
        whole = all(os.path.isfile(path) and _read(path) == content for path, content in zip(self.pair(site, version), contents))
        if whole and self.current(site) == version:
            return False
        if not whole:
            fresh = f"{place}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            os.makedirs(fresh, mode=0o700)
            for name, content in zip(FILES, contents):
                _write(os.path.join(fresh, name), content)
            _sync(fresh)
            # It is there if its files were damaged: nginx reads them at its next reload only.
            shutil.rmtree(place, ignore_errors=True)
            os.rename(fresh, place)
        self.point(site, version)
        return True

    def point(self, site: str, version: str) -> None:
        link = os.path.join(self.path, site, "current")
        if os.path.lexists(f"{link}.new"):
            os.unlink(f"{link}.new")
        os.symlink(version, f"{link}.new")
        os.replace(f"{link}.new", link)
        _sync(os.path.dirname(link))

    def prune(self, site: str, keep: t.Collection[str]) -> None:
        """Removes the versions that nobody needs any more."""
        place = os.path.join(self.path, site)
        for name in os.listdir(place):
            if name not in {*keep, SELF_SIGNED, "current", self.current(site)}:
                shutil.rmtree(os.path.join(place, name), ignore_errors=True)

    def memories(self) -> dict[str, Memory]:
        try:
            with open(os.path.join(self.path, "state.json"), encoding="utf-8") as stream:
                return {site: Memory(**item) for site, item in json.load(stream)["sites"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            # Of another version, or damaged: it only holds back requests.
            return {}

    def remember(self, memories: dict[str, Memory]) -> None:
        text = json.dumps({"sites": {site: dataclasses.asdict(item) for site, item in memories.items()}}, indent=1)
        path = os.path.join(self.path, "state.json")
        _write(f"{path}.new", text.encode())
        os.replace(f"{path}.new", path)


def load(store: Store, site: str, before: str, names: t.Iterable[str]) -> None:
    """Makes nginx read what the link of C(site) leads to, and sees that visitors get it. Raises StoreError, with the link back at C(before)."""
    tested = _call(["nginx", "-t"])
    if tested:
        if before:
            store.point(site, before)
        raise StoreError(f"nginx refuses its configuration with the new certificate of {site}: {tested}")
    if _call(["systemctl", "is-active", "--quiet", "nginx.service"]) is not None:
        return
    failed = _call(["systemctl", "reload", "nginx.service"])
    if failed:
        raise StoreError(f"nginx could not be reloaded: {failed}")
    expected = certificates.read(store.pair(site)[0]).der
    for name in names:
        if not _served(name, expected):
            raise StoreError(f"nginx still shows another certificate for {name} than the new one of {site}, 15 seconds after it was reloaded")


def _served(name: str, expected: bytes, seconds: float = 15) -> bool:
    """Whether nginx of this host shows a certificate to visitors of C(name): its new workers do."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", 443), timeout=5) as plain, context.wrap_socket(plain, server_hostname=name) as connection:
                if connection.getpeercert(True) == expected:
                    return True
        except OSError:
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)


def _call(arguments: list[str]) -> str | None:
    """What a failed command said; None when it ended well."""
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return None if done.returncode == 0 else (done.stdout.strip().replace("\n", "; ") or f"exit status {done.returncode}")


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
