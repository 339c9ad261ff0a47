# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters
from ansible_collections.pyweb.stack.plugins.plugin_utils._sender import Sender

_filters.load()


class ActionModule(Sender):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments, dummy = self.arguments(task_vars)
        return self.on_host("release_info", arguments, task_vars)
