# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_plan
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def site_plan(sites, defaults, directory, store, ca, acme, paths, refuses_nameless=True):
    return _site_plan.plan(
        plain(sites), defaults=plain(defaults), directory=str(directory), store=str(store), ca=str(ca), acme=plain(acme), paths=plain(paths),
        refuses_nameless=bool(refuses_nameless))


class FilterModule:
    def filters(self):
        return {"site_plan": site_plan}
