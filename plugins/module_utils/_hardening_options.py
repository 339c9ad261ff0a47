# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the module hardening_info. What they mean is in its documentation."""

from __future__ import annotations

import typing as t

HARDENING_INFO: dict[str, t.Any] = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "rsa_bits": {"type": "int", "default": 2048},
    "kept": {"type": "path", "required": True},
    "files": {"type": "dict", "default": {}},
    "sshd": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "keyword": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True},
            "given": {"type": "bool", "default": False},
        },
    },
    "root_waits": {"type": "bool", "default": False},
    "sshd_words": {"type": "bool", "default": False},
    "login_defs": {"type": "dict", "default": {}},
    "upgrades": {"type": "path"},
    "blocks": {"type": "dict", "default": {}},
    "instead": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "of": {"type": "str", "required": True},
            "lines": {"type": "list", "elements": "str", "default": []},
            "wanted": {"type": "bool", "default": True},
        },
    },
    "originals": {"type": "dict", "default": {}},
    "drop_ins": {"type": "list", "elements": "path", "default": []},
    "look_for": {"type": "list", "elements": "path", "default": []},
    "directories": {"type": "list", "elements": "path", "default": []},
    "modules": {"type": "list", "elements": "str", "default": []},
    "sysctls": {"type": "list", "elements": "str", "default": []},
    "table": {"type": "str", "required": True},
    "unit": {"type": "str", "required": True},
}
