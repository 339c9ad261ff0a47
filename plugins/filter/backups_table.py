# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

from ansible_collections.pyweb.stack.plugins.plugin_utils import _backup


def backups_table(told):
    return _backup.table(told, time.time())


class FilterModule:
    def filters(self):
        return {"backups_table": backups_table}
