# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications that the tests are shown on."""

from __future__ import annotations

import pathlib
import sys

import pytest

# Modules beside this file are found by their names only from here on.
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from apps import APPS  # noqa: E402


@pytest.fixture(params=APPS, ids=lambda app: app.manager)
def app(request):
    return request.param
