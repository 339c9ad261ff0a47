# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _nginx_info as info


def process(pid=2, parent=1, title="nginx: worker process", started=100.0, groups=()):
    return info.Process(pid, parent, title, started, frozenset(groups))


def test_workers_are_those_of_this_master_that_take_requests():
    workers = [process(pid=2), process(pid=3)]
    others = [
        process(pid=4, title="nginx: worker process is shutting down"),
        process(pid=5, title="nginx: cache manager process"),
        process(pid=6, parent=99),
    ]
    assert info.workers_of(workers + others, 1) == workers


@pytest.mark.parametrize(
    ("workers", "newest", "required", "needed"),
    [
        ([process(started=100)], 99.0, set(), False),
        ([process(started=100)], 100.5, set(), True),
        ([process(started=100), process(started=90)], 95.0, set(), True),
        ([process(groups={33, 990})], 99.0, {990}, False),
        ([process(groups={33})], 99.0, {990}, True),
        ([], 99.0, {990}, False),
    ],
)
def test_reload_is_needed_when_a_worker_is_older_than_what_it_should_know(workers, newest, required, needed):
    assert info.reload_needed(workers, newest, frozenset(required)) is needed


@pytest.mark.parametrize(
    ("master", "newest", "needed"), [(None, 5.0, False), (process(started=4), 5.0, True), (process(), 5.0, False)]
)
def test_restart_is_needed_when_the_master_is_older(master, newest, needed):
    assert info.restart_needed(master, newest) is needed


def test_membership():
    members = {"shop-web": (990, ["www-data", "shop"]), "blog-web": (991, []), "www-data": (33, [])}
    found = info.membership(["shop-web", "blog-web", "www-data", "gone"], 33, members, "www-data")
    assert found == info.Membership(missing=["gone"], to_join=["blog-web"], joined=frozenset({990, 33}))


def test_the_log_tells_the_last_serious_lines():
    log = "1 [notice] signal\n2 [emerg] bind() failed\n3 [error] upstream\n4 [alert] x\n5 [emerg] y\n5 [emerg] y\n6 [emerg] z\n"
    assert info.serious_lines(log) == ["4 [alert] x", "5 [emerg] y", "6 [emerg] z"]


def test_a_name_with_spaces_and_parentheses_does_not_confuse():
    text = "7 (a ) S 9) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123450 1000 20 30"
    assert info.parse_start(text, 100) == 1234.5


def test_this_process_is_read_as_it_is():
    (own,) = info.read_processes([os.getpid()])
    assert own.parent == os.getppid()
    assert own.groups == frozenset(os.getgroups())
    assert "python" in own.title or "pytest" in own.title
    assert time.time() - 3600 < own.started < time.time()


def test_children_are_found():
    with subprocess.Popen(["sleep", "30"]) as child:
        assert child.pid in info.children_of(os.getpid())
        child.kill()


def test_a_process_that_has_ended_is_left_out():
    assert info.read_processes([2**22 + 1]) == []
    assert info.children_of(2**22 + 1) == []


def test_content_is_as_old_as_it_says_and_links_are_followed(tmp_path):
    target = tmp_path / "target"
    target.touch()
    os.utime(target, (5000, 5000))
    (tmp_path / "a.conf").symlink_to(target)
    (tmp_path / "b.conf").symlink_to(tmp_path / "nothing")
    assert info.newest_content([str(tmp_path / "*.conf")]) == 5000
    assert info.newest_content([str(tmp_path / "none")]) == 0


def test_a_certificate_that_was_copied_with_its_times_is_new(tmp_path):
    target = tmp_path / "target"
    target.touch()
    os.utime(target, (5000, 5000))
    link = tmp_path / "link"
    link.symlink_to(target)
    assert info.newest_change([str(target)]) == target.stat().st_ctime
    assert info.newest_change([str(link)]) == link.lstat().st_ctime
    assert info.newest_change([str(tmp_path / "none")]) == 0


def test_only_the_end_of_a_log_is_read(tmp_path):
    log = tmp_path / "error.log"
    log.write_bytes(b"\xff" * 100 + b"end")
    assert info.read_tail(str(log), size=3) == "end"
    assert info.read_tail(str(tmp_path / "none")) == ""
