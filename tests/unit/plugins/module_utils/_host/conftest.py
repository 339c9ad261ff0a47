# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One application on a host in a directory."""

from __future__ import annotations

import pytest

A = "20261101T000000Z-1a2b3c4"


@pytest.fixture
def app(host):
    return host.app()
