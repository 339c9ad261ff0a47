# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_rules


def site_faults(given, sites, server, server_of, files, without_http3=""):
    return _site_rules.faults(list(given), list(sites), dict(server), dict(server_of), list(files), without_http3)


class FilterModule:
    def filters(self):
        return {"site_faults": site_faults}
