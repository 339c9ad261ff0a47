# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._declared import hooks, option, roles, source

GROUPS = {"source": source.SOURCE, "hooks": hooks.HOOKS}


def complete_app(app_config):
    given = option.whole_commands(app_config, roles.APP_CONFIG)
    inner = {name: {**option.defaults(options), **(given.get(name) or {})} for name, options in GROUPS.items()}
    return {**option.defaults(roles.APP_CONFIG), **given, **inner}


class FilterModule:
    def filters(self):
        return {"complete_app": complete_app}
