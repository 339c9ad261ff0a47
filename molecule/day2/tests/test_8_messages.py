# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks of examples/hooks tell of a deploy, a rollback and a failure, to a server that refuses what the services would refuse."""

import json
import os
import pathlib
import shutil

import pytest

import receiver as support
from playbook import CHECKOUT
from receiver import SECRET

SENT = {"after_activate": ("grafana", "sentry", "slack", "webhook"), "on_rollback": ("grafana", "sentry", "slack", "webhook"),
        "on_failure": ("grafana", "slack", "webhook")}
# How the paths begin by which each is told.
PATHS = {"webhook": "/hook/", "slack": "/services/", "grafana": "/api/annotations", "sentry": "/api/0/"}


@pytest.fixture(scope="module")
def receiver():
    with support.receiving() as server:
        yield server


@pytest.fixture(scope="module")
def tell(fleet, receiver, tmp_path_factory):
    """A play of the application blog with all of the hooks, which lie beside the inventory as the page has it; what was sent to whom."""
    beside = pathlib.Path(os.environ["MOLECULE_INVENTORY_FILE"]).with_name("hooks")
    shutil.copytree(CHECKOUT / "examples" / "hooks", beside, dirs_exist_ok=True)
    vault = tmp_path_factory.mktemp("vault") / "vault.yml"
    hooks = {phase: [{"tasks": f"hooks/{name}.yml"} for name in names] for phase, names in SENT.items()}

    def tell(playbook_name, exit_status=0, given=None, **settings):
        # In a file, as a vault is one: what stands in a command line is seen by all.
        vault.write_text(json.dumps(given or receiver.variables()))
        overrides = {"blog": {"hooks": hooks, **settings}}
        outcome = fleet.play(playbook_name, "-e", f"@{vault}", exit_status=exit_status, app="blog", pyweb_app_overrides=overrides)
        assert SECRET not in outcome.output and receiver.listed == []
        sent = {name: [] for name in PATHS}
        for path, _token, body in receiver.taken():
            (name,) = (name for name, beginning in PATHS.items() if path.startswith(beginning))
            sent[name].append(body)
        return outcome, sent

    yield tell
    shutil.rmtree(beside)
    fleet.play("deploy", app="blog")


def manifest(fleet):
    """Of the live release, which is the same on all hosts."""
    (live,) = set(fleet.live("blog").values())
    return {**json.loads(fleet.run(fleet.names[0], f"cat /var/lib/pyweb/blog/releases/{live}/manifest.json")), "release": live}


def test_a_deploy_is_told_once(fleet, tell):
    before = fleet.live("blog")[fleet.names[0]]
    outcome, sent = tell("deploy", env={"COLOUR": "green"})
    live = manifest(fleet)
    assert live["release"] != before and "was not told" not in outcome.output, outcome.output
    (webhook,), (slack,), (mark,), (release, deploy) = sent["webhook"], sent["slack"], sent["grafana"], sent["sentry"]
    assert webhook["host"] in fleet.names and (webhook["phase"], webhook["stage"], webhook["failure"]) == ("after_activate", "staging", "")
    assert (webhook["app"], webhook["release"], webhook["previous"], webhook["revision"]) == ("blog", live["release"], before, live["revision"])
    assert live["release"] in slack["text"] and slack["text"].endswith("is live on staging.")
    assert mark["tags"] == ["pyweb", "blog", "after_activate", "staging"] and live["release"] in mark["text"]
    # What the application would say to Sentry itself.
    assert release == {"version": f"blog@{live['revision']}", "projects": ["guestbook"]}
    assert deploy == {"environment": "staging", "name": live["release"]}


def test_a_deploy_with_nothing_to_do_tells_nobody(tell):
    outcome, sent = tell("deploy", env={"COLOUR": "green"})
    assert outcome.changed == 0 and not any(sent.values())


def test_a_rollback_is_told_once(fleet, tell):
    before = fleet.live("blog")[fleet.names[0]]
    outcome, sent = tell("rollback", env={"COLOUR": "green"})
    live = manifest(fleet)
    assert live["release"] != before and "was not told" not in outcome.output, outcome.output
    assert [len(bodies) for bodies in sent.values()] == [1, 1, 1, 2]
    assert (sent["webhook"][0]["phase"], sent["webhook"][0]["release"], sent["webhook"][0]["previous"]) == ("on_rollback", live["release"], before)
    assert "is live again on staging, in place of " + before in sent["slack"][0]["text"]
    assert sent["sentry"][1]["name"] == live["release"]


def test_a_failure_is_told_by_each_host(fleet, tell):
    before = fleet.live("blog")
    outcome, sent = tell("deploy", exit_status=2, build=["echo 'no <b>room</b> & no time' >&2; exit 7"])
    assert fleet.live("blog") == before and "was not told" not in outcome.output, outcome.output
    assert {body["host"] for body in sent["webhook"]} == set(fleet.names) and not sent["sentry"]
    assert all(body["phase"] == "on_failure" and body["failure"] and "\n" not in body["failure"] for body in sent["webhook"])
    assert len(sent["slack"]) == len(sent["grafana"]) == len(fleet.names)
    assert all(any(f"failed on {name}: " in body["text"] for body in sent["slack"]) for name in fleet.names)


def test_nobody_answers_and_a_wrong_token(fleet, receiver, tell):
    """The deploy goes on, and says who was not told."""
    given = receiver.variables()
    given["notify_slack"]["url"] = "http://127.0.0.1:9/services/T0/B0"
    given["notify_sentry"]["token"] = given["notify_grafana"]["token"] = "another"
    outcome, sent = tell("deploy", given=given, env={"COLOUR": "yellow"})
    told = " ".join(outcome.output.split())
    assert "Sentry was not told of blog (status 401, 401)" in told and "Grafana was not told of blog (status 401)" in told, outcome.output
    assert "The channel was not told of blog (status -1)" in told and "The webhook was not told" not in told, outcome.output
    assert len(sent["webhook"]) == 1 and sent["webhook"][0]["release"] == manifest(fleet)["release"]
