# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in_look as look


# The kernel's ARPHRD_ETHER, _TUNNEL, _IPGRE and _NONE.
@pytest.mark.parametrize("kind, protocols, known", [(1, [], True), (768, ["4"], True), (778, ["47"], True), (65534, [], False)])
def test_an_interface_without_header_that_nobody_knows_is_a_tunnel(kind, protocols, known, monkeypatch):
    monkeypatch.setattr(look, "_read", lambda path: f"{kind}\n" if path.endswith("/none-such/type") else "")
    found = look._by_interface("none-such", [])
    assert [way.protocol for way in found.ways] == protocols
    assert ("none-such" in found.unknown) is not known
