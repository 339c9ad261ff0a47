# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyweb.stack.plugins.filter.of_hosts import of_hosts


def balancing(groups, hostvars):
    balancers, members = groups.get("pyweb_balancers") or [], groups.get("pyweb") or []
    if not balancers:
        return {}
    hosts = [*members, *balancers]
    addresses = {**dict(zip(hosts, hosts)), **of_hosts(hosts, hostvars, "ansible_host"), **of_hosts(hosts, hostvars, "pyweb_address")}
    tls = of_hosts(balancers[:1], hostvars, "pyweb_balancer_tls").get(balancers[0], False)
    return {
        "balancers": {host: addresses[host] for host in balancers}, "members": {host: addresses[host] for host in members},
        "tls": boolean(tls, strict=False),
    }


class FilterModule:
    def filters(self):
        return {"balancing": balancing}
