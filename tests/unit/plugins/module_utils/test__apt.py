# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _apt as apt

FRONTEND = """E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)
E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?
"""
LISTS = """Reading package lists...
E: Could not get lock /var/lib/apt/lists/lock. It is held by process 9 (apt-get)
E: Unable to lock directory /var/lib/apt/lists/
"""
UNKNOWN = "E: Could not get lock /var/lib/dpkg/lock-frontend. Some reason.\n"
FORBIDDEN = """E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)
E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?
"""
DPKG = "dpkg: error: dpkg frontend lock was locked by another process with pid 12\nE: Sub-process /usr/bin/dpkg returned an error code (2)\n"


@pytest.mark.parametrize(
    "said, holder",
    [
        (FRONTEND, "unattended-upgr (process 812), which holds /var/lib/dpkg/lock-frontend"),
        (LISTS, "apt-get (process 9), which holds /var/lib/apt/lists/lock"),
        (UNKNOWN, "somebody, who holds /var/lib/dpkg/lock-frontend"),
        (DPKG, "another program"),
        (FORBIDDEN, ""),
        ("E: Unable to locate package nonsense\n", ""),
        ("", ""),
    ],
)
def test_who_uses_apt_is_told(said, holder):
    assert apt.held_by(said) == holder


def test_what_a_simulation_would_upgrade():
    said = """Inst libzstd1 [1.5.4+dfsg2-5] (1.5.4+dfsg2-5+deb12u1 Debian-Security:12/oldstable-security [amd64])
Inst linux-image-amd64 (6.1.1 Debian:12.9/oldstable [amd64])
Conf libzstd1 (1.5.4+dfsg2-5+deb12u1 Debian-Security:12/oldstable-security [amd64])
"""
    assert apt.simulated(said) == ["libzstd1", "linux-image-amd64"]
    assert apt.simulated("Reading package lists...\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n") == []


def test_an_error_is_one_line():
    said = "Reading package lists...\nW: old\nE: Unable to locate package a\nE: Unable to locate package b.\nE: Unable to locate package a\n"
    assert apt.errors(said) == "Unable to locate package a; Unable to locate package b"
    assert apt.errors("sh: apt-get: not found\n") == "sh: apt-get: not found"


FAILED_SCRIPT = """Setting up brokenthing (1) ...
cannot reach licence server
dpkg: error processing package brokenthing (--configure):
 installed brokenthing package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 brokenthing

E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
PINNED = """The following packages have unmet dependencies:
 sl : Depends: libncurses6 (>= 6) but it is not installable
      Depends: libgpm2 but it is not installable

E: Unable to correct problems, you have held broken packages.
E: The following information from --solver 3.0 may provide additional context:
   Unable to satisfy dependencies. Reached two conflicting decisions:
"""
ON_HOLD = """The following held packages will be changed:
  sl
0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.

E: Held packages were changed and -y was used without --allow-change-held-packages.
"""
READ_ONLY = """dpkg: error: unable to access the dpkg database directory /var/lib/dpkg: Read-only file system

E: Sub-process /usr/bin/dpkg returned an error code (2)
"""


@pytest.mark.parametrize(
    "said, expected",
    [
        (FAILED_SCRIPT, "dpkg: error processing package brokenthing (--configure): installed brokenthing package post-installation script subprocess"
                        " returned error exit status 1; mend or purge that package"),
        (PINNED, "The following packages have unmet dependencies: sl : Depends: libncurses6 (>= 6) but it is not installable, Depends: libgpm2 but it"
                 " is not installable; Unable to correct problems, you have held broken packages; a pin, a hold"),
        (ON_HOLD, "The following held packages will be changed: sl; Held packages were changed and -y was used without --allow-change-held-packages;"
                  " when that hold is no longer meant, end it by 'sudo apt-mark unhold'"),
        (READ_ONLY, "dpkg: error: unable to access the dpkg database directory /var/lib/dpkg: Read-only file system; that file system can only be read"),
        (FORBIDDEN, "Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied); Unable to acquire the dpkg frontend lock"
                    " (/var/lib/dpkg/lock-frontend), are you root?; root is needed: set become: true"),
    ],
)
def test_an_error_names_the_package_that_is_in_the_way(said, expected):
    assert apt.errors(said).startswith(expected)


@pytest.mark.parametrize(
    "said, remedy",
    [
        ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. \n", "; do that on the host"),
        ("E: Release file for http://deb.example.com/InRelease is not valid yet (invalid for another 3h 2min).\n", "set-ntp true"),
        ("E: Release file for http://deb.example.com/InRelease is expired (invalid since 9d).\n", "another mirror"),
        ("E: Repository 'http://deb.example.com x InRelease' changed its 'Suite' value from 'testing' to 'stable'\n", "--allow-releaseinfo-change"),
        ("E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).\n", "--fix-broken install"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.\n", "sudo apt-get clean"),
    ],
)
def test_an_error_that_people_meet_has_its_remedy(said, remedy):
    words = apt.errors(said)
    assert remedy in words and "\n" not in words and not words.endswith(".")


@pytest.mark.parametrize(
    "said, expected",
    [
        ("0 upgraded, 0 newly installed, 0 to remove and 4 not upgraded.\n", False),
        ("0 upgraded, 2 newly installed, 0 to remove and 4 not upgraded.\n", True),
        ("Reading...\n1 upgraded, 0 newly installed, 0 to remove and 4 not upgraded.\n", True),
    ],
)
def test_whether_something_was_installed(said, expected):
    assert apt.changed(said) is expected


def test_the_sentence_after_the_time_says_who_and_what_to_do():
    assert "apt-get (process 9), which holds /l after 15 minutes" in apt.waited_in_vain("apt-get (process 9), which holds /l", 900)
