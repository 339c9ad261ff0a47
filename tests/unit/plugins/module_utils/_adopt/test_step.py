# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a take-over: in which order, and what is as before when one fails."""

from __future__ import annotations

import getpass
import os
import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._adopt.step import Step, StepError

WEB = "pyweb.shop.web.20261120T201500Z-1a2b3c4.service"


class Host:
    """A host in a directory. Commands are written down, and the one that C(fails) names ends with 1."""

    def __init__(self, root, fails="nothing"):
        self.root, self.fails, self.said = root, fails, []
        (root / "srv" / "shop").mkdir(parents=True)
        (root / "srv" / "shop" / "current").symlink_to("releases/20261120T201500Z-1a2b3c4")
        (root / "etc" / "nginx" / "conf.d").mkdir(parents=True)
        (root / "old").mkdir()
        (root / "old" / "one").write_text("1")
        self.ours = root / "etc" / "nginx" / "conf.d" / "pyweb.site.shop.conf"
        self.sites = [root / "etc" / "nginx" / "shop.conf", root / "etc" / "nginx" / "enabled"]
        self.sites[0].write_text("server {}\n")
        self.sites[1].symlink_to("shop.conf")
        bin_ = root / "bin"
        bin_.mkdir()
        for name in ("systemctl", "nginx"):
            (bin_ / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {root}/script\n')
            (bin_ / name).chmod(0o755)
        self.step = Step(self.run, "shop", str(root))
        self.pairs = [{"source": f"{root}/old", "target": f"{root}/new"}]

    def run(self, command):
        self.said.append(" ".join(command))
        if command[0] == "/bin/bash" and command[1] != "-c":
            done = subprocess.run(command, env={"PATH": f"{self.root}/bin:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr
        return (1, "", "it does not want to") if self.fails in self.said[-1] else (0, "", "")

    def hold(self):
        self.step.hold([str(site) for site in self.sites], ["shop.service"], [], True)

    def take(self):
        self.step.take(self.pairs, ["shop.socket", "shop.service"], [], getpass.getuser(), 0)


@pytest.fixture
def taken(tmp_path):
    """The application is called as the account that the test runs as: it gets the data."""
    host = Host(tmp_path)
    host.step.copy = lambda pairs, user, copy=host.step.copy: copy(pairs, getpass.getuser())
    return host


def test_new_processes_stand_still_before_the_site_changes_hands(taken):
    taken.hold()
    assert taken.said[-1] == f"systemctl kill -s STOP {WEB}" and "systemd-run" in taken.said[-2]
    assert not any(os.path.lexists(site) for site in taken.sites) and taken.step.state() == "held"


def test_taken(taken):
    taken.hold()
    taken.ours.write_text("server {}\n")
    del taken.said[:]
    taken.take()
    assert taken.said == ["systemctl stop pyweb-adopt-shop.timer", "systemctl stop shop.socket", "systemctl stop shop.service",
                          "systemctl disable --quiet shop.socket shop.service", f"systemctl kill -s CONT {WEB}"]
    assert (taken.root / "new" / "one").read_text() == "1" and taken.step.state() == "taken"


def test_without_data_nobody_waits_and_nothing_is_cut_off(taken):
    taken.step.hold([str(site) for site in taken.sites], ["shop.service"], [], False)
    assert "kill" not in "".join(taken.said)
    taken.step.undo()
    assert (taken.root / "script").read_text().splitlines() == ["systemctl start shop.service", "nginx -t -q", "systemctl reload nginx.service"]


@pytest.mark.parametrize("fails", ["systemctl stop shop.service", "systemctl disable"])
def test_what_fails_is_undone(taken, fails):
    taken.hold()
    taken.ours.write_text("server {}\n")
    taken.fails = fails
    with pytest.raises(StepError, match="does not want to"):
        taken.take()
    assert taken.step.state() == "new" and not taken.ours.exists()
    assert taken.sites[0].read_text() == "server {}\n" and os.readlink(taken.sites[1]) == "shop.conf"
    script = (taken.root / "script").read_text().splitlines()
    # What has waited for the new processes would be written to data that are given up.
    assert script == ["systemctl start shop.service", "nginx -t -q", "systemctl reload nginx.service", f"systemctl kill -s KILL {WEB}",
                      f"systemctl stop {WEB}", f"systemctl reset-failed {WEB}", f"systemctl start --no-block {WEB}"]
    taken.step.undo()
    assert (taken.root / "script").read_text().splitlines() == script, "undone twice"


def test_given_back(taken):
    taken.hold()
    taken.ours.write_text("server {}\n")
    taken.take()
    (taken.root / "new" / "two").write_text("2")
    del taken.said[:]
    taken.step.give_back()
    assert (taken.root / "old" / "two").read_text() == "2" and taken.step.state() == "new"
    assert all(os.path.lexists(site) for site in taken.sites) and not taken.ours.exists()
    assert taken.said.index("systemctl kill -s STOP shop.service") < taken.said.index("systemctl reload nginx.service") < taken.said.index(
        "systemctl stop pyweb.shop.*") < taken.said.index("systemctl kill -s CONT shop.service")


def test_a_way_back_that_nginx_refuses_changes_nothing(taken):
    taken.hold()
    taken.ours.write_text("server {}\n")
    taken.take()
    taken.fails = "nginx -t"
    with pytest.raises(StepError):
        taken.step.give_back()
    assert taken.ours.exists() and not any(os.path.lexists(site) for site in taken.sites) and taken.step.state() == "taken"
    assert taken.said[-1] == "systemctl disable --quiet --now shop.socket shop.service"


def test_a_link_in_the_old_directory_leads_to_data(taken):
    (taken.root / "link").symlink_to("old")
    copier = taken.step.copy([{"source": f"{taken.root}/{name}", "target": f"{taken.root}/to-{name}"} for name in ("link", "none")], "")
    assert (taken.root / "to-link" / "one").read_text() == "1" and not os.path.islink(taken.root / "to-link") and copier.files == 1
    assert not os.path.lexists(taken.root / "to-none")


@pytest.mark.parametrize("fails", ["systemctl stop pyweb.shop.*", "systemctl disable --quiet --now pyweb.shop.service"])
def test_a_way_back_that_fails_at_its_end_leaves_the_new_ones_serving(taken, fails):
    """With their data: a second try would copy over what the old ones have written meanwhile."""
    taken.hold()
    taken.ours.write_text("server {}\n")
    taken.take()
    taken.fails = fails
    with pytest.raises(StepError):
        taken.step.give_back()
    assert taken.ours.exists() and not any(os.path.lexists(site) for site in taken.sites) and taken.step.state() == "taken"
    assert taken.said[-4:] == ["systemctl enable --quiet --now pyweb.shop.service", "systemctl reload nginx.service",
                               "systemctl kill -s KILL shop.service", "systemctl disable --quiet --now shop.socket shop.service"]
    taken.fails = "nothing"
    taken.step.give_back()
    assert taken.step.state() == "new" and taken.sites[0].read_text() == "server {}\n" and not taken.ours.exists()


def test_there_is_nothing_to_give_back(taken):
    with pytest.raises(StepError, match="nothing to give back"):
        taken.step.give_back()
