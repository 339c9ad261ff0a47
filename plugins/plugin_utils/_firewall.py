# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sites with HTTP/3 need of C(hardening_firewall). Pure: no I/O."""

from __future__ import annotations

import re
import typing as t

# What the role hardening lets in when nothing is given.
DEFAULT = ({"port": "80"}, {"port": "443"})


def _opens(rule: dict[str, t.Any], protocol: str) -> bool:
    """Whether C(rule) lets in what goes to port 443 by C(protocol). What is no port is the role's to refuse."""
    ports = re.fullmatch("([0-9]+)(?:-([0-9]+))?", str(rule.get("port")))
    return bool(ports) and rule.get("protocol", "tcp") == protocol and int(ports[1]) <= 443 <= int(ports[2] or ports[1])


def with_http3(given: dict[str, t.Any]) -> dict[str, t.Any]:
    """C(hardening_firewall) with UDP port 443 open to those to whom TCP port 443 is."""
    allow = list(given.get("allow", DEFAULT))
    more: list[dict[str, t.Any]] = []
    for sources in [rule.get("from") or [] for rule in allow if _opens(rule, "tcp")]:
        if not any(_opens(rule, "udp") and (rule.get("from") or []) in ([], sources) for rule in [*allow, *more]):
            more.append({"port": "443", "protocol": "udp", **({"from": sources} if sources else {})})
    return {**given, "allow": allow + more}
