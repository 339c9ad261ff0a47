# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a relative file that a user names lies on the controller: the same for every option that names one."""

from __future__ import annotations

import os
import typing as t

from ansible import context

# Whoever runs a playbook of this collection has no files beside it.
OURS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "playbooks"))


def _playbooks() -> list[str]:
    """Directories of the playbooks on the command line. One that is called pyweb.stack.site has none."""
    return [os.path.dirname(os.path.abspath(name)) for name in context.CLIARGS.get("args") or () if os.path.isfile(str(name))]


def places(variables: t.Mapping[str, t.Any]) -> list[str]:
    """Directories to look in, in this order: beside the playbook, beside the inventory, the current one.

    C(variables) are those of a task: its playbook_dir is that of the imported playbook, so the one on the command line comes before it.
    """
    found = [*_playbooks(), *(str(variables[name]) for name in ("playbook_dir", "inventory_dir") if variables.get(name)), os.getcwd()]
    return [place for place in dict.fromkeys(found) if os.path.realpath(place) != OURS]


def find(path: str, directories: t.Iterable[str]) -> str | None:
    """The absolute path of the first that is there, or None. As everywhere in Ansible, C(files/) beside a playbook is looked into first."""
    for place in directories:
        for candidate in (os.path.join(place, "files", os.path.expanduser(path)), os.path.join(place, os.path.expanduser(path))):
            if os.path.exists(candidate):
                return os.path.normpath(candidate)
    return None


def named_files(applications: t.Mapping[str, dict[str, t.Any]]) -> dict[str, str]:
    """What resolved C(applications) need from the controller: each relative or absolute path, and the option that names it."""
    found = {}
    for name, application in applications.items():
        source = application["app"]["source"]
        for kind in ("path", "archive", "package"):
            value = source[kind]
            if value and "://" not in value and (kind != "package" or value.endswith(".whl")):
                found[value] = f"pyweb_apps.{name}.source.{kind}"
        for phase, hooks in application["app"]["hooks"].items():
            found.update({hook["tasks"]: f"pyweb_apps.{name}.hooks.{phase}" for hook in hooks if hook["tasks"]})
    return found
