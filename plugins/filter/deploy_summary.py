# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _summary


def deploy_summary(releases, chosen, check=False):
    urls = {host: {name: _summary.url(app.get("site")) for name, app in apps.items()} for host, apps in chosen.items()}
    return _summary.summary({host: {"releases": its, "urls": urls.get(host, {})} for host, its in releases.items()}, bool(check))


class FilterModule:
    def filters(self):
        return {"deploy_summary": deploy_summary}
