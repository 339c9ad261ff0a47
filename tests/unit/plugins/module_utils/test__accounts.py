# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _accounts as accounts

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
toor:x:0:0::/root:/bin/sh
admin:x:1000:1000::/home/admin:/bin/bash
robot:x:1001:1001::/home/robot:/usr/sbin/nologin
shop:x:990:990::/home/shop:/bin/bash
abroad:x:1002:1002::/srv/abroad:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
broken
"""


def test_homes_are_those_of_people():
    assert accounts.homes(PASSWD) == ["/home/admin"]


def test_notes_tell_what_to_look_at():
    shadow = "root:*:19000:0:99999:7:::\nguest::19000::::::\nkey:!:18000::::::\nold:$y$x:18000::::::\nnew:$y$x:19990::::::\nexpired:$y$x:0::::::\n"
    assert accounts.notes(PASSWD, shadow, 365, 20000) == [
        "toor has the user id 0, as root has",
        "guest needs no password",
        "old has a password that is 2000 days old",
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('Defaults\tenv_reset\nDefaults secure_path="/usr/sbin,bin"\n', ["env_reset", "secure_path"]),
        ("Defaults !use_pty, timestamp_timeout = 0\n", ["timestamp_timeout", "use_pty"]),
        ("Defaults env_reset, \\\n  use_pty\n", ["env_reset", "use_pty"]),
        # For one user only, and a comment.
        ("Defaults:admin !use_pty\n# Defaults logfile=/x\nadmin ALL=(ALL) ALL\n", []),
    ],
)
def test_sudo_settings(text, names):
    assert accounts.sudo_settings([text]) == names
