# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a certificate before nginx has it. All of them are made by OpenSSL."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._tls.certificate import judge

NAMES = ["shop.example.com"]
DAY = 86400


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout


def signed(place, name, by, *extensions):
    """A certificate for C(name), signed by another of these."""
    key, request, out, told = (place / f"{name}{end}" for end in (".key", ".csr", ".crt", ".ext"))
    openssl("req", "-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    told.write_text("\n".join(extensions))
    openssl("x509", "-req", "-in", request, "-CA", place / f"{by}.crt", "-CAkey", place / f"{by}.key", "-days", 30, "-extfile", told, "-out", out)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("certificates")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", 30, "-subj", "/CN=root", "-keyout", place / "root.key", "-out", place / "root.crt")
    signed(place, "middle", "root", "basicConstraints=critical,CA:TRUE")
    signed(place, "leaf", "middle", "subjectAltName=DNS:shop.example.com")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", 30, "-subj", "/CN=own", "-addext", "subjectAltName=DNS:shop.example.com",
            "-keyout", place / "own.key", "-out", place / "own.crt")
    texts = {name: (place / f"{name}.crt").read_text() for name in ("leaf", "middle", "root", "own")}
    (place / "chain.crt").write_text(texts["leaf"] + texts["middle"])
    (place / "whole.crt").write_text(texts["leaf"] + texts["middle"] + texts["root"])
    (place / "mixed.crt").write_text(texts["leaf"] + texts["root"])
    (place / "damaged.crt").write_text(texts["own"].replace("MII", "AII", 1))
    (place / "short.crt").write_text(texts["own"][:300])
    (place / "short.key").write_text((place / "own.key").read_text()[:300])
    openssl("rsa", "-aes256", "-passout", "pass:secret", "-in", place / "own.key", "-out", place / "locked.key")
    return place


CASES = {
    "one's own": ("own", "own", NAMES, 0, None),
    "a chain to a root of a company": ("chain", "leaf", NAMES, 0, None),
    "with the root": ("whole", "leaf", NAMES, 0, None),
    "without its issuer": ("leaf", "leaf", NAMES, 0, "ends without the certificate of its issuer (CN=middle)"),
    "with another issuer": ("mixed", "leaf", NAMES, 0, "ends without the certificate of its issuer (CN=middle)"),
    "another key": ("own", "leaf", NAMES, 0, "leaf.key is not the key of "),
    "a key with a passphrase": ("own", "locked", NAMES, 0, "cannot be used"),
    "half a key": ("own", "short", NAMES, 0, "cannot be used"),
    "no key": ("own", "gone", NAMES, 0, "gone.key cannot be read"),
    "other names": ("own", "own", [*NAMES, "www.shop.example.com"], 0, "own.crt is not for www.shop.example.com but for shop.example.com"),
    "expired": ("own", "own", NAMES, 31 * DAY, "own.crt has expired on 20"),
    "not yet": ("own", "own", NAMES, -DAY, "own.crt is valid from 20"),
    "damaged": ("damaged", "own", NAMES, 0, "damaged.crt has a damaged certificate"),
    "cut off": ("short", "own", NAMES, 0, "short.crt has no certificate in PEM"),
    "not there": ("gone", "own", NAMES, 0, "gone.crt cannot be read (No such file or directory)"),
}


@pytest.mark.parametrize("certificate, key, names, later, wanted", CASES.values(), ids=CASES)
def test_what_is_wrong(files, certificate, key, names, later, wanted):
    judged = judge(str(files / f"{certificate}.crt"), str(files / f"{key}.key"), names, time.time() + later)
    assert not judged.trusted
    if wanted is None:
        assert judged.faults == ()
    else:
        assert len(judged.faults) == 1 and wanted in judged.faults[0][1]


def test_what_it_says(files):
    leaf = judge(str(files / "chain.crt"), str(files / "leaf.key"), NAMES, time.time()).certificate
    assert (leaf.names, leaf.issuer, leaf.chain) == (("shop.example.com",), "CN=middle", 2)
    assert leaf.not_after - leaf.not_before == pytest.approx(30 * DAY, abs=1)


def test_a_root_that_the_host_knows_is_trusted(files, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(files / "root.crt"))
    assert judge(str(files / "chain.crt"), str(files / "leaf.key"), NAMES, time.time()).trusted
