# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _proxies


class FilterModule:
    def filters(self):
        return {"direct_hosts": _proxies.direct_hosts, "proxy_environment": _proxies.of_tasks, "proxy_variables": _proxies.variables}
