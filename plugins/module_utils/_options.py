# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs of pyweb_apps and of modules, made from the declarations in _declared/. The controller reads them too."""

from __future__ import annotations

import re

from ansible_collections.pyweb.stack.plugins.module_utils._declared import hooks, keep, modules, source
from ansible_collections.pyweb.stack.plugins.module_utils._declared.option import spec

SOURCE = spec(source.SOURCE)
DEPENDENCIES = spec(source.DEPENDENCIES)
KEEP = spec(keep.KEEP)
HOOKS = hooks.RUN_AS

# An address for SSH; the role app has the same pattern.
SSH = re.compile(r"ssh://|[^/:]+:(?!//)")
KINDS = ("repo", "path", "archive", "package")

RELEASE = spec(modules.RELEASE)
RELEASE_INFO = spec(modules.options_of("release_info"))
RELEASE_BUILD = spec(modules.options_of("release_build"))
RELEASE_STEP = spec(modules.options_of("release_step"))
RELEASE_RUN = spec(modules.options_of("release_run"))
RELEASE_STATUS = spec(modules.options_of("release_status"))
RELEASE_CONFIG = spec(modules.options_of("release_config"))
RELEASE_LOGS = spec(modules.options_of("release_logs"))
RELEASE_BACKUP = spec(modules.options_of("release_backup"))
