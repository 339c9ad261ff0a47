# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read while a task takes long."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.pyweb.stack.plugins.plugin_utils import _progress


@pytest.mark.parametrize(("seconds", "line", "text"), [
    (5, "", "shop on web1, build step 'make' for 0:05 min"),
    (80, "Downloading torch", "shop on web1, build step 'make' for 1:20 min: Downloading torch"),
    (3600, "x" * 200, f"shop on web1, build step 'make' for 60:00 min: {'x' * 160}…"),
])
def test_one_line(seconds, line, text):
    assert _progress.sentence("shop", "web1", {"what": "build step 'make'", "seconds": seconds, "line": line}) == text


def test_each_look_is_shown_until_the_work_is_done():
    shown, thrice = [], threading.Event()

    def show(text):
        shown.append(text)
        if len(shown) == 3:
            thrice.set()

    with _progress.Watch(iter(["one", "", "two", "three"] + ["more"] * 10**6).__next__, show, every=0.01) as watch:
        assert thrice.wait(60)
    watch.join()
    assert shown[:3] == ["one", "two", "three"]


def test_a_look_that_fails_ends_nothing():
    looks, shown = iter([OSError("gone"), "two"]), threading.Event()

    def look():
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    with _progress.Watch(look, lambda text: shown.set(), every=0.01):
        assert shown.wait(60)


def test_work_that_is_done_at_once_is_not_looked_at():
    with _progress.Watch(lambda: pytest.fail("looked"), print, every=60):
        pass
