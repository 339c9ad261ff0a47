# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of an application, their digest, and what is masked."""

from __future__ import annotations

import os

import pytest


A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"


def test_the_digest_of_the_secrets_tells_nobody_what_they_are(host, app):
    assert app.secrets.digest("A=1\0") is None
    first = app.secrets.write("A=1\0")
    assert first == app.secrets.digest("A=1\0") != app.secrets.digest("A=2\0")
    assert os.stat(app.paths.key).st_mode & 0o777 == 0o600 and os.stat(f"{app.paths.config}/secrets").st_mode & 0o777 == 0o640
    # The same secrets on another host, with another key, have another digest.
    os.unlink(app.paths.key)
    assert app.secrets.write("A=1\0") != first
    # Two applications of one host share the key.
    assert host.app("blog").secrets.write("A=1\0") == app.secrets.digest("A=1\0")


@pytest.mark.parametrize("secrets, text, masked", [
    (None, "PASSWORD=hunter22", "PASSWORD=hunter22"),
    ("", "x", "x"),
    ("A=hunter22\0", "it is hunter22, really hunter22", "it is ********, really ********"),
    ("A=hunter22\0B=hunter22longer\0", "hunter22longer hunter22", "******** ********"),
    ("A=two\nlines\0", "two\nlines", "********"),
    ("A=-----BEGIN-----\n abcdefgh\n\0", "it printed '-----BEGIN-----\\nabcdefgh'", "it printed '********\\n********'"),
    ("A=postgres://u:p=w@h/d\0", "dsn postgres://u:p=w@h/d!", "dsn ********!"),
    ("A=on\0B=12345\0", "on 12345", "on 12345"),
])
def test_mask(app, secrets, text, masked):
    if secrets is not None:
        app.secrets.write(secrets)
    assert app.secrets.mask(text) == masked
