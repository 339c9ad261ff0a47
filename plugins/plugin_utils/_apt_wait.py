# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits on the controller for an apt that another program uses, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.pyweb.stack.plugins.module_utils import _apt


def until_free(attempt: Callable[[], tuple[dict[str, Any], str]], host: str, timeout: float) -> dict[str, Any]:
    """Calls attempt until nobody is in the way; it returns its result, and who uses apt (empty when nobody does).

    timeout is in seconds. Raises AnsibleActionFail, in one sentence, when it is over.
    """
    began = time.monotonic()
    waited_for = ""
    while True:
        result, holder = attempt()
        if not holder:
            return result
        waited = time.monotonic() - began
        if waited >= timeout:
            raise AnsibleActionFail(_apt.waited_in_vain(holder, waited))
        if holder != waited_for:
            waited_for = holder
            Display().display(f"[{host}] waits for apt, which is in use by {holder}; for {round((timeout - waited) / 60)} more minutes at most")
        time.sleep(1)
