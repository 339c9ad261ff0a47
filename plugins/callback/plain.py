# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plain
type: stdout
short_description: Ansible's default output, with each error once
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Ansible prints what a task failed with twice, as an error and as the result of the task. For an application that does not start,
    that is its traceback twice. This callback prints the result alone.
  - With C(-v) both are printed, as by P(ansible.builtin.default#callback), which this one is in all other respects.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - Set as C(stdout_callback = pyweb.stack.plain) in ansible.cfg, section C([defaults]).
"""

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "pyweb.stack.plain"

    def _handle_exception(self, result, use_stderr=False):
        """What the result says itself in C(msg) is left to it; an error without one is shown as usual."""
        if self._display.verbosity == 0 and result.get("msg") and not result.get("_ansible_no_log"):
            result.pop("exception", None)
        super()._handle_exception(result, use_stderr=use_stderr)
