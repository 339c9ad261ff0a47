# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display

from ansible_collections.pyweb.stack.plugins.module_utils import _options
from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters, _progress
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain
from ansible_collections.pyweb.stack.plugins.plugin_utils._sender import Sender

_filters.load()

display = Display()


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
        name, host = str(arguments.get("name")), str((task_vars or {}).get("inventory_hostname"))
        if self._task.check_mode:
            return self.on_host("release_build", arguments, task_vars)

        def look():
            # Only a build that takes long is looked at.
            hidden = ArgumentSpecValidator(_options.RELEASE_BUILD).validate(plain(arguments))._no_log_values
            found = self.progress(name, hidden)
            return _progress.sentence(name, host, found) if found else ""

        with _progress.Watch(look, display.display):
            return self.on_host("release_build", arguments, task_vars)
