# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy lock: one process at a time, and the lease between the steps of a deploy."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, write_file


MINE = {"token": "mine", "by": "me@here", "place": "p", "pid": 1, "start": "1"}
THEIRS = {"token": "theirs", "by": "she@there", "place": "q", "pid": 2, "start": "2"}


def test_the_lease_between_the_steps(app):
    with app.lock.hold(THEIRS):
        pass
    held = read_json(app.paths.lease)
    assert (held["by"], held["until"] > time.time() + 60) == ("she@there", True)
    with pytest.raises(HostError, match=r"^she@there has been deploying since \d{8}T\d{6}Z; wait .*30 minutes"):
        with app.lock.hold(MINE):
            raise AssertionError
    app.lock.drop("mine")
    assert os.path.exists(app.paths.lease)
    app.lock.drop("theirs")
    with app.lock.hold(MINE):
        pass


@pytest.mark.parametrize("held, lease, taken", [
    ({**MINE, "since": "then", "until": 9e9}, MINE, True),  # the next step of the same deploy
    ({**THEIRS, "since": "then", "until": 9e9}, MINE, False),
    ({**THEIRS, "since": "then", "until": 1.0}, MINE, True),  # its time is over
    ({**THEIRS, "since": "then", "until": 9e9}, {**MINE, "takes_over": "theirs"}, True),  # its run is dead
    ({**THEIRS, "since": "then", "until": 9e9}, {**MINE, "takes_over": "another"}, False),
])
def test_who_gets_the_lease(app, held, lease, taken):
    write_file(app.paths.lease, json.dumps(held))
    if taken:
        app.lock.take(lease)
        now = read_json(app.paths.lease)
        assert now["token"] == "mine" and (now["since"] == "then") is (held["token"] == "mine")
    else:
        with pytest.raises(HostError):
            app.lock.take(lease)
        assert read_json(app.paths.lease) == held


def test_the_lock_of_a_process_that_still_runs(host, app):
    """Whatever the lease says: a step whose controller died is waited for, and ends with its process."""
    write_file(app.paths.lease, json.dumps({**MINE, "since": "then", "until": 1.0}))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with app.lock.hold(None):
            os.write(writer, b"x")
            time.sleep(60)
        os._exit(0)
    try:
        os.read(reader, 1)
        with pytest.raises(HostError, match="^another step still runs on this host, started by me@here at then; wait until it is done.$"):
            with app.lock.hold(MINE, wait=0.0):
                raise AssertionError
        # Another application does not wait.
        pass_by = host.App("blog")
        os.makedirs(pass_by.paths.state)
        with pass_by.lock.hold(MINE, wait=0.0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with app.lock.hold(MINE, wait=0.0):
        pass


def test_a_lock_that_is_free_soon_is_waited_for(app):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with app.lock.hold(None):
            os.write(writer, b"x")
            time.sleep(0.15)
        os._exit(0)
    os.read(reader, 1)
    with app.lock.hold(MINE, wait=5.0):
        pass
    os.waitpid(child, 0)
