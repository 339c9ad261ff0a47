# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


def hook_tasks(hooks, phases=None):
    return [
        {"phase": phase, "tasks": hook["tasks"]}
        for phase in (hooks or {} if phases is None else phases)
        for hook in (hooks or {}).get(phase) or ()
        if isinstance(hook, dict) and hook.get("tasks")
    ]


class FilterModule:
    def filters(self):
        return {"hook_tasks": hook_tasks}
