# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static files of a Django project as startproject leaves it."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.build.django import STEP, empty, instead

UNSET = ("django.core.exceptions.ImproperlyConfigured: You're using the staticfiles app without having set the STATIC_ROOT setting to a filesystem path.")
STATIC = {"/static/": "staticfiles"}


def test_without_a_static_root_the_directory_that_nginx_serves_is_it():
    command, note = instead(STEP, UNSET, STATIC)
    assert "manage.py shell" in command and "settings.STATIC_ROOT = 'staticfiles'" in command and "collectstatic" in command
    assert "STATIC_ROOT" in note and "staticfiles" in note


def test_without_the_application_for_static_files_there_are_none():
    command, note = instead(STEP, "Unknown command: 'collectstatic'\nType 'manage.py help' for usage.", STATIC)
    assert command == "mkdir -p staticfiles" and "django.contrib.staticfiles" in note


@pytest.mark.parametrize("step, output, static", [
    (STEP, "ModuleNotFoundError: No module named 'shop'", STATIC),
    ("python manage.py collectstatic --noinput --clear", UNSET, STATIC),
    (STEP, UNSET, {}),
    (STEP, UNSET, {"/": "dist"}),
    (STEP, UNSET, {"/static/": "it's"}),
])
def test_everything_else_stays_a_failure(step, output, static):
    assert instead(step, output, static) is None


@pytest.mark.parametrize("step, output, static, directory", [
    (STEP, "\n0 static files copied to '/srv/shop/releases/1/staticfiles'.\n", STATIC, "staticfiles"),
    (STEP, "\n0 static files copied to '/x', 3 unmodified.\n", STATIC, "staticfiles"),
    (STEP, "\n120 static files copied to '/x'.\n", STATIC, None),
    (STEP, "0 static files copied", {}, None),
    (STEP, "0 static files copied", {"/": "dist"}, None),
    ("npm run build", "0 static files copied", STATIC, None),
])
def test_where_there_is_nothing_to_collect_an_empty_directory_is_served(step, output, static, directory):
    assert empty(step, output, static) == directory
