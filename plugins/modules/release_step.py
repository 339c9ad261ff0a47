#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_step
short_description: One step of an activation on the host
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - What M(pyweb.stack.release) has done on the host. Use that one.
extends_documentation_fragment:
  - pyweb.stack.release.name
  - pyweb.stack.release.lease
  - pyweb.stack.release.keep
attributes:
  check_mode:
    description: M(pyweb.stack.release) calls no step in check mode.
    support: none
  diff_mode:
    description: M(pyweb.stack.release) shows the difference.
    support: none
options:
  step:
    description:
      - V(start) starts a release beside the live one and proves it. V(settle) proves it after the switch, and stops the old one.
      - V(abort) returns from a switch that did not happen. V(prune) deletes old releases. V(unlock) ends somebody's turn.
      - V(pin) keeps a release from being deleted, V(unpin) lets it go.
    type: str
    choices: [start, settle, abort, prune, unlock, pin, unpin]
    required: true
  action:
    description: What the history calls it.
    type: str
    choices: [activate, rollback]
    default: activate
  release:
    description: Id of the release.
    type: str
  runtime:
    description: The processes of the release, if it was never active before.
    type: dict
  watch:
    description: Seconds that the old release stays ready after the switch.
    type: float
    default: 2.5
  hooks:
    description: What runs at each phase.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Use the action instead
  pyweb.stack.release:
    name: guestbook
    state: rollback
"""

RETURN = r"""
previous:
  description: Id of the release that is live.
  returned: with O(step=start)
  type: str
pruned:
  description: Ids of the releases that were deleted.
  returned: with the other steps
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import _options, _release_step


def main():
    module = AnsibleModule(argument_spec=_options.RELEASE_STEP)
    result = _release_step.run(module.params, module.check_mode)
    (module.fail_json if result.get("failed") else module.exit_json)(**result)


if __name__ == "__main__":
    main()
