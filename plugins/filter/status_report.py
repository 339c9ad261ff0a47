# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

from ansible_collections.pyweb.stack.plugins.plugin_utils import _status, _summary


def status_report(looked, hosts=None, surveys=None):
    """C(hosts) and C(surveys) also of those that have not answered."""
    surveys = surveys or {}
    answers = {}
    for host in looked if hosts is None else hosts:
        told, known = looked.get(host) or {}, surveys.get(host, {}).get("all", {})
        answers[host] = {**told, "others": [name for name in told["others"] if name not in known]} if "host" in told else None
    urls = {name: _summary.url(app.get("site")) for survey in surveys.values() for name, app in survey.get("chosen", {}).items()}
    return _status.report(answers, time.time(), urls)


class FilterModule:
    def filters(self):
        return {"status_report": status_report}
