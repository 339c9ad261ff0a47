# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run prints when a task fails, by the callback that the example's ansible.cfg switches on."""

from __future__ import annotations

import configparser
import pathlib
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

import playbook  # noqa: E402

PLAY = r"""
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Fail with a message
      ansible.builtin.fail: {msg: "one sentence.\na traceback"}
      ignore_errors: true

    - name: Fail where the result is hidden
      ansible.builtin.set_fact: {a: "{{ no_such_variable }}"}
      no_log: true
"""


@pytest.mark.parametrize("arguments, times", [([], 1), (["-v"], 3)])
def test_an_error_is_printed_once(tmp_path, arguments, times):
    config = configparser.ConfigParser()
    config.read(playbook.CHECKOUT / "inventories/example/ansible.cfg")
    callback = config["defaults"]["stdout_callback"]
    (tmp_path / "play.yml").write_text(PLAY)
    env = playbook.environment(ANSIBLE_STDOUT_CALLBACK=callback)
    outcome = playbook.play(tmp_path / "play.yml", "-i", "localhost,", *arguments, env=env)
    assert outcome.status == 2, outcome.output
    first, _task, second = outcome.output.partition("TASK [Fail where the result is hidden]")
    assert 1 <= first.count("a traceback") <= times and (first.count("a traceback") == 1) is (not arguments), outcome.output
    # There the error is all that says what is wrong.
    assert "'no_such_variable' is undefined" in second, outcome.output


@pytest.mark.parametrize("callback", ["default", "pyweb.stack.plain"])
@pytest.mark.parametrize("printed, rows", [("json", ['"HOST  RELEASE"', '"web1  v1.2"']), ("yaml", ["HOST  RELEASE", "web1  v1.2"])])
def test_each_line_of_a_table_is_one_on_the_screen(tmp_path, callback, printed, rows):
    task = {"ansible.builtin.debug": {"msg": "{{ ['HOST  RELEASE', 'web1  v1.2'] | pyweb.stack.lines }}"}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}]))
    env = playbook.environment(ANSIBLE_STDOUT_CALLBACK=callback, ANSIBLE_CALLBACK_RESULT_FORMAT=printed)
    outcome = playbook.play(tmp_path / "play.yml", "-i", "localhost,", env=env)
    said = [line.strip().rstrip(",") for line in outcome.output.splitlines()]
    assert outcome.status == 0 and said.index(rows[1]) == said.index(rows[0]) + 1, outcome.output
