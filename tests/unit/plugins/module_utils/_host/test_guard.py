# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the host ends a switch by itself, as systemd tells it."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.guard import Guard
from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout


class System:
    def __init__(self, output):
        self.output, self.calls = output, []

    def run(self, argv, timeout=None):
        self.calls.append(argv)
        return subprocess.CompletedProcess(argv, 0, self.output, "")


@pytest.mark.parametrize("output, due", [
    ('[{"next":1795796509741966,"left":1795796509741966,"last":0,"passed":0,"unit":"x.timer","activates":"x.service"}]', "20261127T162149Z"),
    ('[{"next":null,"left":null,"last":null,"passed":null,"unit":"x.timer","activates":"x.service"}]', None),
    ("[]", None),
    ("", None),
])
def test_when_the_timer_elapses(output, due):
    system = System(output)
    assert Guard(Layout("shop"), system).due() == due
    assert system.calls[0][-1] == f"{Layout('shop').guard_unit}.timer"
