# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of configuration files as Ansible shows differences."""

from __future__ import annotations

import grp
import pwd
import stat
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._config_files import ABSENT, FILE, LINK, State, Step, Wanted


def describe(steps: t.Iterable[Step]) -> list[dict[str, t.Any]]:
    """The steps as Ansible shows differences; a secret's content never appears."""
    return [_describe_step(step) for step in steps]


def _describe_step(step: Step) -> dict[str, t.Any]:
    before, after = step.before, step.after
    entry: dict[str, t.Any] = {
        "before_header": f"{step.path} ({_attributes(before)})",
        "after_header": f"{step.path} ({_attributes(after, step.wanted)})",
    }
    if FILE not in (before.kind, after.kind) or (before.kind == after.kind and before.content == after.content):
        entry["before"] = _attributes(before) + "\n"
        entry["after"] = _attributes(after, step.wanted) + "\n"
    elif step.wanted.secret:
        entry["before"] = "" if before.kind == ABSENT else "(secret)\n"
        entry["after"] = "(secret, changed)\n"
    elif after.kind == ABSENT and not before.mode & stat.S_IROTH:
        entry["before"] = "(not for everybody)\n"
        entry["after"] = ""
    else:
        entry["before"] = _text(before)
        entry["after"] = _text(after)
    return entry


def _attributes(state: State, wanted: Wanted | None = None) -> str:
    if state.kind == ABSENT:
        return ABSENT
    if state.kind == LINK:
        return f"link to {state.target}"
    owner = _owner_name(state.uid, wanted.owner if wanted else "")
    group = _group_name(state.gid, wanted.group if wanted else "")
    return f"{state.kind} {owner}:{group} {state.mode:04o}"


def _owner_name(uid: int, unknown: str) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return unknown or str(uid)


def _group_name(gid: int, unknown: str) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OverflowError):
        return unknown or str(gid)


def _text(state: State) -> str:
    if state.kind == FILE:
        return state.content.decode("utf-8", errors="replace")
    return "" if state.kind == ABSENT else _attributes(state) + "\n"
