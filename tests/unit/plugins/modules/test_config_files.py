# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.pyweb.stack.plugins.modules import config_files

RUNNER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from ansible.module_utils import basic
from ansible_collections.pyweb.stack.plugins.modules import config_files
basic._ANSIBLE_ARGS = sys.argv[2].encode()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
config_files.JOURNAL_DIRECTORY = sys.argv[3]
config_files.main()
"""


@pytest.fixture
def own(tmp_path):
    return {"owner": str(os.getuid()), "group": str(os.getgid())}


@pytest.fixture
def command(tmp_path):
    def make(check=False, diff=True, **arguments):
        arguments.update(_ansible_check_mode=check, _ansible_diff=diff, _ansible_remote_tmp=str(tmp_path))
        return [
            sys.executable,
            "-c",
            RUNNER,
            json.dumps(sys.path),
            json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            str(tmp_path / "journal"),
        ]

    return make


@pytest.fixture
def run(command):
    def call(**arguments):
        process = subprocess.run(command(**arguments), capture_output=True, text=True, check=False)
        assert process.stdout, process.stderr
        return json.loads(process.stdout)

    return call


def test_it_changes_once_and_then_nothing(run, tmp_path, own):
    request = {
        "directories": [{"path": str(tmp_path / "d"), **own}],
        "files": [{"path": str(tmp_path / "d/f"), "content": "hello\n", "mode": "0640", **own}],
        "links": [{"path": str(tmp_path / "d/l"), "target": "f"}],
    }
    first = run(**request)
    assert first["changed"] is True
    assert first["changed_paths"] == [str(tmp_path / name) for name in ("d", "d/f", "d/l")]
    assert len(first["diff"]) == 3
    assert (tmp_path / "d/l").read_text() == "hello\n"
    second = run(**request)
    assert (second["changed"], second["changed_paths"], second["diff"]) == (False, [], [])


def test_check_mode_changes_nothing_and_tolerates_what_is_not_there_yet(run, tmp_path):
    result = run(
        check=True,
        files=[{"path": str(tmp_path / "missing/f"), "content": "x", "owner": "nobody-yet", "group": "nobody-yet"}],
        validate=["/bin/false"],
    )
    assert result["changed"] is True
    assert "nobody-yet:nobody-yet" in result["diff"][0]["after_header"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"owner": "nobody-yet"}, "The user nobody-yet does not exist on this host"),
        ({"group": "nobody-yet"}, "The group nobody-yet does not exist on this host"),
        ({"mode": "420"}, "The mode 420 of"),
    ],
)
def test_wrong_input_is_one_sentence(run, tmp_path, own, change, words):
    result = run(files=[{"path": str(tmp_path / "f"), "content": "x", **own, **change}])
    assert result["failed"] is True
    assert words in result["msg"]
    assert not (tmp_path / "f").exists()


def test_missing_parent_is_one_sentence(run, tmp_path, own):
    result = run(files=[{"path": str(tmp_path / "no/f"), "content": "x", **own}])
    assert f"The directory {tmp_path}/no does not exist" in result["msg"]


def test_a_refused_validation_puts_everything_back(run, tmp_path, own):
    (tmp_path / "old").write_text("old")
    (tmp_path / "gone").write_text("precious")
    before = sorted(os.listdir(tmp_path))
    result = run(
        files=[
            {"path": str(tmp_path / "old"), "content": "new", **own},
            {"path": str(tmp_path / "new"), "content": "new", **own},
        ],
        absent=[str(tmp_path / "go*")],
        validate=["/bin/sh", "-c", f"cat {tmp_path}/old {tmp_path}/new; ls {tmp_path}/gone; echo broken >&2; exit 3"],
    )
    assert result["failed"] is True
    assert (result["rc"], result["stdout"]) == (3, "newnew")
    assert "everything was put back" in result["msg"] and "broken" in result["msg"]
    assert sorted(set(os.listdir(tmp_path)) - {"journal"}) == before
    assert (tmp_path / "old").read_text() == "old"
    assert (tmp_path / "gone").read_text() == "precious"


def test_a_validation_that_cannot_start_puts_everything_back(run, tmp_path, own):
    result = run(
        files=[{"path": str(tmp_path / "f"), "content": "x", **own}], validate=[str(tmp_path / "no-such-command")]
    )
    assert result["failed"] is True
    assert "no-such-command" in result["msg"]
    assert not (tmp_path / "f").exists()


def test_validation_runs_only_when_something_changed(run, tmp_path, own):
    (tmp_path / "f").write_text("x")
    os.chmod(tmp_path / "f", 0o644)
    result = run(files=[{"path": str(tmp_path / "f"), "content": "x", **own}], validate=["/bin/false"])
    assert result["changed"] is False


def test_a_secret_is_in_no_output(command, tmp_path, own):
    (tmp_path / "f").write_text("hunter1")
    arguments = command(files=[{"path": str(tmp_path / "f"), "secret_content": "hunter2", "mode": "0600", **own}])
    process = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert json.loads(process.stdout)["changed"] is True
    assert "hunter" not in process.stdout + process.stderr
    assert (tmp_path / "f").read_text() == "hunter2"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_told_to_stop_puts_everything_back(command, tmp_path, own, number):
    (tmp_path / "f").write_text("old")
    arguments = command(
        files=[{"path": str(tmp_path / "f"), "content": "new", **own}],
        validate=["/bin/sh", "-c", f"touch {tmp_path}/validating; exec sleep 30"],
    )
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not (tmp_path / "validating").exists():
            time.sleep(0.02)
        assert (tmp_path / "f").read_text() == "new"
        process.send_signal(number)
        result = json.loads(next(line for line in process.stdout if line.strip()))
        os.killpg(process.pid, signal.SIGKILL)
    assert "everything was put back" in result["msg"]
    assert (tmp_path / "f").read_text() == "old"


def test_a_killed_run_is_put_back_and_repeated_so_that_handlers_run(command, run, tmp_path, own):
    (tmp_path / "f").write_text("old")
    request = {"files": [{"path": str(tmp_path / "f"), "content": "new", **own}]}
    waiting = ["/bin/sh", "-c", f"touch {tmp_path}/validating; exec sleep 30"]
    with subprocess.Popen(command(validate=waiting, **request), start_new_session=True) as process:
        while not (tmp_path / "validating").exists():
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    result = run(**request)
    assert result["recovered_paths"] == [str(tmp_path / "f")]
    assert result["changed_paths"] == [str(tmp_path / "f")]
    assert (tmp_path / "f").read_text() == "new"
    assert run(**request)["changed"] is False


def test_the_journal_lies_where_only_root_can_write():
    assert config_files.JOURNAL_DIRECTORY == "/var/lib/pyweb-config-files"
