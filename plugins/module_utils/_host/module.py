# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what a module does, in the copy of this code that the host keeps: C(params) come as JSON, and the result goes as JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

from ansible_collections.pyweb.stack.plugins.module_utils._host import proxy


def main(module: str) -> None:
    # Whatever else writes something must not become a part of the result.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.umask(0o022)
    given = json.load(sys.stdin)
    os.environ.update(given["environment"])
    proxy.take(os.environ)
    try:
        result = importlib.import_module(f"{__package__}.steps.{module.removeprefix('release_')}").run(given["params"], given["check_mode"])
    except Exception as error:
        result = {"failed": True, "msg": f"unexpected error: {error!r}", "exception": traceback.format_exc()}
    with answer:
        json.dump(result, answer)
