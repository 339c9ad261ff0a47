# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that run in the copy of the code that a host keeps: with the real commands, in a directory."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import types

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.pyweb.stack.plugins.action import release_info
from ansible_collections.pyweb.stack.plugins.plugin_utils import _on_host

USUAL = {"the module": "as usual"}


@pytest.fixture
def host(tmp_path, monkeypatch):
    """The commands that went to the host are in host.commands, and the modules that went the usual way in host.modules."""
    host = types.SimpleNamespace(commands=[], modules=[], library=tmp_path / "library", pipelining=True)
    monkeypatch.setattr(_on_host, "PYTHON", f"{sys.executable} -IS")
    monkeypatch.setattr(_on_host, "LIBRARY", str(host.library))
    as_root, as_me = "if os.geteuid() or os.stat(library).st_uid:", "if os.stat(library).st_uid != os.geteuid():"
    monkeypatch.setattr(_on_host, "INSTALL", _on_host.INSTALL.replace(as_root, as_me))
    _on_host.code.cache_clear()

    class Action(release_info.ActionModule):
        def _low_level_execute_command(self, cmd, in_data=None):
            host.commands.append(cmd)
            done = subprocess.run(["/bin/sh", "-c", cmd], input=in_data, capture_output=True, check=False)
            return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

        def _execute_module(self, module_name=None, module_args=None, task_vars=None, **options):
            host.modules.append(module_name)
            return USUAL

        def _make_tmp_path(self, remote_user=None):
            (tmp_path / "remote").mkdir()
            return str(tmp_path / "remote")

        def _transfer_data(self, remote_path, data):
            pathlib.Path(remote_path).write_bytes(data)

        def _fixup_perms2(self, remote_paths, remote_user=None, execute=True):
            pass

        def _remove_tmp_path(self, tmp_path, force=False):
            shutil.rmtree(tmp_path)

        def _compute_environment_string(self, raw_environment_out=None):
            raw_environment_out.update(host.environment)

    def action(check=False, **arguments):
        task = types.SimpleNamespace(async_val=0, check_mode=check, args=arguments, action="pyweb.stack.release_info")
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None, join_path=os.path.join), is_pipelining_enabled=lambda: host.pipelining)
        return Action(task, connection, None, None, None)

    def look(check=False, **arguments):
        return action(check, **arguments).run(task_vars={"inventory_hostname": "web1"})

    host.action, host.look, host.environment = action, look, {}
    yield host
    _on_host.code.cache_clear()


def test_the_code_comes_once(host):
    answer = host.look(name="nobody-has-this")
    assert (answer["exists"], answer["live"], answer["changed"]) == (False, None, False)
    assert len(host.commands) == 3, "it was not there, it came, it ran"
    assert host.look(name="nobody-has-this")["exists"] is False
    assert len(host.commands) == 4 and host.modules == []
    (place,) = host.library.iterdir()
    assert list(place.rglob("__pycache__/cli.*.pyc")) and place.stat().st_mode & 0o777 == 0o755


def test_check_mode_leaves_nothing_on_the_host(host):
    assert host.look(check=True, name="shop") == USUAL and not host.library.exists()
    host.look(name="shop")
    # Where it is there, check mode takes it.
    assert host.look(check=True, name="shop")["exists"] is False and len(host.modules) == 1


@pytest.mark.parametrize("arguments", [{}, {"name": "shop", "nonsense": 1}, {"name": "shop", "system_packages": {"a": 1}}])
def test_what_is_wrong_is_said_in_the_words_of_ansible(host, arguments):
    assert host.look(**arguments) == USUAL and host.commands == []


def test_without_pipelining_it_goes_by_a_file(host, tmp_path):
    host.pipelining = False
    assert host.look(name="shop")["exists"] is False and host.modules == []
    assert not (tmp_path / "remote").exists()


def test_a_host_that_cannot_keep_it_is_told_of(host):
    host.library.write_text("a file")
    with pytest.raises(AnsibleActionFail, match=f"^this host cannot keep the code of pyweb.stack in {host.library}: .*File exists"):
        host.look(name="shop")


def test_another_version_of_the_code_is_another_copy(host, monkeypatch, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(_on_host.module_utils.__path__[0], changed, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(_on_host.module_utils, "__path__", [str(changed)])
    for number in range(5):
        with open(changed / "_host/app.py", "a", encoding="utf-8") as file:
            file.write(f"# {number}\n")
        _on_host.code.cache_clear()
        assert host.look(name="shop")["exists"] is False
        (place,) = [path for path in host.library.iterdir() if str(path) == _on_host.code()[0]]
        os.utime(place, (number, number))
        assert (next(place.rglob("_host/app.py")).read_text().endswith(f"# {number}\n"))
    assert len(list(host.library.iterdir())) == 3


def test_secrets_and_failures(host):
    answer = host.look(name="hunter2hunter2!", secrets="hunter2hunter2")
    assert answer["failed"] and answer["msg"].startswith("********!: name is '********!': a to z, 0 to 9")
    assert not any("hunter2" in command for command in host.commands)


def test_what_ends_without_a_word_is_not_done_again(host):
    host.look(name="shop")
    place = pathlib.Path(_on_host.code()[0])
    next(place.rglob("_host/module.py")).write_text("raise SystemExit('out of memory')\n")
    answer = host.look(name="shop")
    assert answer["failed"] and answer["msg"].endswith("ended with 1 on this host and has not said how it went: out of memory")
    assert host.modules == []


def test_the_environment_of_the_task(host):
    host.environment = {"PYWEB_NOTE": "ä b"}
    host.look(name="shop")
    place = pathlib.Path(_on_host.code()[0])
    (next(place.rglob("steps/info.py"))).write_text("import os\ndef run(params, check_mode):\n    return {'note': os.environ['PYWEB_NOTE'], 'a': params}\n")
    answer = host.look(name="shop")
    assert answer["note"] == "ä b" and json.loads(json.dumps(answer["a"]))["system_packages"] == []


def test_what_a_build_is_doing_without_what_is_hidden(host):
    host.look(name="shop")
    place = pathlib.Path(_on_host.code()[0])
    said = "{'what': params['name'], 'seconds': 7, 'line': 'login with hunter2'}"
    (next(place.rglob("steps/progress.py"))).write_text(f"def run(params, check_mode):\n    return {{'progress': {said}}}\n")
    assert host.action(name="shop").progress("shop", {"hunter2"}) == {"what": "shop", "seconds": 7, "line": "login with ********"}
