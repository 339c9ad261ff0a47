# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from ansible_collections.pyweb.stack.plugins.plugin_utils._sender import Sender


class ActionModule(Sender):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments, file = self.arguments(task_vars)
        sent = arguments.get("sent")
        if sent and not self._task.check_mode and arguments.get("revision") != sent["revision"]:
            raise AnsibleActionFail(f"{arguments.get('name')}: {sent['source']} is not what it was when it was looked at: deploy again.")
        result = self._build(arguments, task_vars)
        if result.get("failed") or result.get("manifest") or "lock" in result or not file or self._task.check_mode:
            return result
        # The host does not have it yet.
        directory = self._make_tmp_path()
        try:
            there = self._connection._shell.join_path(directory, "source")
            self._transfer_file(file, there)
            return self._build({**arguments, "sent": {**sent, "file": there}}, task_vars)
        finally:
            self._remove_tmp_path(directory)

    def _build(self, arguments, task_vars):
        return self.on_host("release_build", arguments, task_vars)
