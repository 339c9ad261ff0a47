#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt_info
short_description: Look at an application that runs without this collection
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - Looks at the directory of an application that Capistrano, ansistrano, Trellis or Deployer have deployed, or that somebody has
    set up by hand from a checkout, at the units of systemd that run it, their environment, and its site in nginx.
  - Changes nothing. The filter P(pyweb.stack.adopted#filter) makes an entry of C(pyweb_apps) from what it returns.
extends_documentation_fragment: [pyweb.stack.attributes.info]
options:
  path:
    description: Directory of the application, such as V(/var/www/shop), which has C(current) and C(releases), or a checkout.
    type: path
    required: true
  units:
    description: Units of systemd that run its processes. Without them, those that start something in O(path) are taken.
    type: list
    elements: str
    default: []
  name:
    description: What it is to be called here.
    type: str
    required: true
  values:
    description: Whether to return the values of variables that look like secrets. Use C(no_log) with it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at the shop as it was deployed until now
  pyweb.stack.adopt_info:
    path: /var/www/shop
    units: [shop.service]
    name: shop
  register: found
"""

RETURN = r"""
path:
  description: The directory that was looked at.
  returned: always
  type: str
tree:
  description: What the directory has; C(kind) is C(releases), C(checkout), C(directory) or C(missing).
  returned: always
  type: dict
  sample: {kind: releases, repo: "git@git.example.com:shop.git", branch: main, shared: {media: /var/www/shop/shared/media}}
units:
  description: Units with their command, user, directory, sockets and files of environment variables.
  returned: always
  type: list
  elements: dict
sites:
  description: Files of nginx with sites of the application, what they serve and from where.
  returned: always
  type: list
  elements: dict
variables:
  description: Environment variables by name, with C(file), C(secret) and C(value), which is none for a secret without O(values).
  returned: always
  type: dict
taken:
  description: Why O(name) cannot be the name of an application on this host; empty where it can.
  returned: always
  type: str
python:
  description: The version of the host's own Python.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils._adopt import look


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "units": {"type": "list", "elements": "str", "default": []},
            "name": {"type": "str", "required": True},
            "values": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    wanted = [unit if "." in unit else f"{unit}.service" for unit in options["units"]]

    def run(command):
        try:
            return module.run_command(command, handle_exceptions=False)
        except OSError as error:
            return 127, "", str(error)

    module.exit_json(changed=False, **look.look(run, options["path"], wanted, options["name"], options["values"]))


if __name__ == "__main__":
    main()
