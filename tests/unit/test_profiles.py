# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role hardening adds to login shells, run by real shells."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

PROFILE = pathlib.Path(__file__).parents[2] / "roles/hardening/files/profile-accounts.sh"


def login(shell, *files):
    """What TMOUT is at the end of a login that reads these files; fails when the login ends before."""
    lines = [*(f". {file}" for file in files), 'echo "$TMOUT"']
    environment = {name: value for name, value in os.environ.items() if name != "TMOUT"}
    return subprocess.run([shell, "-c", "\n".join(lines)], check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("theirs", ["TMOUT=600", "readonly TMOUT=600", "TMOUT=600; readonly TMOUT; export TMOUT"])
def test_a_timeout_that_others_have_set_stays_and_ends_no_login(shell, theirs, tmp_path):
    """sh ends when a file of a profile sets what another one has made readonly: its users could not log in any more."""
    (tmp_path / "timeout.sh").write_text(f"{theirs}\n")
    assert login(shell, tmp_path / "timeout.sh", PROFILE) == "600"
    assert login(shell, PROFILE, tmp_path / "timeout.sh") == "600"
    assert login(shell, PROFILE, PROFILE) == "900"


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(("before", "after"), [("022", "0027"), ("002", "0027"), ("027", "0027"), ("077", "0077"), ("066", "0066")])
def test_the_umask_only_ever_takes_away_more(shell, before, after):
    said = subprocess.run([shell, "-c", f"umask {before}; . {PROFILE}; umask"], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == after
