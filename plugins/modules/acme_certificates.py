#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_certificates
short_description: Keep the certificates of sites that come by ACME
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Asks an authority by certbot for what is missing, after it has seen that the names lead to this host.
  - Puts what has come in place for nginx after it was checked, reloads nginx and sees that visitors get it.
  - An authority that is down or refuses is a warning; what nginx has stays.
  - Role nginx writes the same to a file for each site, for certbot's timer.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    description: A certificate that is there, for these names and from this authority, is kept.
    support: full
  platform:
    platforms: posix
options:
  config:
    description: The store, and the sites with their settings, as role nginx has them in C(vars/main.yml).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep the certificates
  pyweb.stack.acme_certificates:
    config:
      store: /etc/nginx/pyweb/acme
      sites:
        - {name: shop, domains: [shop.example.com], dns: false, settings: {directory: staging, webroot: /var/lib/pyweb-acme}}
"""

RETURN = r"""
done:
  description: What was done, or would be, as sentences.
  returned: success
  type: list
  elements: str
faults:
  description: What could not be done, why, and when it is tried again.
  returned: success
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils._host import proxy
from ansible_collections.pyweb.stack.plugins.module_utils._tls import certificate, keeper


def main() -> None:
    module = AnsibleModule(argument_spec={"config": {"type": "dict", "required": True}}, supports_check_mode=True)
    config = keeper.Config.of(module.params["config"])
    proxy.take(os.environ)
    if module.check_mode and not certificate.available():
        sites = ", ".join(site.name for site in config.sites)
        module.exit_json(changed=True, done=[f"would ask for certificates of {sites}"], faults=[])
    outcome = keeper.Keeper(config, module.check_mode).keep()
    for sentence in outcome.faults:
        module.warn(sentence)
    module.exit_json(changed=bool(outcome.done), done=outcome.done, faults=outcome.faults)


if __name__ == "__main__":
    main()
