# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs print, in their own words, and the option that helps."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.hints import BUILD, HINTS, RUN, hint


@pytest.mark.parametrize("text, words", [
    ("    SECRET_KEY = os.environ['SECRET_KEY']\nKeyError: 'SECRET_KEY'", ["SECRET_KEY", "build_env"]),
    ("django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable", ["DATABASE_URL", "build_env"]),
    ("decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default value.", ["API_KEY", "build_env"]),
    ("ImproperlyConfigured: The SECRET_KEY setting must not be empty.", ["SECRET_KEY", "build_env"]),
])
def test_in_a_build_step(text, words):
    assert all(word in hint(text, BUILD) for word in words)


@pytest.mark.parametrize("text, words", [
    ("KeyError: 'SECRET_KEY'", ["SECRET_KEY", "secrets"]),
    ("django.db.utils.OperationalError: unable to open database file", ["$PYWEB_SHARED"]),
    ("sqlite3.OperationalError: attempt to write a readonly database", ["$PYWEB_SHARED"]),
    ("OSError: [Errno 30] Read-only file system: 'celerybeat-schedule'", ["celerybeat-schedule", "$PYWEB_SHARED", "writable"]),
    ("touch: cannot touch 'x': Read-only file system", ["$PYWEB_SHARED", "writable"]),
    ("ImportError: libx.so: cannot enable executable stack as shared object requires: Permission denied", ["jit"]),
    ("MemoryError: Cannot allocate write+execute memory for ffi.callback().", ["jit"]),
    ("ImportError: x.so: failed to map segment from shared object: Operation not permitted", ["jit"]),
    ("OSError: [Errno 24] Too many open files", ["files"]),
    ("RuntimeError: can't start new thread", ["tasks"]),
    ("numpy._core._exceptions._ArrayMemoryError: x\nMemoryError", ["memory"]),
    ("OSError: [Errno 101] Network is unreachable", ["network"]),
    ("OSError: [Errno 97] Address family not supported by protocol", ["network"]),
    ("PermissionError: [Errno 13] Permission denied: '/root/.cache'", ["/root/.cache", "HOME"]),
    ("Invalid HTTP_HOST header: 'shop.example.com'. You may need to add 'shop.example.com' to ALLOWED_HOSTS.", ["shop.example.com", "ALLOWED_HOSTS"]),
])
def test_at_run_time(text, words):
    said = hint(text, RUN)
    assert all(word in said for word in words) and "\n" not in said, said


@pytest.mark.parametrize("text", ["", "RuntimeError: this release cannot start", "KeyError: 'name'", "ModuleNotFoundError: No module named 'shop'"])
@pytest.mark.parametrize("phase", [BUILD, RUN])
def test_a_wrong_hint_is_worse_than_none(text, phase):
    assert hint(text, phase) == ""


def test_every_row_is_a_sentence():
    assert all(row.sentence.endswith(".") and row.sentence.count(".") >= 1 and "\n" not in row.sentence for row in HINTS)
