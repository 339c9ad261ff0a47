# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the host package in whose directory this file lies. See cli.py for the arguments."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from ansible_collections.pyweb.stack.plugins.module_utils._host import cli

    raise SystemExit(cli.main(sys.argv[1:]))
