# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build is doing: with real commands, looked at from outside while they run."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import progress
from ansible_collections.pyweb.stack.plugins.module_utils._host.commands import call

ENV = {"PATH": os.environ["PATH"]}


def seen(path, script, **options):
    """What progress.read() says of a command once it has printed all it will; it ends when the answer is there."""
    gate = path.parent / "gate"
    os.mkfifo(gate)

    def build():
        with progress.kept(str(path)):
            call(["sh", "-c", f"{script}; : > {path.parent}/printed; cat {gate}"], "build step 'make'", ENV, **options)

    thread = threading.Thread(target=build)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        # The command may be quicker than the note that it has begun.
        while not ((path.parent / "printed").exists() and progress.read(str(path))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return progress.read(str(path))
    finally:
        gate.write_text("")
        thread.join()


@pytest.mark.parametrize(("script", "line"), [
    (":", ""),
    ("echo one; echo two; echo", "two"),
    ("printf 'fetch 10%%\\rfetch 20%%\\r'", "fetch 20%"),
    ("printf '\\033[32mgreen\\033[0m\\n'", "green"),
    ("echo said >&2", "said"),
    ("yes long | head -n 5000; echo last", "last"),
])
def test_the_command_that_runs_and_what_it_said_last(tmp_path, script, line):
    found = seen(tmp_path / "progress.json", script)
    assert (found["what"], found["line"]) == ("build step 'make'", line)
    assert 0 <= found["seconds"] < 60


def test_where_errors_go_their_own_way_they_tell(tmp_path):
    found = seen(tmp_path / "progress.json", "echo '{}'; echo Downloading torch >&2", split=True)
    assert found["line"] == "Downloading torch"


def test_nothing_is_left_of_what_is_over(tmp_path):
    path = tmp_path / "progress.json"
    seen(path, "echo one")
    assert progress.read(str(path)) is None and not path.exists()


def test_what_an_earlier_build_has_left_is_not_shown(tmp_path):
    path = tmp_path / "progress.json"
    path.write_text('{"what": "long ago", "pid": 1, "since": 0}')
    with progress.kept(str(path)):
        assert progress.read(str(path)) is None


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "progress.json").write_text("{")
    assert progress.read(str(tmp_path / "progress.json")) is None


def test_a_command_that_nobody_watches_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(["echo", "hello"], "a command", ENV) == "hello\n"
    assert list(tmp_path.iterdir()) == []
