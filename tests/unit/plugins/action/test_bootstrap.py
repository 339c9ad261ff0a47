# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import types

import pytest
from ansible_collections.pyweb.stack.plugins.action import bootstrap


@pytest.mark.parametrize("variables", [False, True])
@pytest.mark.parametrize("patterns", [[], ["/etc/nginx/conf.d/*.conf"], ["/etc/nginx/conf.d/*.conf", "/var/lib/*/host.json"]])
@pytest.mark.parametrize("check_mode", [False, True])
def test_shells_take_it_with_what_ansible_puts_behind_it(check_mode, patterns, variables):
    """That is what it does where no become wraps the command: root logs in."""
    script = bootstrap.script_for(check_mode, patterns, variables)
    read = subprocess.run(["/bin/sh", "-n", "-c", f"{script} && sleep 0"], check=False, capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


def test_without_variables_it_reads_nothing(tmp_path):
    """Its input may be a terminal."""
    assert "read" not in bootstrap.script_for(False)


def test_check_mode_installs_nothing(tmp_path):
    """Neither apt-get nor Python is on this path."""
    script = bootstrap.script_for(True)
    done = subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True, env={"PATH": str(tmp_path)})
    assert done.returncode == bootstrap.WOULD_INSTALL


def test_variables_come_by_the_input_of_the_script(tmp_path):
    """Not by the command, which sudo logs."""
    (tmp_path / "apt-get").write_text('#!/bin/sh\necho "$http_proxy $no_proxy"\n')
    (tmp_path / "apt-get").chmod(0o755)
    variables = {"http_proxy": "http://name:g e'h$e\\im@proxy.example.com:3128", "no_proxy": "localhost,.example.com"}
    done = subprocess.run(["/bin/sh", "-c", bootstrap.script_for(False, variables=True)], input=bootstrap.given(variables), check=False, capture_output=True,
                          env={"PATH": str(tmp_path)})
    # Once for the lists, and once for Python.
    assert done.stderr.decode().splitlines() == 2 * [" ".join(variables.values())]
    assert bootstrap.given({}) == b""


@pytest.mark.parametrize("files, found", [([], []), (["one.conf", "two.conf", "two.crt"], ["one.conf", "two.conf"])])
def test_what_is_looked_for_is_told_where_python_is_there(tmp_path, files, found):
    for name in files:
        (tmp_path / name).touch()
    args = {"look_for": [f"{tmp_path}/no/*", f"{tmp_path}/*.conf"]}
    task = types.SimpleNamespace(async_val=0, check_mode=False, environment=None, args=args, action="pyweb.stack.bootstrap")
    shell = types.SimpleNamespace(tmpdir=None, env_prefix=lambda **variables: "")
    plugin = bootstrap.ActionModule(task, types.SimpleNamespace(_shell=shell), None, None, None, None)
    plugin._low_level_execute_command = on_this_machine
    told = plugin.run(task_vars={"inventory_hostname": "web1"})
    assert (told["changed"], told["found"], told["contents"]) == (False, [f"{tmp_path}/{name}" for name in found], {})


@pytest.mark.parametrize("patterns", [[], ["/etc/nginx/conf.d/*.conf"]])
@pytest.mark.parametrize("texts", [{}, {"one": 'a:b\n"$x"\n', "two:": "", "three": "\N{BLACK STAR}\n" * 999}])
def test_files_are_read_by_the_way(tmp_path, patterns, texts):
    (tmp_path / "directory.txt").mkdir()
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    script = bootstrap.script_for(False, patterns, read=[f"{tmp_path}/no/*", f"{tmp_path}/*.txt"])
    done = on_this_machine(f"{script} && sleep 0")
    # With a terminal, lines end otherwise.
    assert bootstrap.contents(done["stdout"].replace("\n", "\r\n").splitlines()) == {f"{tmp_path}/{name}.txt": text for name, text in texts.items()}


def on_this_machine(script, in_data=None):
    done = subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True, text=True)
    return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


@pytest.mark.parametrize("pattern", ["pyweb.*", "/etc/$(reboot)", "/etc/a b", "/etc;reboot", "/etc/a\nreboot"])
def test_no_pattern_is_a_command(pattern):
    assert not bootstrap.PATTERN.fullmatch(pattern)


def test_the_host_itself_waits_for_no_lock():
    """With a time of its own, which may have no end, it would do so without a word."""
    assert "-o DPkg::Lock::Timeout=0 install" in bootstrap.script_for(False)
