# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static files of Django projects whose settings are as C(django-admin startproject) writes them."""

from __future__ import annotations

import re
import typing as t

STEP = "python manage.py collectstatic --noinput"
# Through manage.py, since that is where projects extend sys.path.
INSTEAD = ("python manage.py shell -c \"from django.conf import settings; from django.core.management import call_command; "
           "settings.STATIC_ROOT = '{directory}'; call_command('collectstatic', interactive=False)\"")
# What Django says, and a step that does without it.
NO_STATIC_ROOT = "without having set the STATIC_ROOT setting"
NO_STATIC_FILES = re.compile(r"Unknown command: '?collectstatic")
# Then it makes no directory.
NOTHING = re.compile(r"^0 static files copied", re.MULTILINE)


class Instead(t.NamedTuple):
    """C(command) is run in place of the step; C(note) is for the play."""

    command: str
    note: str


def served(step: str, static: t.Mapping[str, str]) -> str | None:
    """The directory that nginx serves of what the step collects; None where it is another step, or nothing is served."""
    if step.strip() != STEP:
        return None
    return next((place for url, place in static.items() if url != "/" and re.fullmatch(r"[\w./-]+", place)), None)


def empty(step: str, output: str, static: t.Mapping[str, str]) -> str | None:
    """The directory that has to be made after the build step C(step) has found no static files, and printed C(output)."""
    return served(step, static) if NOTHING.search(output) else None


def instead(step: str, output: str, static: t.Mapping[str, str]) -> Instead | None:
    """What to do after the build step C(step) has failed with C(output); None where the failure stands.

    C(static) is what nginx serves: only where a directory is expected of the step, one is made for it.
    """
    directory = served(step, static)
    if not directory:
        return None
    if NO_STATIC_ROOT in output:
        return Instead(INSTEAD.format(directory=directory),
                       f"Django's settings have no STATIC_ROOT, so its static files were collected into {directory}: "
                       f"set STATIC_ROOT = BASE_DIR / \"{directory}\" to have them there by any command.")
    if NO_STATIC_FILES.search(output):
        return Instead(f"mkdir -p {directory}", "Django's INSTALLED_APPS lack django.contrib.staticfiles: there are no static files to collect.")
    return None
