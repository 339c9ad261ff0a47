#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Put a set of configuration files in place as one transaction
version_added: 0.1.0
author:
  - The pyweb.stack authors (@pyweb)
description:
  - Makes directories, writes files and links, and removes what is no longer wanted, in one round trip.
  - Runs O(validate) over the whole when something changed. When it refuses, everything is put back
    as it was before and the task fails with what it said.
  - Every file is written next to its place, synced, and moved there by one rename.
    A link at the last component of a path is replaced, never followed.
  - A run that was killed in the middle is put back by the next run of this module on that host.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: O(validate) does not run in check mode. Missing parents, owners and groups are tolerated there.
  diff_mode:
    support: full
    details: The content of O(files[].secret_content) is never shown.
  platform:
    platforms: posix
  idempotent:
    description: Files, links and directories that are as asked for are not touched.
    support: full
options:
  directories:
    description: Directories that must exist, parents first.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path of the directory.
        type: path
        required: true
      owner:
        description: Name or number of the owner.
        type: str
        default: root
      group:
        description: Name or number of the group.
        type: str
        default: root
      mode:
        description: Four octal digits, in quotes.
        type: str
        default: '0755'
  files:
    description: Files with their whole content.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path of the file. Its directory must exist or be one of O(directories).
        type: path
        required: true
      content:
        description: The content. One of O(files[].content) and O(files[].secret_content) is required.
        type: str
      secret_content:
        description: The content, when it must appear in no output, log or difference.
        type: str
      owner:
        description: Name or number of the owner.
        type: str
        default: root
      group:
        description: Name or number of the group.
        type: str
        default: root
      mode:
        description: Four octal digits, in quotes.
        type: str
        default: '0644'
  links:
    description: Symbolic links.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path of the link.
        type: path
        required: true
      target:
        description: What the link says; it need not exist.
        type: str
        required: true
  absent:
    description:
      - Absolute paths, or patterns with V(*), V(?) and V([...]), of what must not exist.
      - What O(directories), O(files) and O(links) name is never removed, even where a pattern matches it.
      - A directory is removed only when it is empty.
    type: list
    elements: str
    default: []
  validate:
    description:
      - Command with its arguments that must end with 0 when everything is in place.
      - It runs only when something changed. Files that it makes are not for everybody (umask 027).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Configure nginx as a whole
  pyweb.stack.config_files:
    directories:
      - path: /etc/nginx/shop
    files:
      - path: /etc/nginx/conf.d/shop.conf
        content: "{{ lookup('ansible.builtin.template', 'shop.conf.j2') }}"
      - path: /etc/nginx/shop/users
        secret_content: "{{ shop_users }}"
        group: www-data
        mode: '0640'
    absent:
      - /etc/nginx/conf.d/shop-*.conf
    validate: [nginx, -t]
  notify: Reload nginx
"""

RETURN = r"""
changed_paths:
  description: The paths that were, or in check mode would be, made, changed or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/conf.d/shop.conf]
recovered_paths:
  description: The paths that were first put back because an earlier run was killed before it had finished.
  returned: success
  type: list
  elements: str
  sample: []
rc:
  description: Exit code of O(validate).
  returned: when O(validate) refused
  type: int
  sample: 1
stdout:
  description: Standard output of O(validate).
  returned: when O(validate) refused
  type: str
  sample: ""
stderr:
  description: Standard error of O(validate).
  returned: when O(validate) refused
  type: str
  sample: 'nginx: configuration file /etc/nginx/nginx.conf test failed'
"""

import grp
import os
import pwd
import re
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils import _config_files as config_files
from ansible_collections.pyweb.stack.plugins.module_utils._config_files_diff import describe
from ansible_collections.pyweb.stack.plugins.module_utils._config_state import JOURNAL_DIRECTORY


class Interrupted(Exception):
    pass


def _on_signals(handler: t.Any) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, handler)


def _interrupt(signum: int, frame: t.Any) -> t.NoReturn:
    # A second signal must not disturb the putting back.
    _on_signals(signal.SIG_IGN)
    raise Interrupted(f"signal {signum}")


def _number(kind: str, name: str, find: t.Callable[[str], int], check_mode: bool) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return find(name)
    except KeyError:
        if check_mode:
            return -1
        raise config_files.ConfigFilesError(
            f"The {kind} {name} does not exist on this host: create it first, or correct the name."
        ) from None


def _mode(path: str, mode: str) -> int:
    if not re.fullmatch(r"[0-7]{4}", mode):
        raise config_files.ConfigFilesError(
            f"The mode {mode} of {path} is not usable: give four octal digits in quotes, such as '0644'."
        )
    return int(mode, 8)


def wanted_from(params: dict[str, t.Any], check_mode: bool) -> list[config_files.Wanted]:
    wanted = []
    for kind, items in ((config_files.DIRECTORY, params["directories"]), (config_files.FILE, params["files"])):
        for item in items:
            secret = item.get("secret_content") is not None
            content = (item["secret_content"] if secret else item["content"]) if kind == config_files.FILE else ""
            state = config_files.State(
                kind,
                uid=_number("user", item["owner"], lambda name: pwd.getpwnam(name).pw_uid, check_mode),
                gid=_number("group", item["group"], lambda name: grp.getgrnam(name).gr_gid, check_mode),
                mode=_mode(item["path"], item["mode"]),
                content=content.encode("utf-8"),
            )
            wanted.append(
                config_files.Wanted(item["path"], state, owner=item["owner"], group=item["group"], secret=secret)
            )
    for item in params["links"]:
        state = config_files.State(config_files.LINK, target=item["target"])
        wanted.append(config_files.Wanted(item["path"], state))
    return wanted


def _plan(module: AnsibleModule) -> list[config_files.Step]:
    wanted = wanted_from(module.params, module.check_mode)
    config_files.check_request(wanted, module.params["absent"])
    for path in config_files.expand_absent(module.params["absent"], [item.path for item in wanted]):
        wanted.append(config_files.Wanted(path, config_files.State(config_files.ABSENT)))
    steps = config_files.plan(wanted, {item.path: config_files.look(item.path) for item in wanted})
    missing = config_files.missing_parents(steps)
    if missing and not module.check_mode:
        raise config_files.ConfigFilesError(
            f"The directory {', '.join(missing)} does not exist: add it to 'directories', nothing was changed."
        )
    config_files.check_emptied(steps)
    return steps


def _shown(command: list[str]) -> str:
    """A command for people to read: without the sandbox that systemd-run makes around it."""
    words = command
    if command[0] == "systemd-run":
        words = command[1:]
        while words[0].startswith("-"):
            words = words[2 if words[0] == "--property" else 1:]
    return " ".join(words)


def _validate(module: AnsibleModule) -> dict[str, t.Any] | None:
    """What the validation said when it refused, else nothing."""
    command = module.params["validate"]
    if not command:
        return None
    # Debian's administration commands are not in every user's PATH.
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        # The umask, because some validations make files: nginx -t makes the logs.
        rc, stdout, stderr = module.run_command(
            command, environ_update={"PATH": path, "LC_ALL": "C.UTF-8"}, handle_exceptions=False, umask=0o027
        )
    except OSError as error:
        rc, stdout, stderr = 127, "", str(error)
    if rc == 0:
        return None
    said = (stderr.strip() or stdout.strip() or "(nothing)").replace("\n", "; ")
    return {
        "msg": f"{_shown(command)} refused the new configuration, everything was put back; it said: {said}",
        "rc": rc,
        "stdout": stdout,
        "stderr": stderr,
    }


def _run(module: AnsibleModule) -> dict[str, t.Any]:
    journal = config_files.Journal(JOURNAL_DIRECTORY)
    recovered: list[str] = []
    if not module.check_mode:
        journal.lock()
        recovered = config_files.recover(journal)
    steps = _plan(module)
    result: dict[str, t.Any] = {
        "changed": bool(steps or recovered),
        "changed_paths": [step.path for step in steps],
        "recovered_paths": recovered,
    }
    if module._diff:
        result["diff"] = describe(steps)
    if not steps or module.check_mode:
        return result
    _on_signals(_interrupt)
    transaction = config_files.Transaction(steps, journal)
    transaction.apply()
    try:
        refused = _validate(module)
    except BaseException:
        transaction.put_back()
        raise
    if refused:
        transaction.put_back()
        return {"failed": True, **refused}
    transaction.finish()
    return result


def main() -> None:
    owned: dict[str, dict[str, t.Any]] = {
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "directories": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": path, **owned, "mode": {"type": "str", "default": "0755"}},
            },
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": path,
                    "content": {"type": "str"},
                    "secret_content": {"type": "str", "no_log": True},
                    **owned,
                    "mode": {"type": "str", "default": "0644"},
                },
                "mutually_exclusive": [("content", "secret_content")],
                "required_one_of": [("content", "secret_content")],
            },
            "links": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": path, "target": {"type": "str", "required": True}},
            },
            "absent": {"type": "list", "elements": "str", "default": []},
            "validate": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = _run(module)
    except config_files.ConfigFilesError as error:
        module.fail_json(msg=str(error))
    except Interrupted as error:
        module.fail_json(msg=f"Interrupted by {error}: everything was put back.")
    except OSError as error:
        module.fail_json(msg=f"Could not change the configuration files, everything was put back: {error}")
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
