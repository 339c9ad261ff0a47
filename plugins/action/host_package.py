# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import OnHost, code

_filters.load()


class ActionModule(OnHost):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        self.validate_argument_spec({})
        changed = not self.installed()
        if changed and not self._task.check_mode:
            self.install()
        return {"changed": changed, "path": code()[0], "program": f"{code()[0]}/engine.py"}
