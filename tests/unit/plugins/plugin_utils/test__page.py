# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report as a browser reads it."""

from __future__ import annotations

import html.parser
import pathlib
import re
import sys

from ansible_collections.pyweb.stack.plugins.plugin_utils import _page, _status

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))

from looked import A, B, MACHINE, NOW, host, one, process  # noqa: E402


class Reader(html.parser.HTMLParser):
    """Text, links, and whether what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.links, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page(hosts, urls=None):
    text = _page.page(_status.report(hosts, NOW, urls))
    reader = Reader(text)
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split()), text


def entry(time, action="activate", **more):
    return {"time": time, "action": action, "release": B, "from": A, "by": "she@there", "since": "x", **more}


def test_it_needs_nothing_from_elsewhere():
    reader, _words, text = page({"web1": host(shop=one())}, {"shop": "https://shop.example.com/"})
    assert reader.links == ["https://shop.example.com/"] and not {"script", "img", "link", "iframe"} & set(reader.tags)
    assert "url(" not in text and "@import" not in text
    assert all(part in text for part in ("prefers-color-scheme: dark", "max-width: 48rem", "@media print", 'name="viewport"'))


def test_what_runs_where():
    _reader, words, _text = page({"web1": host(shop=one()), "web2": host(shop=one())})
    assert "1 application on 2 hosts, looked at on 2026-11-03 05:00 UTC" in words and "All is well" in words and "What needs somebody" not in words
    assert words.count(B) == 2 and "200 in 12 ms" in words and "40.0 GB of 100.0 GB (40 %)" in words and MACHINE["system"] in words


def test_what_is_wrong_stands_out():
    machine = {"reboot": "a kernel", "updates": {"packages": ["a", "b"], "security": ["a"]}}
    down = one(processes=[process("web", state="failed")], health={"path": "/", "status": 500, "seconds": 1, "fault": "GET / answers 500"})
    reader, words, text = page({"web1": host(machine, shop=down), "web2": None})
    assert "3 problems" in words and "Problem, shop on web1: its process web is failed." in words and "cannot be reached" in words
    assert '<li class="problem">' in text and '<span class="bad">500 UNWELL</span>' in text and "due: a kernel" in words


def test_what_expires_is_in_order():
    soon, later = ({"path": "/c", "expires": moment, "self_signed": False} for moment in ("20261110T050000Z", "20261201T050000Z"))
    _reader, words, _text = page({"web1": host(shop=one(certificate=later), blog=one(certificate=soon), wiki=one())})
    listed = words.partition("What expires")[2].partition("What has happened")[0]
    assert re.search("blog web1 2026-11-10 05:00 7 days shop web1 2026-12-01 05:00 28 days", listed) and "wiki" not in listed


def test_what_happened_on_several_hosts_is_one_line():
    history = [entry("20261101T000000Z", release=A, **{"from": None}), entry("20261102T000000Z")]
    back = entry("20261102T010000Z", "return", release=A, why="it does not answer", **{"from": B})
    _reader, words, text = page({"web1": host(shop=one(history=history)), "web2": host(shop=one(history=[*history, back]))})
    listed = words.partition("What has happened")[2]
    lines = ("automatic return: it does not answer", f"deploy {B} {A} she@there web1, web2", f"deploy {A} she@there web1, web2")
    found = [listed.index(line) for line in lines]
    assert found == sorted(found)
    assert ">None<" not in text


def test_what_hosts_say_is_text():
    evil = "<script>alert(1)</script>\"'&"
    reader, words, _text = page({evil: host(shop=one(version=evil, by=evil, damage=evil))}, {"shop": f"https://{evil}/"})
    assert "script" not in reader.tags and evil in " ".join(reader.text)


def test_backups_have_a_column_where_some_are_made():
    made = {"last": {"time": "20261103T030000Z", "snapshot": "a1b2c3d4"}, "failure": None, "period": 86400, "since": NOW}
    late = {**made, "failure": {"time": "20261103T040000Z", "error": "the disk is full"}}
    _reader, words, text = page({"web1": host(shop=one(backup=made)), "web2": host(shop=one(backup=late)), "web3": host(shop=one(backup=None))})
    assert words.count("Backup") == 1 and '<td data-name="Backup">2 h</td>' in text and '<span class="bad">2 h, FAILED since</span>' in text
    assert "NONE YET" in page({"web1": host(shop=one(backup={**made, "last": None}))})[1]
    assert "Backup" not in page({"web1": host(shop=one())})[1]
