# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.plugin_utils import _certificate_lines

# 2026-11-20 20:15 and 2026-10-21 20:15 UTC.
FOUND = {
    "site": "shop", "source": "acme", "domains": ["shop.example.com", "www.shop.example.com"], "issuer": "Let's Encrypt", "expires": 1795205700,
    "renewal": 1792613700, "trusted": True, "faults": [],
}


@pytest.mark.parametrize("source, renewed", [
    ("acme", "by certbot.timer from 2026-10-21"), ("company-ca", "by a run from 2026-10-21"),
    ("files", "by yourself before 2026-10-21"), ("self-signed", "by yourself before 2026-10-21"),
])
def test_who_renews_it(source, renewed):
    assert _certificate_lines.lines([{**FOUND, "source": source}]) == [
        f"shop (shop.example.com, www.shop.example.com): {source}, issuer Let's Encrypt (trusted), expires 2026-11-20 20:15 UTC, renewed {renewed}",
    ]


def test_what_is_wrong_with_it():
    assert _certificate_lines.line({**FOUND, "trusted": False, "faults": ["it is not for www.shop.example.com", "its key is another's"]}).endswith(
        " issuer Let's Encrypt (not trusted by this host), expires 2026-11-20 20:15 UTC, renewed by certbot.timer from 2026-10-21; "
        "it is not for www.shop.example.com; its key is another's"
    )


def test_one_that_cannot_be_read():
    unread = {"site": "page", "source": "files", "domains": ["page.example.com"], "trusted": False, "faults": ["cannot be read"]}
    assert _certificate_lines.line(unread) == (
        "page (page.example.com): files, issuer unknown (not trusted by this host), unreadable, renewed unknown; cannot be read"
    )


def test_none_at_all():
    assert _certificate_lines.lines([]) == []
