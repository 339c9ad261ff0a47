# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in examples/hooks tell a real server, in a run as a deploy is one. The scenario day2 has them in deploys."""

from __future__ import annotations

import pathlib
import sys

import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import playbook  # noqa: E402
import receiver as support  # noqa: E402
from receiver import SECRET  # noqa: E402

HOOKS = sorted(path.stem for path in (CHECKOUT / "examples/hooks").glob("*.yml"))
HOOK = {"app": "shop", "release": "20261120T201500Z-1a2b3c4", "previous": "20261119T201500Z-4c3b2a1", "version": "v1.2", "revision": "1a2b3c4d", "failure": ""}


@pytest.fixture(scope="module")
def receiver():
    with support.receiving() as server:
        yield server


@pytest.fixture
def run(tmp_path, receiver):
    """All files, on two hosts, any of which ends the run when it fails; the last one tells."""

    def run(given, phases=("after_activate",)):
        play = {
            "hosts": "all", "gather_facts": False, "connection": "local", "any_errors_fatal": True,
            "tasks": [{
                "ansible.builtin.include_tasks": str(CHECKOUT / "examples/hooks" / f"{name}.yml"),
                "vars": {"pyweb_hook": {**HOOK, "phase": phase, "failure": "the <b>disk</b> is full" if phase == "on_failure" else "",
                                        "last": "{{ inventory_hostname == 'web2' }}"}},
            } for phase in phases for name in HOOKS],
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        (tmp_path / "vault.yml").write_text(yaml.safe_dump(given))
        (tmp_path / "hosts").write_text("web1\nweb2\n")
        outcome = playbook.play(tmp_path / "play.yml", "-i", str(tmp_path / "hosts"), "-e", f"@{tmp_path}/vault.yml", "-vvv")
        assert SECRET not in outcome.output and receiver.listed == []
        assert outcome.status == 0 and all(figures["failed"] == 0 for figures in outcome.recap.values()), outcome.output
        # Each host got to the last file.
        assert all(figures["ok"] + figures["skipped"] >= 3 * len(play["tasks"]) for figures in outcome.recap.values()) and len(outcome.recap) == 2
        return outcome.output, receiver.taken()

    return run


def test_each_is_told_once(run, receiver):
    output, got = run(receiver.variables(), ("after_activate", "on_failure"))
    bodies = {}
    for path, token, body in got:
        assert token == (None if path.startswith("/services") else f"Bearer {SECRET}")
        bodies.setdefault(path, []).append(body)
    webhook, slack, marks = bodies[f"/hook/{SECRET}"], bodies[f"/services/{SECRET}"], bodies["/api/annotations"]
    assert webhook[0] == {**HOOK, "phase": "after_activate", "last": True, "host": "web2", "stage": "staging"}
    assert slack[0] == {"text": "shop v1.2 (20261120T201500Z-1a2b3c4) is live on staging."}
    # What is markup to them is text here.
    assert slack[1]["text"].endswith("failed on web2: the &lt;b&gt;disk&lt;/b&gt; is full") and "&lt;b&gt;" in marks[1]["text"]
    assert marks[0]["tags"] == ["pyweb", "shop", "after_activate", "staging"]
    assert bodies["/api/0/organizations/acme/releases/"][0] == {"version": "shop@1a2b3c4d", "projects": ["guestbook"]}
    assert bodies["/api/0/organizations/acme/releases/shop%401a2b3c4d/deploys/"][0] == {"environment": "staging", "name": HOOK["release"]}
    assert len(got) == 10 and "was not told" not in output


def test_an_answer_that_is_none_of_success_goes_no_further_and_a_server_that_is_down(run, receiver):
    receiver.status = 302
    given = receiver.variables()
    given["notify_grafana"]["url"] = "http://127.0.0.1:9"
    try:
        output, got = run(given)
    finally:
        receiver.status = None
    assert output.count("was not told of shop (status 302") == 3 and output.count("was not told of shop (status -1") == 1
    assert "/elsewhere" not in [path for path, _token, _body in got]


def test_what_it_needs_is_not_in_the_inventory(run, receiver):
    output, got = run({})
    assert output.count("was not told of shop (status none") == 4 and got == []
