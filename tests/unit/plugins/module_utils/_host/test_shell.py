# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands as people write them, run by the real bash."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import shell


def run(command):
    done = subprocess.run(shell.script(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=20)
    return done.returncode, done.stdout


@pytest.mark.parametrize("command, printed", [
    ("yes | head -n 1", "y\n"), ("yes | true", ""), ("yes | true\necho more", "more\n"),
    ("step() { yes | true; echo inside; }; step", "inside\n"), ("yes | true; echo one; yes | true; echo two", "one\ntwo\n"),
    ("echo all # a remark", "all\n"), ("if false; then :; fi", ""), ("exec echo replaced", "replaced\n"), ("cat <<END\ntext\nEND", "text\n"),
    ("found=$(false; echo text); echo $found", "text\n"),
])
def test_what_is_no_fault(command, printed):
    assert run(command) == (0, printed)


@pytest.mark.parametrize("command, status, printed", [
    ("yes | false", 1, ""), ("yes | true && echo no", 141, ""), ("yes | true; yes | true && echo no", 141, ""), ("yes | true; test -f /no && true", 1, ""),
    ("false | true", 1, ""), ("false\necho no", 1, ""), ("yes | true\nfalse\necho no", 1, ""), ("(false; echo no)", 1, ""),
    ("step() { yes | true; false; echo no; }; step\necho no", 1, ""), ("test -f /does/not/exist && true", 1, ""), ("exit 7", 7, ""),
    ("bash -c 'kill -PIPE $$'", 141, ""), ("bash -c 'kill -PIPE $$'; echo no", 141, ""), ("true | bash -c 'kill -PIPE $$'", 141, ""),
])
def test_what_is_a_fault(command, status, printed):
    assert run(command) == (status, printed)
