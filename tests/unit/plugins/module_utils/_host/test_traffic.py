# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release visitors reach."""

from __future__ import annotations

import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"


@pytest.mark.parametrize("target, live", [(None, None), (f"/srv/shop/releases/{A}", A), (f"releases/{A}/", A), (f"./{A}", A)])
def test_live(app, target, live):
    if target:
        os.symlink(target, app.paths.current)
    assert app.live == live


@pytest.mark.parametrize("make", [os.mkdir, lambda path: open(path, "w", encoding="utf-8").close()])
def test_current_that_is_no_link_is_one_sentence(app, make):
    make(app.paths.current)
    with pytest.raises(HostError, match=f"^{app.paths.current} is not a symbolic link: move it away, .*release.$"):
        app.live  # pylint: disable=pointless-statement


def test_the_switch_is_atomic(app):
    """A reader never finds it missing, and what a kill left behind does not matter."""
    app.traffic.main.lead_to(A)
    os.symlink("nowhere", f"{app.paths.current}.pyweb-return")
    ready, go_on = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(go_on)
        os.set_blocking(ready, False)
        status = 0
        while True:
            try:
                status = status or (os.path.basename(os.readlink(app.paths.current)) not in (A, B))
            except OSError:
                status = 2
            try:
                if os.read(ready, 1) == b"":
                    os._exit(status)
            except BlockingIOError:
                continue
    os.close(ready)
    for dummy in range(300):
        app.traffic.main.lead_to(B)
        app.traffic.main.lead_to(A)
    os.close(go_on)
    assert os.waitpid(reader, 0)[1] == 0
    assert app.live == A and not os.path.lexists(f"{app.paths.current}.pyweb-return")
    app.traffic.main.lead_to(None)
    app.traffic.main.lead_to(None)
    assert app.live is None
