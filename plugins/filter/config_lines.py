# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.pyweb.stack.plugins.plugin_utils import _config
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def bare(value):
    """Numbers without Ansible's tags too: YAML is written from it."""
    return json.loads(json.dumps(plain(value)))


def config_lines(hosts, app, items, compare=None):
    return _config.lines(app, bare(hosts), bare(items), compare or None)


class FilterModule:
    def filters(self):
        return {"config_lines": config_lines}
