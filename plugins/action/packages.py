# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins.module_utils import _apt
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apt_wait, _filters

_filters.load()


class ActionModule(ActionBase):
    """Runs the module of the same name until apt is free."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        timeout = float(self._task.args.get("lock_timeout", _apt.LOCK_TIMEOUT))

        def attempt():
            result = self._execute_module(module_name="pyweb.stack.packages", task_vars=task_vars)
            return result, result.get("held_by", "")

        result = _apt_wait.until_free(attempt, task_vars["inventory_hostname"], timeout)
        if result.get("would_install"):
            self._display.display(f"[{task_vars['inventory_hostname']}] {result['msg']}")
        return result
