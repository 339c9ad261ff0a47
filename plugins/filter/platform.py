# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.utils.display import Display

from ansible_collections.pyweb.stack.plugins.plugin_utils import _platform


def platform(facts, host):
    found = _platform.of(facts)
    if found.note:
        # Ansible shows the same warning once in a run, however many roles ask.
        Display().warning(f"{host}: {found.note}")
    return {"name": found.name, "fault": found.fault}


class FilterModule:
    def filters(self):
        return {"platform": platform}
