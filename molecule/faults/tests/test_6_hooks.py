# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and files of tasks at every phase, pins, and what is deleted when. All of it only in the full form."""

import os
import pathlib

import pytest

pytestmark = pytest.mark.full
BUILD = ("before_fetch", "after_fetch", "before_build", "after_build")
RUN = ("before_migrate", "after_migrate", "before_activate", "after_activate")
# The build user cannot write where the application does.
NOTE = 'echo "$PYWEB_PHASE $(id -un) ${PYWEB_RELEASE:-none}" >> %s/hooks.log'
# The application's hooks have the sandbox of its processes; their /tmp, for one, is their own.
SANDBOX = 'grep -q "^NoNewPrivs:.1" /proc/self/status; echo > /tmp/of-a-hook'
HOOKS = {
    **{phase: [NOTE % "$HOME"] for phase in BUILD},
    **{phase: [NOTE % "$PYWEB_SHARED", SANDBOX] for phase in (*RUN, "on_rollback")},
    "on_failure": [NOTE % "$PYWEB_SHARED", SANDBOX, 'echo "$PYWEB_FAILURE" > $PYWEB_SHARED/failure'],
}
TASKS = """\
- name: Tell which release it is
  ansible.builtin.copy:
    content: "{{ pyweb_hook.app }} {{ pyweb_hook.release }}"
    dest: /run/hook-{{ pyweb_hook.app }}
    mode: "0644"
"""


@pytest.fixture(scope="module")
def hooks():
    """With a file of tasks beside the inventory."""
    path = pathlib.Path(os.environ["MOLECULE_INVENTORY_FILE"]).with_name("hook.yml")
    path.write_text(TASKS)
    return {**HOOKS, "after_activate": [*HOOKS["after_activate"], {"tasks": "hook.yml"}]}


def log(server):
    text = server.run("cat /srv/shop/build/home/hooks.log /srv/shop/shared/hooks.log 2>/dev/null; "
                      "rm -f /srv/shop/build/home/hooks.log /srv/shop/shared/hooks.log")
    return [line.split() for line in text.splitlines()]


def test_hooks_of_a_deploy_that_goes_well(server, hooks):
    log(server)
    outcome = server.deploy(**server.shop("one", hooks=hooks, build_env={"HOOKS": "1"}))
    assert outcome.status == 0, outcome.output
    live = server.live()
    assert log(server) == [[phase, "shop-build", live] for phase in BUILD] + [[phase, "shop", live] for phase in RUN]
    assert server.run("cat /run/hook-shop") == f"shop {live}"
    assert not server.shell.file("/tmp/of-a-hook").exists


def test_hooks_of_a_build_that_fails(server, hooks):
    """There is no release whose environment they could have."""
    outcome = server.deploy(**server.shop("one", hooks=hooks, build=["exit 7"]))
    assert outcome.status == 2
    assert [line for line in log(server) if line[0] == "on_failure"] == [["on_failure", "shop", "none"]]
    (message,) = outcome.messages
    assert message.splitlines()[0].endswith(server.run("cat /srv/shop/shared/failure")) and "And after that" not in message


def test_hooks_of_a_deploy_that_fails(server, hooks):
    live = server.live()
    outcome = server.deploy(**server.shop("exit", hooks=hooks))
    assert outcome.status == 2
    (phase, user, release), = [line for line in log(server) if line[0] == "on_failure"]
    assert user == "shop" and release != live == server.live()
    assert "is not healthy" in server.run("cat /srv/shop/shared/failure")


def test_hooks_of_a_rollback(server, hooks):
    outcome = server.play("rollback", **{**server.shop("one", hooks={**hooks, "on_rollback": [*hooks["on_rollback"], {"tasks": "hook.yml"}]}), "version": None})
    assert outcome.status == 0, outcome.output
    assert [line for line in log(server) if line[0] == "on_rollback"] == [["on_rollback", "shop", server.live()]]
    assert server.run("cat /run/hook-shop") == f"shop {server.live()}"


def older(server, release):
    """Copy the live release under an id of long ago, as if it had been live then."""
    live = server.live()
    server.run(f"cp -al /srv/shop/releases/{live} /srv/shop/releases/{release}; "
               f"cp -a /var/lib/pyweb/shop/releases/{live} /var/lib/pyweb/shop/releases/{release}; "
               f"sed -i 's/\"state\": \"[a-z]*\"/\"state\": \"superseded\"/; s/{live}/{release}/' /var/lib/pyweb/shop/releases/{release}/manifest.json")
    return release


def test_pinned_releases_stay_and_others_are_deleted_by_number_and_age(server):
    kept, gone = older(server, "20190101T000000Z-aaaaaaa"), older(server, "20200101T000000Z-aaaaaaa")
    for changed in (1, 0):
        outcome = server.play("pin", version=kept)
        assert (outcome.status, outcome.changed) == (0, changed), outcome.output
    outcome = server.deploy(**server.shop("one", env={"ROUND": "pins"}, keep_releases=50, keep_days=300))
    assert outcome.status == 0, outcome.output
    there = server.run("ls /srv/shop/releases").split()
    assert kept in there and gone not in there
    assert server.run("ls /var/lib/pyweb/shop/releases /etc/systemd/system").count(gone) == 0
    outcome = server.play("pin", version=kept, pinned=False)
    assert (outcome.status, outcome.changed) == (0, 1), outcome.output
    outcome = server.deploy(**server.shop("one", env={"ROUND": "no more pins"}, keep_releases=2))
    assert outcome.status == 0, outcome.output
    releases = server.info()["releases"]
    assert kept not in releases and server.live() in releases
    assert len([release for release in releases.values() if release["state"] in ("active", "superseded")]) == 2
    assert set(server.run("ls /srv/shop/releases").split()) == set(releases)


def test_releases_make_room_before_a_build(server):
    """With less than keep_free megabytes, only the live one and the one to go back to stay, and the build is tried."""
    for number in (1, 2):
        outcome = server.deploy(**server.shop("one", env={"ROUND": f"room {number}"}, keep_releases=9))
        assert outcome.status == 0, outcome.output
    outcome = server.deploy(**server.shop("two", env={"ROUND": "room 3"}, keep_releases=9, keep_free=10**8))
    assert outcome.status == 0, outcome.output
    good = [release for release in server.info()["releases"].values() if release["state"] in ("active", "superseded")]
    assert len(good) == 2, [release["release"] for release in good]
