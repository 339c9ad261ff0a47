# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs print, in their own words, and the option that helps."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.hints import BUILD, HINTS, RUN, found, hint


@pytest.mark.parametrize("text, words", [
    ("    SECRET_KEY = os.environ['SECRET_KEY']\nKeyError: 'SECRET_KEY'", ["SECRET_KEY", "build_env"]),
    ("django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable", ["DATABASE_URL", "build_env"]),
    ("decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default value.", ["API_KEY", "build_env"]),
    ("ImproperlyConfigured: The SECRET_KEY setting must not be empty.", ["SECRET_KEY", "build_env"]),
    ("python: can't open file '/srv/shop/releases/20261120T201500Z-1a2b3c4/manage.py': [Errno 2] No such file or directory",
     ["no manage.py at its top", "source.directory"]),
])
def test_in_a_build_step(text, words):
    assert all(word in hint(text, BUILD) for word in words)


@pytest.mark.parametrize("text, words", [
    ("KeyError: 'SECRET_KEY'", ["SECRET_KEY", "secrets"]),
    ("django.db.utils.OperationalError: unable to open database file", ["$PYWEB_SHARED"]),
    ("sqlite3.OperationalError: attempt to write a readonly database", ["$PYWEB_SHARED"]),
    ("OSError: [Errno 30] Read-only file system: 'celerybeat-schedule'", ["celerybeat-schedule", "$PYWEB_SHARED", "writable"]),
    ("    log = open('app.log', 'a')\nPermissionError: [Errno 13] Permission denied: 'app.log'", ["app.log cannot be written", "$PYWEB_SHARED"]),
    ("touch: cannot touch 'x': Read-only file system", ["$PYWEB_SHARED", "writable"]),
    ("/bin/bash: line 1: pipenv: command not found", ["leave out pipenv run"]),
    ("/bin/bash: line 1: venv/bin/gunicorn: No such file or directory", ["leave out venv/bin/ before"]),
    ("/bin/bash: line 1: ./start.sh: Permission denied", ["git update-index --chmod=+x ./start.sh", "bash ./start.sh"]),
    ('  File "/srv/shop/releases/1/.venv/lib/python3.13/site-packages/django/contrib/staticfiles/management/commands/collectstatic.py", line 200, in handle\n'
     "OSError: [Errno 30] Read-only file system: '/srv/shop/releases/1/staticfiles'", ["build", "collectstatic", "preset: django"]),
    ("ImportError: libx.so: cannot enable executable stack as shared object requires: Permission denied", ["jit"]),
    ("MemoryError: Cannot allocate write+execute memory for ffi.callback().", ["jit"]),
    ("ImportError: x.so: failed to map segment from shared object: Operation not permitted", ["jit"]),
    ("RuntimeError: could not execute mprotect for CPUID check", ["polars", "POLARS_SKIP_CPU_CHECK"]),
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


@pytest.mark.parametrize("text", [
    "PermissionError: [Errno 13] cannot allocate executable memory. This may be due to security restrictions on your system, such as SELinux",
    "jax.errors.JaxRuntimeError: INTERNAL: Failed to materialize symbols: { (<xla_jit_dylib_0>, { wrapped_add }) }",
    "PANIC: unprotected error in call to Lua API (runtime code generation failed, restricted kernel?)",
    "wasmtime._error.WasmtimeError: unable to make memory executable",
    "ImportError: /srv/shop/current/x/_catboost.so: cannot make segment writable for relocation: Permission denied",
    "# Fatal error in , line 0\n# Check failed: 12 == (*__errno_location ()).",
])
def test_whatever_compiles_at_run_time_is_told_of_jit(text):
    """In the words of numba, JAX, LuaJIT, Wasmtime, CatBoost and V8, each seen in the sandbox."""
    assert hint(text, RUN).endswith("set jit: true for the process.")


@pytest.mark.parametrize("text, name", [
    ("OSError: cannot load library 'libpango-1.0-0': libpango-1.0-0: cannot open shared object file: No such file or directory.", "the library libpango-1.0-0"),
    ("ImproperlyConfigured: Could not find the GDAL library (tried \"gdal\", \"GDAL\").", "the library GDAL"),
    ("TesseractNotFoundError: tesseract is not installed or it's not in your PATH. See README file", "tesseract is not installed"),
    ('  File "/usr/lib/python3.13/subprocess.py", line 1, in _execute_child\n    raise\nFileNotFoundError: [Errno 2] No such file or directory: \'ffmpeg\'',
     "ffmpeg is not installed"),
    ("git.exc.GitCommandNotFound: Cmd('git') not found due to: FileNotFoundError", "git is not installed"),
    ("Error: pg_config executable not found.", "pg_config is not installed"),
])
def test_what_the_host_lacks(text, name):
    for phase in (BUILD, RUN):
        assert name in hint(text, phase) and "system_packages" in hint(text, phase)


@pytest.mark.parametrize("text, words", [
    ("Failed to find attribute 'application' in 'shop'.", ["no application", "shop.wsgi:application"]),
    ('Error loading ASGI app. Attribute "app" not found in module "main".', ["no app"]),
    ('RuntimeError: Form data requires "python-multipart" to be installed.', ["add python-multipart"]),
    ("ValueError: Missing staticfiles manifest entry for 'css/site.css'", ["css/site.css", "collectstatic"]),
    ("django.db.utils.OperationalError: no such table: auth_user", ["auth_user", "migrate"]),
    ('psycopg.errors.UndefinedTable: relation "auth_user" does not exist', ["auth_user", "migrate"]),
    ('FATAL:  role "shop" does not exist', ["no such role", "docs/services.md"]),
    ('FATAL:  password authentication failed for user "shop"', ["shop", "secrets"]),
    ('connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused', ["nothing listens at localhost"]),
    ('connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory', ["/var/run/postgresql/.s.PGSQL.5432"]),
    ("redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.", ["localhost:6379"]),
    ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", ["python_ca_certificates", "SSL_CERT_FILE"]),
    ("socket.gaierror: [Errno -3] Temporary failure in name resolution", ["network"]),
    ("OSError: [Errno 28] No space left on device", ["df -h", "keep_releases"]),
])
def test_what_a_first_deploy_meets(text, words):
    said = hint(text, RUN)
    assert all(word in said for word in words) and "\n" not in said, said


def test_a_file_that_is_not_there_is_no_program():
    assert hint("    open('data')\nFileNotFoundError: [Errno 2] No such file or directory: 'data'", RUN) == ""


@pytest.mark.parametrize("text, words", [
    # The directory that is to be declared, as it is written there.
    ("OSError: [Errno 30] Read-only file system: '/srv/shop/releases/20261120T201500Z-1a2b3c4/instance'", "name instance in shared"),
    ("PermissionError: [Errno 13] Permission denied: '/srv/shop/releases/20261120T201500Z-1a2b3c4/media/photos/a.jpg'", "name media/photos in shared"),
    ("OSError: [Errno 30] Read-only file system: '/srv/web-shop/current/db.json'", "name db.json in shared"),
    ("OSError: [Errno 30] Read-only file system: 'logs/django.log'", "name logs in shared"),
    ("OSError: [Errno 30] Read-only file system: '/var/lib/shop/x'", "/var/lib/shop/x cannot be written: put it into the process's writable"),
    ("ValueError: Unable to configure handler 'file': No such file or directory: '/srv/shop/releases/20261120T201500Z-1a2b3c4/logs/a.log'", "no logs"),
    ("OSError: no library called \"cairo-2\" was found", "cairo-2"),
    ("    import pkg_resources\nModuleNotFoundError: No module named 'pkg_resources'", "add setuptools<81 to"),
    ("/bin/bash: line 1: msgfmt: command not found", "msgfmt is not installed"),
    ("sh: 1: node: not found", "node is not installed"),
    ("PermissionError: [Errno 1] Operation not permitted: '/dev/video0'", "/dev/video0 in devices"),
    ("PermissionError: [Errno 13] error while attempting to bind on address ('0.0.0.0', 443): permission denied", "{socket} or $PORT"),
    ("connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: No such file or directory", "/tmp is the process's own"),
    ("bash: line 1: /home/jo/bin/serve: Permission denied", "/home/jo/bin/serve is hidden"),
])
def test_what_is_named_can_be_copied(text, words):
    assert words in hint(text, RUN)


@pytest.mark.parametrize("row", HINTS, ids=[row.example[:40] for row in HINTS])
def test_the_example_of_a_row_is_answered_by_that_row(row):
    for phase in row.phases:
        fits = found(row.example, phase)
        assert fits and fits[0] is row
        assert "{name}" not in fits[1] and "{folder}" not in fits[1]
    assert row.met


@pytest.mark.parametrize("text", [
    "FileNotFoundError: [Errno 2] No such file or directory: '/srv/shop/releases/20261120T201500Z-1a2b3c4/config.yml'",
    "FileNotFoundError: [Errno 2] No such file or directory: '/srv/shop/releases/20261120T201500Z-1a2b3c4/shop/schema.json'",
    "PermissionError: [Errno 13] Permission denied: '/dev/null'", "User not found", "GET /x.js: not found", "404 Not Found: nginx",
    "redis: ERR value not found", "ConnectionRefusedError: [Errno 111] Connection refused",
])
def test_what_has_another_cause_is_left_alone(text):
    assert hint(text, RUN) == ""


@pytest.mark.parametrize("text", ["", "RuntimeError: this release cannot start", "KeyError: 'name'", "404: No module named shop"])
@pytest.mark.parametrize("phase", [BUILD, RUN])
def test_a_wrong_hint_is_worse_than_none(text, phase):
    assert hint(text, phase) == ""


def test_every_row_is_a_sentence():
    assert all(row.sentence.endswith(".") and row.sentence.count(".") >= 1 and "\n" not in row.sentence for row in HINTS)
