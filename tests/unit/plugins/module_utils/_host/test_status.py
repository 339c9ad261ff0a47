# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a release that failed is told of."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import status

LIVE, A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4", "20261103T000000Z-1a2b3c4"
# Live since the first of the month; made live once more on the fourth.
FIRST, AGAIN = {"action": "activate", "time": "20261101T000010Z"}, {"action": "activate", "time": "20261104T000010Z"}
FAILED, OTHER = {"state": "failed", "created": "20261102T000005Z"}, {"state": "failed", "created": "20261105T000005Z"}


@pytest.mark.parametrize(("after", "history", "told"), [
    ({}, [FIRST], None),
    ({A: FAILED}, [FIRST], A),
    ({A: FAILED, B: OTHER}, [FIRST], B),
    ({A: FAILED, B: {"state": "built"}}, [FIRST], A),
    ({A: FAILED}, [FIRST, AGAIN], None),
    ({A: FAILED}, [FIRST, {**AGAIN, "action": "rollback"}], None),
    ({A: FAILED, B: {"state": "superseded"}}, [FIRST, AGAIN], None),
    ({A: FAILED, B: OTHER}, [FIRST, AGAIN], B),
    # The host went back by itself.
    ({A: FAILED}, [FIRST, {**AGAIN, "release": A}, {**AGAIN, "action": "return"}], A),
    # It was left since it was bad.
    ({A: {**FAILED, "state": "bad"}}, [FIRST, {**AGAIN, "action": "rollback"}], A),
], ids=["none", "one", "two", "not yet live", "another deploy", "a rollback", "one that was well", "failed since", "return", "bad"])
def test_a_release_that_failed(host, app, after, history, told):
    host.release(app, LIVE, state="active", live=True)
    for release, manifest in after.items():
        app.store.update(release, **manifest)
    with open(app.paths.history, "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"release": LIVE, **entry}) + "\n" for entry in history)
    found = status.failure(app, LIVE)
    assert (found and found["release"]) == told
