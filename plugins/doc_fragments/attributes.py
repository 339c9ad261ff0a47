# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that several modules have."""

from __future__ import annotations


class ModuleDocFragment:

    INFO = r"""
attributes:
  check_mode:
    description: Can run in check_mode and return the same.
    support: full
  diff_mode:
    description: Nothing changes, so there is nothing to show.
    support: none
  idempotent:
    description: Changes nothing in any mode.
    support: full
"""

    RELEASE_GROUP = r"""
attributes:
  action_group:
    description: Takes C(module_defaults) of C(group/pyweb.stack.release).
    support: full
    membership: [pyweb.stack.release]
"""
