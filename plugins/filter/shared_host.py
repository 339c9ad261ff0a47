# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.pyweb.stack.plugins.plugin_utils import _shared_host
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def shared_host(variables, certificates, others):
    given = plain(variables)
    own = _shared_host.need(given, plain(certificates))
    return {**_shared_host.shared(own, [json.loads(other) for other in plain(others)], given), "need": json.dumps(own, indent=1, sort_keys=True) + "\n"}


class FilterModule:
    def filters(self):
        return {"shared_host": shared_host}
