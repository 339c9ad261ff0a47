#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt_step
short_description: Take one step of a take-over
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - The playbook C(take_over) uses it to take visitors over from an application that runs without this collection, and to give them back.
attributes:
  check_mode:
    description: Changes nothing in check mode, and tells whether it would.
    support: full
  diff_mode:
    description: Data of applications are not shown.
    support: none
  idempotent:
    description: V(look) changes nothing, V(copy) copies only what has changed. The others take their part once.
    support: partial
options:
  name:
    description: Name of the application.
    type: str
    required: true
  state:
    description:
      - V(look) tells whether the application has been taken over.
      - V(copy) copies data while the old processes go on.
      - V(hold) sets the old site aside; with O(pairs) the new processes stand still until V(taken).
      - V(taken), after nginx has loaded the new site, stops the old processes, copies what they have written last, and lets the new ones answer.
      - V(undone) takes back what V(hold) has done.
      - V(returned) gives visitors and data back to the old processes.
    type: str
    choices: [look, copy, hold, taken, undone, returned]
    default: look
  pairs:
    description: Data that come over, each with C(source) and C(target).
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: Where they are.
        type: path
        required: true
      target:
        description: Where they go.
        type: path
        required: true
  units:
    description: Units of systemd that the application has run as, services and sockets.
    type: list
    elements: str
    default: []
  sites:
    description: Files of nginx that have its site.
    type: list
    elements: path
    default: []
  listens:
    description: Where its old processes listen, as nginx names such addresses.
    type: list
    elements: str
    default: []
  owner:
    description: The user that it has run as.
    type: str
  drain:
    description: For how many seconds requests that the old processes have are waited for, at most.
    type: float
    default: 15
"""

EXAMPLES = r"""
- name: Look whether the shop has been taken over
  pyweb.stack.adopt_step:
    name: shop
  register: found
"""

RETURN = r"""
phase:
  description: V(new), V(taken), or V(held) for a take-over that was cut off, as it was before this step.
  returned: always
  type: str
  sample: new
sandboxed:
  description: Whether the role nginx has given nginx its sandbox, which takes a restart.
  returned: always
  type: bool
files:
  description: How many files were copied.
  returned: for O(state=copy) and O(state=taken)
  type: int
missing:
  description: What of O(pairs) is not there to be copied.
  returned: for O(state=copy)
  type: list
  elements: path
bytes:
  description: Their size.
  returned: for O(state=copy) and O(state=taken)
  type: int
waited:
  description: For how many seconds visitors waited at most, counted from the beginning of this step.
  returned: for O(state=taken)
  type: float
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils._adopt.step import SANDBOX, Step, StepError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["look", "copy", "hold", "taken", "undone", "returned"], "default": "look"},
            "pairs": {
                "type": "list", "elements": "dict", "default": [],
                "options": {"source": {"type": "path", "required": True}, "target": {"type": "path", "required": True}},
            },
            "units": {"type": "list", "elements": "str", "default": []},
            "sites": {"type": "list", "elements": "path", "default": []},
            "listens": {"type": "list", "elements": "str", "default": []},
            "owner": {"type": "str"},
            "drain": {"type": "float", "default": 15},
        },
        supports_check_mode=True,
    )
    options = module.params
    step = Step(module.run_command, options["name"])
    state, phase = options["state"], step.state()
    result = {"changed": False, "phase": phase, "sandboxed": os.path.exists(SANDBOX)}
    if state == "look" or module.check_mode:
        module.exit_json(**{**result, "changed": state in ("hold", "taken", "returned")})
    missing = [pair["source"] for pair in options["pairs"] if not os.path.exists(pair["source"])]
    try:
        if state == "copy":
            copier = step.copy(options["pairs"], options["name"])
            result |= {"changed": copier.files > 0, "files": copier.files, "bytes": copier.bytes, "missing": missing}
        elif state == "hold":
            step.hold(options["sites"], options["units"], options["listens"], len(missing) < len(options["pairs"]))
            result["changed"] = True
        elif state == "taken":
            copier = step.take(options["pairs"], options["units"], options["listens"], options["owner"], options["drain"])
            result |= {"changed": True, "files": copier.files, "bytes": copier.bytes, "waited": step.known()["waited"]}
        elif state == "undone":
            result["changed"] = phase == "held"
            step.undo()
        else:
            step.give_back()
            result["changed"] = True
    except (StepError, OSError) as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
