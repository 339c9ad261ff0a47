# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of certificates, a line for each. Pure: no I/O."""

from __future__ import annotations

import time
import typing as t

# Who renews a certificate, and whether it happens from the day on that is told or has to have happened by then.
RENEWAL = {
    "acme": "by certbot.timer from",
    "company-ca": "by a run from",
    "files": "by yourself before",
    "self-signed": "by yourself before",
}


def _at(form: str, seconds: float) -> str:
    return time.strftime(form, time.gmtime(seconds))


def line(found: t.Mapping[str, t.Any]) -> str:
    """C(found) is one of the certificates that nginx_info returns; one that cannot be read has neither issuer nor times."""
    until, renewal = "unreadable", "unknown"
    if "expires" in found:
        until = "expires " + _at("%Y-%m-%d %H:%M UTC", found["expires"])
        renewal = f"{RENEWAL[found['source']]} {_at('%Y-%m-%d', found['renewal'])}"
    trust = "trusted" if found["trusted"] else "not trusted by this host"
    served = f"{found['site']} ({', '.join(found['domains'])}): {found['source']}, issuer {found.get('issuer', 'unknown')} ({trust})"
    return "; ".join([f"{served}, {until}, renewed {renewal}", *found["faults"]])


def lines(certificates: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return [line(found) for found in certificates]
