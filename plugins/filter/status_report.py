# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

from ansible_collections.pyweb.stack.plugins.plugin_utils import _status, _summary


def status_report(hosts, chosen=None):
    urls = {name: _summary.url(app.get("site")) for name, app in (chosen or {}).items()}
    return _status.report(dict(hosts), time.time(), urls)


class FilterModule:
    def filters(self):
        return {"status_report": status_report}
