# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _summary


def deploy_summary(hosts, check=False):
    return _summary.summary(
        {host: {"releases": told["releases"], "urls": {name: _summary.url(app.get("site")) for name, app in told["chosen"].items()}}
         for host, told in hosts.items()}, bool(check))


class FilterModule:
    def filters(self):
        return {"deploy_summary": deploy_summary}
