# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_changes
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def site_changes(plan, look, keep, store, directory):
    return _site_changes.changes(plain(plan), plain(look), keep=bool(keep), store=str(store), directory=str(directory))


class FilterModule:
    def filters(self):
        return {"site_changes": site_changes}
