# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests of the scenario hardening log in, and which level a host has."""

from __future__ import annotations

import os
import pathlib
import subprocess

# Gives ssh the password of the user "visitor".
ASKPASS = pathlib.Path(__file__).parents[2] / "molecule/hardening/askpass"


def is_strict(host):
    return host.ansible.get_variables().get("hardening_level") == "strict"


def ssh(host, user, *options, command="true"):
    """Runs a command by a connection of its own, without the caller's configuration of ssh."""
    variables = host.ansible.get_variables()
    fresh = ["-F", "none", "-o", "ControlPath=none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    key = ["-i", variables["ansible_private_key_file"], "-o", "IdentitiesOnly=yes"]
    return subprocess.run(
        ["ssh", *fresh, *key, *options, f"{user}@{variables['ansible_host']}", command],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "SSH_ASKPASS": str(ASKPASS), "SSH_ASKPASS_REQUIRE": "force"},
    )
