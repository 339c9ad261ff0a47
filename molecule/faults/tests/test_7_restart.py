# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself goes down in mid-deploy: after boot the live release answers, and the next deploy needs no hand. Only in the full form."""

import pytest

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", autouse=True)
def nobody_notices():
    """In this file everybody does."""


def answers(server):
    """What comes back is what the link names, through nginx, and nothing else runs."""
    server.until(lambda: server.visit("/healthz")[0] == 200 and server.live() in server.visit("/healthz")[1], 60)
    server.until(lambda: server.visit("/", "blog")[0] == 200, 30)
    server.idle()
    server.until(lambda: server.up() == {server.live()}, 60)
    info = server.info()
    assert info["switch"] is None and info["releases"][server.live()]["state"] == "active"


def converges(server, wanted):
    outcome = server.deploy(**wanted)
    assert outcome.status == 0, outcome.output
    answers(server)
    outcome = server.deploy(**wanted)
    assert (outcome.status, outcome.changed) == (0, 0), outcome.output


def test_while_a_release_is_built(server):
    before, step = server.live(), "sleep 45.75"
    wanted = server.shop("two", build_env={"RESTART": "build"})
    deploy = server.begin("deploy", **{**wanted, "pyweb_app_overrides": {"shop": {"build_env": {"RESTART": "build"}, "build": ["mkdir -p public", step]}}})
    server.until(lambda: step in server.run("ps -eo args"), 90)
    server.restart()
    assert deploy.wait().status != 0
    answers(server)
    assert server.live() == before
    converges(server, wanted)


@pytest.mark.parametrize("moment", ["before the switch", "after the switch"])
def test_while_a_release_is_activated(server, moment):
    before = server.live()
    wanted = server.shop("one", env={"RESTART": moment})
    condition = {
        # New workers are up, and watched for two seconds; the old ones have been told to end.
        "before the switch": "test -e /var/lib/pyweb/shop/switch.json && "
                             "systemctl list-units --plain --no-legend --state=active 'pyweb.shop.worker.*' | grep -qv %s" % before,
        "after the switch": "[ $(basename $(readlink /srv/shop/current)) != %s ]" % before,
    }[moment]
    server.run("systemctl stop seen.service 2>/dev/null; rm -f /root/seen; systemd-run --quiet --collect --unit=seen bash -c %s",
               f"while ! {{ {condition}; }}; do sleep 0.01; done; touch /root/seen")
    deploy = server.begin("deploy", **wanted)
    server.until(lambda: server.shell.file("/root/seen").exists, 90)
    live = server.live()
    assert (live == before) is (moment == "before the switch")
    server.restart()
    deploy.wait()
    answers(server)
    converges(server, wanted)
