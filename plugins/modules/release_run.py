#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_run
short_description: Run a command in a release of an application
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Runs one command as the application's user, in the release's directory, with its environment, its variables and the secrets of today,
    and in the sandbox of its processes.
  - Database migrations run this way, before their release is activated.
attributes:
  check_mode:
    description: The command is not run.
    support: full
  diff_mode:
    description: What a command changes is not known.
    support: none
options:
  name:
    description: Name of the application.
    type: str
    required: true
  release:
    description: Id of the release; the live one by default.
    type: str
  command:
    description: The command, run by bash. When it is empty, the line C(release) of the source's C(Procfile) is run, if it has one.
    type: str
    required: true
  hooks:
    description: What runs before and after a migration, as the role app takes it. Files of tasks are the business of the playbook.
    type: dict
    default: {}
  lease:
    description: Who deploys, as O(pyweb.stack.release#module:state=begin) returned it. With it, the command is part of the deploy.
    type: dict
"""

EXAMPLES = r"""
- name: Run the migrations of a release that is built
  pyweb.stack.release_run:
    name: guestbook
    release: "{{ begun.release }}"
    lease: "{{ begun.lease }}"
    command: python manage.py migrate --noinput
"""

RETURN = r"""
stdout:
  description: What the command printed, errors included.
  returned: when it was run
  type: str
release:
  description: Id of the release that it ran in.
  returned: always
  type: str
"""

import contextlib
import subprocess

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import _engine, _hooks, _releases, _step


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "release": {"type": "str"},
            "command": {"type": "str", "required": True},
            "hooks": {"type": "dict", "default": {}},
            "lease": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    params = module.params
    app = _engine.App(params["name"])
    lease = params["lease"]
    if module.check_mode:
        module.exit_json(changed=True, release=params["release"] or app.live)
    try:
        if not params["release"] and not app.live:
            raise _engine.EngineError("there is no live release on this host: deploy it first.")
        release = _releases.valid_id(params["release"] or app.live)
        command = params["command"] or (app.manifest(release).get("procfile") or {}).get("release")
        if not command:
            module.exit_json(changed=False, release=release)
        argv = ["/bin/bash", "-o", "pipefail", "-ec", command]
        with app.lock(lease) if lease else contextlib.nullcontext():
            try:
                _hooks.run(app, params["hooks"], "before_migrate", release)
                done = _engine.run_one_off(app, release, argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                           text=True, errors="replace")
                output = done.stdout.strip()
                if done.returncode != 0:
                    tail = "\n".join(output.splitlines()[-_step.TAIL:])
                    raise _engine.EngineError(f"{_step.short(command)!r} failed (exit status {done.returncode}).\n{tail}")
                _hooks.run(app, params["hooks"], "after_migrate", release)
            except Exception:
                if lease:
                    app.drop_lease(lease["token"])
                raise
        module.exit_json(changed=True, release=release, stdout=app.mask(output))
    except (_engine.EngineError, _step.BuildError, _releases.ReleaseError, OSError) as error:
        more = _hooks.failure(app, params["hooks"], params["release"], error)
        module.fail_json(msg=app.mask(f"{params['name']}: {_engine.said(error)}{more}"))


if __name__ == "__main__":
    main()
