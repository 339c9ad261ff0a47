# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often certbot is asked, with real processes in its place."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._tls import certbot

NONCE = "An unexpected error occurred:\nJWS has an invalid anti-replay nonce: Ihrh3WSy\n"


@pytest.mark.parametrize(("refused", "asked", "fault"), [(0, 1, ""), (1, 2, ""), (2, 3, ""), (9, 3, "JWS has an invalid anti-replay nonce: Ihrh3WSy")])
def test_a_refused_nonce_is_no_answer(tmp_path, refused, asked, fault):
    times = tmp_path / "times"
    script = f'echo again >> {times}; [ "$(wc -l < {times})" -gt {refused} ] || {{ printf "%s" "{NONCE}"; exit 1; }}'
    answer = certbot.run(["sh", "-c", script])
    assert len(times.read_text().splitlines()) == asked
    assert fault in answer.fault and bool(answer.fault) == bool(fault)


def test_whatever_else_fails_is_not_asked_again(tmp_path):
    times = tmp_path / "times"
    answer = certbot.run(["sh", "-c", f"echo again >> {times}; echo too many failed authorizations; exit 1"])
    assert answer.limited and times.read_text() == "again\n"
