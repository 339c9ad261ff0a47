# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that people write, as nginx names them."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.filter.addresses import addresses


def test_each_address_has_one_form_and_what_is_none_is_empty():
    given = ["2001:DB8:0:0:0:0:0:7", "2001:db8:0:1:1:1:1:1", "[::1]", "192.0.2.7", "192.0.2.300", "192.0.2.0/24", "face", ""]
    assert addresses(given) == ["2001:db8::7", "2001:db8:0:1:1:1:1:1", "::1", "192.0.2.7", "", "", "", ""]
