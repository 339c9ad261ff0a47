# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _identities
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import plain


def identities(applications, contents):
    given = {str(name): {"app": plain(item["app"]), "appserver": plain(item["appserver"])} for name, item in applications.items()}
    return _identities.identities(given, plain(contents))


class FilterModule:
    def filters(self):
        return {"identities": identities}
