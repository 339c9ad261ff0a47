# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.module_utils import _config_state


def config_in_place(there, directories, files, absent):
    return _config_state.in_place(dict(there), list(directories), list(files), list(absent))


class FilterModule:
    def filters(self):
        return {"config_in_place": config_in_place}
