# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers: the hosts of the group pyweb_balancers stand in front of those of the group pyweb. Pure: no I/O.

What a balancer is told comes from the inventory alone, so that C(--limit) takes no member away.
"""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils._sites import address_of

# What holds for a domain as its visitors see it: the balancer has it, and members need not.
AT_THE_DOOR = ("tls", "http3", "limits")
# What both have: a member's own check comes by the same names, and what is too large or too slow there is so here.
SHARED = ("domains", "path", "probes", "canonical", "client_max_body_size", "trusted_proxies", "retry_after")
# Seconds by unit, as nginx writes times.
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
# Seconds that a member has to say by itself that its application was too slow: its answer is no fault of the member.
MARGIN = 5


class Balancing(t.TypedDict):
    """Of the inventory: addresses by the names of the hosts, and whether members are asked by TLS."""

    balancers: dict[str, str]
    members: dict[str, str]
    tls: bool


def checked(balancing: Balancing) -> Balancing:
    """With addresses as nginx and nft take them. Raises AppsError for what cannot work."""
    for name in balancing["balancers"]:
        if name in balancing["members"]:
            raise AppsError(f"{name} is in the groups pyweb and pyweb_balancers: a balancer has no applications, so take it out of one of them.")
    found: dict[str, dict[str, str]] = {"balancers": {}, "members": {}}
    for group, addresses in found.items():
        for name, given in t.cast("dict[str, dict[str, str]]", balancing)[group].items():
            address = address_of(str(given))
            if not address:
                raise AppsError(
                    f"pyweb_address of {name} is {given!r}: the address by which balancers and members reach each other is needed, such as 10.0.0.11."
                )
            addresses[name] = address
    return {"balancers": found["balancers"], "members": found["members"], "tls": bool(balancing["tls"])}


def member_site(site: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a member serves of the item C(site) of nginx_sites."""
    return {option: value for option, value in site.items() if option not in AT_THE_DOOR}


def balancer_site(site: dict[str, t.Any], members: list[str], balancing: Balancing) -> dict[str, t.Any]:
    """What a balancer serves of the item C(site) of nginx_sites, whose application runs on the hosts C(members)."""
    name = site["name"]
    if site["state"] == "absent":
        return site
    if not members:
        raise AppsError(f"pyweb_apps.{name} has a site, but it runs on no host of the group pyweb: the balancer has nobody to send visitors to.")
    for member in members:
        if member not in balancing["members"]:
            raise AppsError(f"pyweb_apps.{name}.hosts has {member}, which is not in the group pyweb: only hosts of that group serve applications.")
    scheme, port = ("https", 443) if balancing["tls"] else ("http", 80)
    result = {option: site[option] for option in (*SHARED, *AT_THE_DOOR) if option in site}
    addresses = [balancing["members"][member] for member in members]
    return {
        "name": name, "state": "present", **result,
        # The member takes a path off by itself.
        **({"keep_path": True} if "path" in site else {}),
        "members": [f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}" for address in addresses],
        "read_timeout": f"{int(seconds(site.get('read_timeout') or '60s')) + MARGIN}s",
    }


def seconds(text: str) -> float:
    """Of a time as nginx writes it, such as 90s or 5m."""
    unit = "ms" if text.endswith("ms") else text[-1]
    return float(text.removesuffix(unit)) * UNITS[unit]


def firewall(given: dict[str, t.Any], balancers: list[str]) -> dict[str, t.Any]:
    """C(hardening_firewall) of a member: what is open to everybody for web visitors is open to C(balancers) alone."""
    allow = given.get("allow", [{"port": "80"}, {"port": "443"}])
    return {
        **given,
        "allow": [
            {**rule, "from": list(balancers)} if str(rule.get("port")) in ("80", "443") and not rule.get("from") else rule
            for rule in allow
        ],
    }
