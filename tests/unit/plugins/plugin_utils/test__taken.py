# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new application does not take the directory of somebody else."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils._taken import taken


@pytest.mark.parametrize("found, wanted", [
    ([], ""),
    # An empty directory, a volume of its own, data that were restored by hand.
    (["d /srv/shop"], ""),
    (["d /srv/shop", "d /srv/shop/lost+found", "d /srv/shop/shared"], ""),
    (["d /srv/shop", "d /srv/shop/build", "d /srv/shop/releases"], ""),
    (["d /srv/shop", "d /srv/shop/shared", "d /srv/shop/public html"], "/srv/shop/public html"),
    # A tree of Capistrano's has the same names.
    (["d /srv/shop", "d /srv/shop/releases", "l /srv/shop/current"], "/srv/shop/current"),
    (["l /srv/shop"], "a link /srv/shop"),
    (["f /srv/shop"], "a file /srv/shop"),
    (["f /usr/local/bin/shop-run"], "/usr/local/bin/shop-run"),
    (["d /srv/shop", "d /srv/shop/releases", "f /usr/local/bin/shop-run", "d /var/lib/pyweb/shop"], ""),
])
def test_what_is_somebody_elses(found, wanted):
    assert taken(found, "shop") == wanted


def test_what_is_no_name_has_no_places():
    assert taken(["d /srv/Shop", "f /srv/Shop/app.py"], "Shop") == ""
