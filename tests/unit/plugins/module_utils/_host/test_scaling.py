# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers beside the inventory: who has the last word, and what has no number."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import scaling
from ansible_collections.pyweb.stack.plugins.module_utils._host.releases import ReleaseError

WEB = {"wsgi": "shop:app", "server": "gunicorn", "workers": None, "count": 1}
WORKER = {"command": "work", "server": None, "workers": None, "count": 2}
PROCESSES = {
    "web": WEB, "worker": WORKER, "beat": {**WORKER, "count": 1, "singleton": True}, "nightly": {**WORKER, "count": 1, "schedule": "daily"},
}


def scaled(wanted, processes=None, overrides=None):
    return scaling.rescaled(processes or PROCESSES, overrides or {}, wanted, "me@here", "20261121T120000Z")


def test_up_down_and_back():
    processes, overrides = scaled({"web": {"workers": 4}, "worker": {"count": 5}})
    assert (processes["web"]["workers"], processes["worker"]["count"]) == (4, 5) and processes["beat"] is PROCESSES["beat"]
    assert overrides["web"] == {"option": "workers", "number": 4, "instead_of": None, "by": "me@here", "since": "20261121T120000Z"}
    again, still = scaled({"worker": {"count": 1}}, processes, overrides)
    assert again["worker"]["count"] == 1 and (still["worker"]["number"], still["worker"]["instead_of"]) == (1, 2) and still["web"] == overrides["web"]
    assert scaled({"worker": {}}, again, still) == ({**again, "worker": WORKER}, {"web": overrides["web"]})
    assert scaled({}, again, still) == (PROCESSES, {})
    assert scaled({"worker": {"count": 2}}, again, still)[1] == {"web": overrides["web"]}, "the inventory's own number is no override"


def test_nothing_is_scaled():
    assert scaled({}) == (PROCESSES, {})


@pytest.mark.parametrize("wanted, sentence", [
    ({"webb": {"workers": 2}}, "process is 'webb': what runs on this host is web, worker, beat, nightly."),
    ({"web": {"count": 2}}, "process is 'web', which is scaled by workers: write -e process=web -e workers=…"),
    ({"worker": {"workers": 2}}, "process is 'worker', which is scaled by count: write -e process=worker -e count=…"),
    ({"beat": {"count": 2}}, "process is 'beat', which cannot be scaled: it is a singleton."),
    ({"nightly": {"count": 2}}, "process is 'nightly', which cannot be scaled: it runs by the clock."),
])
def test_what_has_no_such_number(wanted, sentence):
    with pytest.raises(ReleaseError) as caught:
        scaled(wanted)
    assert str(caught.value) == sentence


def test_a_web_that_is_a_command():
    with pytest.raises(ReleaseError, match="process is 'web', which cannot be scaled: it is web, with a command"):
        scaled({"web": {"workers": 2}}, {"web": {"command": "serve {socket}", "server": None, "count": 1}})


def test_the_next_release_keeps_to_it_until_the_inventory_says_something_else():
    dummy, overrides = scaled({"web": {"workers": 4}, "worker": {"count": 5}})
    processes, holding = scaling.applied(PROCESSES, overrides)
    assert (processes["web"]["workers"], processes["worker"]["count"], holding) == (4, 5, overrides)
    other = {**PROCESSES, "worker": {**WORKER, "count": 3}}
    processes, holding = scaling.applied(other, overrides)
    assert (processes["web"]["workers"], processes["worker"]["count"]) == (4, 3) and set(holding) == {"web"}
    assert scaling.applied({"beat": PROCESSES["beat"]}, overrides) == ({"beat": PROCESSES["beat"]}, {})
