# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's access log in both of its formats, and what the journal says."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import visits
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import logs

ID = "20261127T192524Z-ac1b651"
NOON = 1795780800.0  # 2026-11-27 12:00 UTC


def text(time="27/Nov/2026:12:00:00 +0000", status=200, request="GET / HTTP/1.1", release=ID):
    return f'192.0.2.7 - - [{time}] "{request}" {status} 174 "-" "agent" host=shop.example.com release={release} time=0.01 upstream=0.01 id=f363'


def as_json(**more):
    return json.dumps({"time": "2026-11-27T12:00:00+00:00", "status": 200, "release": ID, **more})


@pytest.mark.parametrize("line", [text(), as_json(), text("27/Nov/2026:07:00:00 -0500"), as_json(time="2026-11-27T13:00:00+01:00"),
                                  text(request='GET /\\x22 500 1 HTTP/1.1')], ids=["text", "json", "text in a zone", "json in a zone", "a quote in it"])
def test_both_formats(line):
    assert visits.parsed(line) == {"time": NOON, "status": 200, "release": ID, "line": line}


@pytest.mark.parametrize("line", ["", "{", "{}", "[]", '192.0.2.7 - - [27/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"', text("yesterday noon")])
def test_lines_of_others_are_left_out(line):
    assert visits.parsed(line) is None


STATUSES = {">=500": [500, 503], "404": [404], "=404": [404], "5xx": [500, 503], "< 300": [200], ">404": [500, 503], "<=302": [200, 302]}


@pytest.mark.parametrize("wanted, found", STATUSES.items())
def test_statuses(wanted, found):
    assert [status for status in (200, 302, 404, 500, 503) if visits.statuses(wanted)(status)] == found


@pytest.mark.parametrize("wanted", ["", "x", "600", "6xx", "=>500", "500,502", "5000"])
def test_what_is_no_status(wanted):
    with pytest.raises(HostError, match="^status is '.*': a status of HTTP with or without a sign before it is needed, such as >=500, 404 or 5xx.$"):
        visits.statuses(wanted)


def test_what_logrotate_has_put_away_counts_too(tmp_path):
    folder = tmp_path / "var/log/nginx"
    folder.mkdir(parents=True)
    hours = {"shop.access.log": 12, "shop.access.log.1": 11, "shop.access.log.2.gz": 10, "shop.access.log.3.gz": 1, "shop-two.access.log": 12}
    for name, hour in hours.items():
        lines = f"{text(f'27/Nov/2026:{hour:02}:00:00 +0000', 500)}\n{text(f'27/Nov/2026:{hour:02}:30:00 +0000')}\n"
        (folder / name).write_bytes(gzip.compress(lines.encode()) if name.endswith("gz") else lines.encode())
        os.utime(folder / name, (NOON + (hour - 12) * 3600 + 1800,) * 2)

    def found(since=0.0, until=NOON * 2, count=9):
        return [visit["time"] - NOON for visit in visits.visits("shop", since, until, lambda visit: visit["status"] == 500, count, str(tmp_path))]

    assert found() == [-39600, -7200, -3600, 0]
    assert found(count=2) == [-3600, 0]
    assert found(since=NOON - 7200, until=NOON - 1) == [-7200, -3600]


def test_what_the_journal_says():
    line = {"__REALTIME_TIMESTAMP": "1795780800500000", "_SYSTEMD_UNIT": f"pyweb.shop.worker-2.{ID}.service", "MESSAGE": "hello"}
    expected = {"time": NOON + 0.5, "source": "worker-2", "release": ID, "text": "hello"}
    assert logs.entry(json.dumps(line)) == expected
    # systemd's own words about a unit, and bytes that are no UTF-8.
    assert logs.entry(json.dumps({**line, "UNIT": line["_SYSTEMD_UNIT"], "_SYSTEMD_UNIT": "init.scope"})) == expected
    assert logs.entry(json.dumps({**line, "MESSAGE": [104, 105, 255]}))["text"] == "hi\ufffd"
    assert logs.entry(json.dumps({**line, "_SYSTEMD_UNIT": "pyweb.shop.service"})) is None
    assert logs.entry(json.dumps({**line, "MESSAGE": None})) is None


def test_one_process_is_all_of_its_instances():
    assert logs.patterns("shop", "worker", ID) == [f"pyweb.shop.worker.{ID}.service", f"pyweb.shop.worker-[0-9]*.{ID}.service"]
    assert logs.patterns("shop", None, None) == ["pyweb.shop.*.*.service"]
