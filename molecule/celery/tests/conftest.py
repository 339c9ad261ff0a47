# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests are shown when, and the applications that they are shown on."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

for path in (pathlib.Path(__file__).parents[3] / "tests" / "support", pathlib.Path(__file__).parent):
    sys.path.insert(0, str(path))

from apps import APPS  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "full: takes minutes, and is shown with PYWEB_FULL=1")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("full") and not os.environ.get("PYWEB_FULL"):
            item.add_marker(pytest.mark.skip(reason="only with PYWEB_FULL=1"))


@pytest.fixture(params=APPS, ids=lambda app: app.manager)
def app(request):
    return request.param
