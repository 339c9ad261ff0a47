# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user gives a release."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps, _shown
from ansible_collections.pyweb.stack.plugins.plugin_utils._files import as_text, checked_files

APP = {"source": {"repo": "https://git.example.com/shop.git"}, "processes": {"web": {"wsgi": "shop:app"}}}


def test_a_text_or_a_mapping():
    found = checked_files("files", {"a/b.py": "A = 1", "c": {"content": "x", "build": True}, "d": {"content": ""}}, [])
    assert found == {"a/b.py": {"content": "A = 1", "build": False}, "c": {"content": "x", "build": True}, "d": {"content": "", "build": False}}
    # As a role is given them, and as a playbook hands them over.
    assert as_text(found) == as_text({"d": {"content": ""}, "c": {"content": "x", "build": True}, "a/b.py": "A = 1"})
    assert as_text({}) == as_text(None) == ""


@pytest.mark.parametrize("files, shared, words", [
    ({"../x": "s3cret"}, [], "inside the release"), ({"/etc/x": "s3cret"}, [], "inside the release"), ({".venv/x": "s3cret"}, [], "inside the release"),
    ({"a b": "s3cret"}, [], "inside the release"), ({"a/": "s3cret"}, [], "slash"),
    ({"a": 1}, [], "files.a is a int"), ({"a": ["s3cret"]}, [], "files.a is a list"), ({"a": None}, [], "files.a"), ({"a": {"text": "s3cret"}}, [], "content"),
    ({"a": {"content": 5}}, [], "quotes"), ({"a": {"content": "s3cret", "build": "yes"}}, [], "true or false"),
    ({"a": {"content": "s3cret", "mode": "0600"}}, [], "content"), ({"a": "x" * (1 << 20) + "x"}, [], "bytes"),
    ({"a": "s3cret", "a/b": "s3cret"}, [], "another of these files"),
    ({"media/a": "s3cret"}, ["media"], "media is shared"), ({"a": "s3cret"}, ["a"], "a is shared"), ({"a": "s3cret"}, ["a/b"], "a/b is shared"),
])
def test_what_is_refused_shows_no_content(files, shared, words):
    with pytest.raises(AppsError, match=words) as caught:
        checked_files("files", files, shared)
    assert "s3cret" not in str(caught.value) and "\n" not in str(caught.value)


def test_in_an_application():
    (resolved,) = _apps.resolve({"shop": {**APP, "files": {"local.py": "s3cret"}}})
    assert resolved["app"]["files"] == {"local.py": {"content": "s3cret", "build": False}}
    # What they are is told by a digest that is keyed on the host, with the secrets.
    assert resolved["app"]["config_digest"] == _apps.resolve({"shop": APP})[0]["app"]["config_digest"]
    shown = _shown.shown({"shop": {**APP, "files": {"local.py": "s3cret", "b": {"content": "s3cret", "build": True}}}})
    assert shown["shop"]["files"] == {"local.py": "********", "b": {"content": "********", "build": True}}
