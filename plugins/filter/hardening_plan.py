# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _hardening_base, _hardening_plan


class FilterModule:
    def filters(self):
        return {
            "base_faults": _hardening_base.base_faults,
            "banner_files": _hardening_plan.banner_files,
            "closed_ports": _hardening_plan.closed_ports,
            "firewall_rules": _hardening_plan.firewall_rules,
            "hiding_files": _hardening_plan.hiding_files,
            "job_files": _hardening_plan.job_files,
            "ssh_settings": _hardening_plan.ssh_settings,
            "sysctl_settings": _hardening_plan.sysctl_settings,
            "wanted_files": _hardening_plan.wanted_files,
        }
