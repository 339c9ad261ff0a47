#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install, remove or upgrade Debian packages, and wait while somebody else uses apt
version_added: 0.1.0
author:
  - The pyweb.stack authors (@pyweb)
description:
  - Installs packages without what they only recommend. A configuration file that somebody has changed stays.
  - While another program uses apt, as a fresh host's own first upgrade does for minutes, it says which one and waits.
  - In check mode, says what would be installed, removed or upgraded; also on a host whose apt has no lists yet.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    description: Packages that are as asked for are left alone.
    support: full
  platform:
    platforms: debian
options:
  name:
    description: Names of packages, as apt-get takes them. Needed unless O(state=upgraded).
    type: list
    elements: str
  state:
    description:
      - V(absent) removes the packages and their configuration files.
      - V(upgraded) upgrades all packages of the host, and installs what new versions need; none is removed for that.
    type: str
    choices: [present, absent, upgraded]
    default: present
  lists_valid:
    description: Seconds for which apt's lists of packages are new enough.
    type: int
    default: 3600
  lock_timeout:
    description: Seconds to wait for another program that uses apt.
    type: int
    default: 900
  patience:
    description: Seconds of O(lock_timeout) that the module waits by itself, before the controller says who is waited for and starts it again.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Install what the application needs
  pyweb.stack.packages:
    name: [libpq5, gettext]

- name: Upgrade everything, by lists of packages that are new
  pyweb.stack.packages:
    state: upgraded
    lists_valid: 0
"""

RETURN = r"""
held_by:
  description: Which program uses apt, when that is why nothing was installed.
  returned: when apt is in use
  type: str
  sample: apt-get (process 812), which holds /var/lib/dpkg/lock-frontend
would_install:
  description: What would be installed, removed or upgraded.
  returned: in check mode, when something would be
  type: list
  elements: str
  sample: [libpq5]
"""

import glob
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils import _apt as apt

LISTS = "/var/lib/apt/lists"
OPTIONS = ["-q", "-y", "-o", apt.NO_WAITING, "-o", "Acquire::Retries=3", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
ENVIRONMENT = {"LC_ALL": "C", "LANGUAGE": "C", "DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical", "APT_LISTCHANGES_FRONTEND": "none"}


class Held(Exception):
    """apt is in use; the words say by whom."""


def _apt_get(module: AnsibleModule, deadline: float, *arguments: str) -> str:
    """Runs apt-get until no lock is in the way, and returns all that it said."""
    while True:
        rc, stdout, stderr = module.run_command(["apt-get", *OPTIONS, *arguments], environ_update=ENVIRONMENT)
        said = f"{stdout}\n{stderr}"
        if rc == 0:
            return said
        holder = apt.held_by(said)
        if not holder:
            names = f" for {', '.join(module.params['name'])}" if module.params["name"] else ""
            module.fail_json(msg=f"apt-get {arguments[0]} failed{names}: {apt.errors(said)}.", rc=rc)
        if time.monotonic() >= deadline:
            raise Held(holder)
        time.sleep(1)


def _lists_age() -> float:
    """Seconds since apt's lists were fetched."""
    if not glob.glob(f"{LISTS}/*_Packages*"):
        return float("inf")
    known = [path for path in ("/var/lib/apt/periodic/update-success-stamp", LISTS) if os.path.exists(path)]
    return time.time() - max(os.path.getmtime(path) for path in known)


def _update(module: AnsibleModule, deadline: float) -> None:
    """Fetches apt's lists where they are too old."""
    if _lists_age() > module.params["lists_valid"]:
        _apt_get(module, deadline, "update")
        os.utime(LISTS)


def _to_do(module: AnsibleModule) -> list[str]:
    """Of plain names, those that are not as asked for; a name with a version or a release is apt's to judge."""
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", *module.params["name"]]
    dummy, stdout, dummy = module.run_command(query)
    installed = {line.partition(" ")[2] for line in stdout.splitlines() if line.startswith("installed ")}
    return [name for name in module.params["name"] if (name in installed) == (module.params["state"] == "absent")]


def _change(module: AnsibleModule, deadline: float) -> bool:
    """Installs or removes what is not as asked for, and returns whether that was anything."""
    names, absent = _to_do(module), module.params["state"] == "absent"
    if not names:
        return False
    if module.check_mode:
        module.exit_json(changed=True, msg=f"Would {'remove' if absent else 'install'} {', '.join(names)}.", would_install=names)
    if absent:
        _apt_get(module, deadline, "purge", *names)
        return True
    _update(module, deadline)
    return apt.changed(_apt_get(module, deadline, "install", "--no-install-recommends", *names))


def _upgrade(module: AnsibleModule, deadline: float) -> bool:
    """Upgrades all packages, and returns whether that was any."""
    if not module.check_mode:
        _update(module, deadline)
        return apt.changed(_apt_get(module, deadline, "upgrade", "--with-new-pkgs"))
    names = apt.simulated(_apt_get(module, deadline, "upgrade", "--with-new-pkgs", "--simulate"))
    if names:
        module.exit_json(changed=True, msg=f"Would upgrade {', '.join(names)}.", would_install=names)
    return False


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent", "upgraded"], "default": "present"},
            "lists_valid": {"type": "int", "default": 3600},
            "lock_timeout": {"type": "int", "default": apt.LOCK_TIMEOUT},
            "patience": {"type": "int", "default": 10},
        },
        required_if=[("state", "present", ["name"]), ("state", "absent", ["name"])],
        supports_check_mode=True,
    )
    deadline = time.monotonic() + min(module.params["patience"], module.params["lock_timeout"])
    act = _upgrade if module.params["state"] == "upgraded" else _change
    try:
        module.exit_json(changed=act(module, deadline))
    except Held as held:
        module.exit_json(changed=False, held_by=str(held))


if __name__ == "__main__":
    main()
