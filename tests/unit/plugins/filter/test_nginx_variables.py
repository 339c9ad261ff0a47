# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/3: of all servers of a host, also those of another inventory, one asks for a socket of each worker. nginx refuses a second one."""

from __future__ import annotations

import pathlib
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _site_changes

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))
from role_variables import seen  # noqa: E402

ALONE = {"default_server": False, "unlisted_sites": "refuse"}
SHARED = {"default_server": False, "unlisted_sites": "keep"}


def there(name, http3=True, reuseport=False):
    return {"name": name, "path": f"/etc/nginx/conf.d/pyweb.site.{name}.conf", "live": True, "http3": http3, "reuseport": reuseport}


@pytest.mark.parametrize("server, wanted, others, quic, owner", [
    ({**ALONE, "default_server": True}, ["b", "c"], [], True, "_"),
    ({**ALONE, "default_server": True}, [], [], False, "_"),
    # Packets for a site of the other inventory come to the default server as well.
    ({**SHARED, "default_server": True}, [], [there("x")], True, "_"),
    ({**ALONE, "default_server": True}, [], [there("x")], False, "_"),
    (ALONE, ["b", "c"], [], True, "b"),
    (ALONE, [], [], False, ""),
    (SHARED, ["b"], [there("x", reuseport=True)], True, ""),
    (SHARED, ["b"], [there("x"), there("y", http3=False)], True, "b"),
    # It is about to go, or is our own.
    (ALONE, ["b"], [there("x", reuseport=True)], True, "b"),
    (SHARED, ["b"], [there("b", reuseport=True)], True, "b"),
])
def test_one_server_asks_for_the_sockets(server, wanted, others, quic, owner):
    plan = {"named": ["a", "b", "c"], "quic_sites": wanted, "acme_pairs": [], "acme_sites": [], "self_signed": [], "sites": [], "nameless": None}
    look = {"sites": others, "listed": [], "missing_files": [], "certificates": []}
    changes = _site_changes.changes(plan, look, keep=server["unlisted_sites"] == "keep", store="/acme", directory="/acme/sites.d")
    told = {"__nginx_server": server, "__nginx_plan": plan, "__nginx_look": look, "__nginx_changes": changes}
    assert seen("nginx", "__nginx_quic", **told) is quic
    assert seen("nginx", "__nginx_quic_owner", **told) == owner
