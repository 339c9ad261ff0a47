# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process managers that a release may run under."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.base import Manager
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.supervisor import Supervisor
from ansible_collections.pyweb.stack.plugins.module_utils._host.managers.systemd import Systemd

# By the name that pyweb_apps.<name>.manager has.
MANAGERS: dict[str, type[Manager]] = {"systemd": Systemd, "supervisor": Supervisor}
