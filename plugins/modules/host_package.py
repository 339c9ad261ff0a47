#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_package
short_description: Install the code that hosts run by themselves
version_added: 0.2.0
author: pyweb.stack contributors (@pyweb)
description:
  - Installs the part of this collection that runs on hosts, compiled, in a directory below V(/usr/local/lib/pyweb) that is named by a digest of it.
  - The boot unit of an application and the timer that guards a switch start it there. A deploy installs it as well where it is missing.
  - Older copies go when no unit, timer or script names them any more; the newest two stay.
attributes:
  check_mode:
    description: Says whether it would be installed.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  idempotent:
    description: A copy that is there is not touched.
    support: full
"""

EXAMPLES = r"""
- name: Install the code that hosts run by themselves
  pyweb.stack.host_package:
  register: package
"""

RETURN = r"""
path:
  description: Directory of the copy.
  returned: always
  type: str
  sample: /usr/local/lib/pyweb/0123456789abcdef0123456789abcdef
program:
  description: What units start, with C(boot), C(stop), C(settle), C(forget) or C(run) and the name of an application.
  returned: always
  type: str
  sample: /usr/local/lib/pyweb/0123456789abcdef0123456789abcdef/engine.py
"""
