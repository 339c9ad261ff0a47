# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible import constants
from ansible.errors import AnsibleError

# Those that print results as callback_result_format says, by the names under which Ansible keeps their settings.
CALLBACKS = ("ansible_collections.pyweb.stack.plugins.callback.plain", "default")


def printed_as():
    for name in CALLBACKS:
        try:
            return constants.config.get_config_value("result_format", plugin_type="callback", plugin_name=name)
        except AnsibleError:
            # It is not in use.
            continue
    return "json"


def lines(given):
    return "\n".join(given) if printed_as() == "yaml" else list(given)


class FilterModule:
    def filters(self):
        return {"lines": lines}
