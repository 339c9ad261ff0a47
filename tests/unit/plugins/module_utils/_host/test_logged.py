# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a log: as gunicorn and uvicorn write it when an application cannot be imported."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.logged import concise

LIB = "/srv/shop/releases/1/.venv/lib/python3.13/site-packages"
IMPORT = f"""[ERROR] Exception in worker process
Traceback (most recent call last):
  File "{LIB}/gunicorn/arbiter.py", line 719, in spawn_worker
    worker.init_process()
    ~~~~~~~~~~~~~~~~~~~^^
  File "/usr/lib/python3.13/importlib/__init__.py", line 88, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "<frozen importlib._bootstrap>", line 1387, in _gcd_import
  File "<frozen importlib._bootstrap>", line 1331, in _find_and_load_unlocked
  File "/srv/shop/releases/1/app.py", line 4, in <module>
    from shop import settings
  File "{LIB}/flask/__init__.py", line 1, in <module>
    from .app import Flask
ImportError: cannot import name 'settings' from 'shop'
"""
SHORT = f"""[ERROR] Exception in worker process
Traceback (most recent call last):
  File "/srv/shop/releases/1/app.py", line 4, in <module>
    from shop import settings
  File "{LIB}/flask/__init__.py", line 1, in <module>
    from .app import Flask
ImportError: cannot import name 'settings' from 'shop'
"""
HALT = f"""Traceback (most recent call last):
  File "{LIB}/gunicorn/arbiter.py", line 270, in run
    handler()
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "{LIB}/gunicorn/__main__.py", line 10, in <module>
    run(prog="gunicorn")
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
"""


def test_of_a_traceback_stays_what_is_about_the_application():
    assert concise(IMPORT, 40) == SHORT.strip()


def test_how_gunicorn_itself_ends_is_left_out():
    assert concise(f"{IMPORT}[ERROR] Worker exited with code 3.\n{HALT}", 40) == f"{SHORT}[ERROR] Worker exited with code 3."


def test_the_same_of_a_second_worker_is_left_out():
    assert concise(IMPORT + IMPORT, 40) == f"{SHORT}[ERROR] Exception in worker process"


def test_two_faults_that_belong_together_stay_together():
    text = "Traceback (most recent call last):\n  File \"app.py\", line 1\n    a\nKeyError: 'A'\n\n"
    text += "During handling of the above exception, another exception occurred:\n\n"
    text += "Traceback (most recent call last):\n  File \"app.py\", line 2\n    b\nRuntimeError: no A\n"
    assert concise(text, 40) == text.strip()


def test_a_server_that_fails_by_itself_is_shown():
    text = f'Traceback (most recent call last):\n  File "{LIB}/gunicorn/util.py", line 1, in bind\n    s.bind()\nOSError: address in use'
    assert concise(text, 40) == text


def test_the_last_lines_count():
    assert concise("\n".join(f"line {number}" for number in range(100)), 3) == "line 97\nline 98\nline 99"
    assert concise("", 3) == "" and concise("Traceback (most recent call last):", 3) == "Traceback (most recent call last):"


def test_a_traceback_that_was_cut_off_is_shown_as_far_as_it_goes():
    text = "Traceback (most recent call last):\n  File \"a.py\", line 1\n    a"
    assert concise(text, 40) == text
