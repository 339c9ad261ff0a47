# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host reaches the outside through, where it has a password: in a file that root alone reads, since sudo logs the environment of a task."""

from __future__ import annotations

import os
import typing as t

# In the environment of a task: the path of the file, a NAME="value" a line, as systemd.exec(5) has it for EnvironmentFile.
VARIABLE = "PYWEB_PROXY_FILE"
FILE = "/etc/pyweb/proxy.env"


def take(environ: t.MutableMapping[str, str]) -> None:
    """Add what the file says to C(environ), whose own variables go before. A host that has not been provisioned has no such file yet."""
    path = environ.get(VARIABLE, "")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, assigned, value = line.strip().partition("=")
            if assigned and not name.startswith("#"):
                environ.setdefault(name, value.strip('"'))
