# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[4]
# As Ansible's main process does it when it reads a task; then what a process for a task does when it templates one.
READ = """
import sys
from ansible.plugins.loader import action_loader, filter_loader, init_plugin_loader
init_plugin_loader([])
action_loader.get("pyweb.stack.{}", class_only=True)
before = set(sys.modules)
assert filter_loader.get("pyweb.stack.survey").j2_function.__name__ == "survey"
{}
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("action", sorted(path.stem for path in (CHECKOUT / "plugins/action").glob("*.py")))
def test_who_reads_a_task_has_loaded_the_filters_for_all(action):
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    done = subprocess.run([sys.executable, "-c", READ.format(action, "")], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [], "not loaded before"


def test_who_reads_a_task_has_found_deploy_helper_and_the_host_package_for_all():
    asked = """
from ansible.plugins.loader import module_loader
from ansible_collections.pyweb.stack.plugins.action.release import DEPLOY_HELPER
from ansible_collections.pyweb.stack.plugins.plugin_utils import _on_host
assert module_loader.find_plugin(DEPLOY_HELPER)
assert _on_host.code.cache_info().currsize == 1
"""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    done = subprocess.run([sys.executable, "-c", READ.format("release", asked)], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [], "not loaded before"
