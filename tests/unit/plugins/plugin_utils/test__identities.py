# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.filter.identities import identities

PATH = "/var/lib/pyweb/shop/identity.json"


def run(source, domains, contents):
    return identities({"shop": {"app": {"source": source, "domains": domains}, "appserver": {"site": {"domain": domains[0]}}}}, contents)


def test_one_run_notes_what_another_one_reads():
    first = run({"path": "shop"}, ["a.example.com"], {"/var/lib/pyweb/shop/host.json": "{}"})
    assert (first["faults"], first["moved"], [(file["path"], file["mode"]) for file in first["files"]]) == ([], [], [(PATH, "0600")])
    contents = {PATH: first["files"][0]["content"]}
    # Its own again, with nothing to write.
    again = run({"path": "shop"}, ["a.example.com"], contents)
    assert again["faults"] == again["moved"] == [] and again["files"] == first["files"]
    moved = run({"path": "shop"}, ["b.example.com"], contents)
    assert moved["faults"] == [] and moved["files"] == first["files"] != moved["moved"] == run({"path": "shop"}, ["b.example.com"], {})["files"]
    # The same domains, and another one is the first.
    before = run({"path": "shop"}, ["b.example.com", "a.example.com"], {})["files"][0]["content"]
    both = run({"path": "shop"}, ["a.example.com", "b.example.com"], {PATH: before})
    assert both["faults"] == [] and len(both["moved"]) == 1
    other = run({"repo": "https://git.example.com/shop.git"}, ["b.example.com"], contents)
    assert len(other["faults"]) == 1 and "path shop" in other["faults"][0]
