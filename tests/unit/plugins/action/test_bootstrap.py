# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.pyweb.stack.plugins.action import bootstrap


@pytest.mark.parametrize("check_mode", [False, True])
def test_shells_take_it_with_what_ansible_puts_behind_it(check_mode):
    """That is what it does where no become wraps the command: root logs in."""
    script = bootstrap.script_for({"http_proxy": "http://proxy.example.com:3128/ 'x'"}, check_mode)
    read = subprocess.run(["/bin/sh", "-n", "-c", f"{script} && sleep 0"], check=False, capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


def test_check_mode_installs_nothing(tmp_path):
    """Neither apt-get nor Python is on this path."""
    script = bootstrap.script_for({}, True)
    done = subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True, env={"PATH": str(tmp_path)})
    assert done.returncode == bootstrap.WOULD_INSTALL
