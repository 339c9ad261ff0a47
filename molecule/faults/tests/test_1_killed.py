# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller dies: at any moment of a deploy, and right after the switch. The tests follow one another."""

import os
import re
import time

import pytest

# Moments that are spread over the whole length of a deploy.
KILLS = 20 if os.environ.get("PYWEB_FULL") else 3


# No two runs of these tests have a round in common.
FIRST = int(time.time())


def round_number(number, **more):
    """The configuration of one round: other code, and a full build with an environment of the release's own."""
    number += FIRST
    configuration = {"env": {"ROUND": str(number)}, "build_env": {"ROUND": str(number)}, **more}
    return {"version": ("one", "two")[number % 2], "pyweb_app_overrides": {"shop": configuration}}


def good(server, number):
    """The site is the one of this round, all of it."""
    assert server.ask("/") == f"probe {('one', 'two')[(number + FIRST) % 2]}"
    assert server.environment()["ROUND"].decode() == str(number + FIRST)
    assert server.ask("/healthz").count(server.live())
    assert server.up() == {server.live()}


@pytest.fixture(scope="module")
def length(server):
    """Seconds that a deploy takes here."""
    begun = time.monotonic()
    outcome = server.deploy(**round_number(1))
    assert outcome.status == 0, outcome.output
    good(server, 1)
    return time.monotonic() - begun


@pytest.mark.parametrize("moment", [(number + 0.5) / KILLS for number in range(KILLS)])
def test_a_controller_that_is_killed_at_any_moment(server, length, moment, request):
    number = 100 + request.node.callspec.indices["moment"]
    before = server.live()
    deploy = server.begin("deploy", **round_number(number))
    time.sleep(length * moment)
    deploy.kill()
    live = server.live()
    assert server.state(live) in ("active", "superseded", "built")
    # Without waiting, and without a word to anybody.
    outcome = server.deploy(**round_number(number))
    if outcome.status != 0:
        (fault,) = outcome.messages
        assert "another step still runs on this host, started by " in fault, outcome.output
        server.idle()
        assert server.live() in (before, live)
        outcome = server.deploy(**round_number(number))
    assert outcome.status == 0, outcome.output
    server.until(lambda: server.up() == {server.live()}, 120)
    good(server, number)


def test_nothing_is_left_behind(server):
    number = 100 + KILLS - 1
    outcome = server.deploy(**round_number(number))
    assert (outcome.status, outcome.changed) == (0, 0), outcome.output
    info = server.info()
    assert info["lease"] is None
    known = set(info["releases"])
    assert set(server.run("ls /srv/shop/releases").split()) <= known
    assert set(server.run("ls -A /var/lib/pyweb/shop/releases").split()) == known
    units = {name.split(".")[3] for name in server.run("cd /etc/systemd/system && ls -d pyweb.shop.*.*.service").split()}
    assert units <= known
    assert server.run("ls /run/pyweb/shop").split() == [server.live()]
    # Names that begin with a dot are those of files that are being written.
    assert server.run("find /var/lib/pyweb /etc/pyweb /etc/systemd/system -name '.pyweb*'") == ""
    assert server.run("find /srv/shop -maxdepth 1 '(' -name '.*' -o -name 'current.*' ')'") == ""
    assert server.run("find /srv/shop/build -path '*/cache' -prune -o '(' -name '.git-*' "
                      "-o -path '/srv/shop/build/envs/.*' -o -path '*.git/*.lock' ')' -print") == ""
    assert server.run("pgrep -u shop-build || true") == ""
    assert server.run("systemctl list-units --plain --no-legend --all 'pyweb.shop.settle*'") == ""
    assert server.run("systemctl list-units --plain --no-legend --failed") == ""
    # Those that a kill has cut short are deleted like others: one is kept for a look.
    states = [release["state"] for release in info["releases"].values()]
    assert len([state for state in states if state in ("building", "failed", "built")]) <= 1, states
    assert len([state for state in states if state in ("active", "superseded")]) <= 3, states


@pytest.mark.full
def test_a_build_step_that_outlives_its_controller_is_waited_for(server):
    """The second deploy says who has started it and since when; nothing has to be unlocked."""
    step = "sleep 25.5"
    number = round_number(150, build=["mkdir -p public", step])
    first = server.begin("deploy", **number)
    server.until(lambda: step in server.run("ps -eo args"), 90)
    first.kill()
    outcome = server.deploy(**number)
    (fault,) = outcome.messages
    sentence = r"shop: release \S+ was not built: shop: another step still runs on this host, started by \S+@\S+ at \d{8}T\d{6}Z; wait until it is done\."
    assert re.fullmatch(sentence, fault), fault
    server.idle()
    built = max(server.info()["releases"])
    assert server.state(built) == "built"
    outcome = server.deploy(**number)
    assert outcome.status == 0, outcome.output
    assert server.live() == built, "what is built is not built again"
    good(server, 150)


def after_the_switch(server, number):
    """Kill the controller as soon as the link has moved; says what was live and what is."""
    before = server.live()
    watch = server.watch("/srv/shop/current")
    deploy = server.begin("deploy", **round_number(number))
    watch.wait()
    deploy.kill()
    assert server.live() != before
    return before


def test_the_next_deploy_completes_what_a_killed_one_has_begun(server):
    after_the_switch(server, 200)
    live = server.live()
    outcome = server.deploy(**round_number(200))
    assert outcome.status == 0, outcome.output
    assert server.live() == live and server.up() == {live}
    info = server.info()
    assert (info["lease"], info["switch"], info["releases"][live]["state"]) == (None, None, "active")
    outcome = server.deploy(**round_number(200))
    assert (outcome.status, outcome.changed) == (0, 0), outcome.output


@pytest.mark.full
def test_a_rollback_after_a_killed_deploy_goes_to_what_was_live_before_it(server):
    before = after_the_switch(server, 201)
    left = server.live()
    outcome = server.play("rollback")
    assert outcome.status == 0, outcome.output
    assert server.live() == before and server.up() == {before}
    assert server.state(left) == "bad"


@pytest.mark.full
def test_the_host_completes_a_switch_by_itself(server):
    """Its time is 90 seconds. Then the turn of the dead controller has ended, too."""
    after_the_switch(server, 203)
    live = server.live()
    server.until(lambda: server.info()["switch"] is None, 110)
    assert server.live() == live and server.up() == {live}
    assert server.info()["lease"] is None


@pytest.mark.full
def test_the_host_ends_by_itself_what_never_came_to_a_switch(server):
    before = server.live()
    # The worker is watched for two seconds before the switch.
    server.run("rm -f /run/seen; systemd-run --quiet --unit=seen sh -c 'while ! test -e /var/lib/pyweb/shop/switch.json; do sleep 0.01; done; touch /run/seen'")
    deploy = server.begin("deploy", **round_number(204))
    server.until(lambda: server.shell.file("/run/seen").exists, 90)
    deploy.kill()
    assert server.live() == before
    server.until(lambda: server.info()["switch"] is None, 150)
    assert server.live() == before and server.up() == {before}
    assert server.info()["lease"] is None
    outcome = server.deploy(**round_number(204))
    assert outcome.status == 0, outcome.output
    good(server, 204)
