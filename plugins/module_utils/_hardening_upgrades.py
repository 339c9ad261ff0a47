# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at what unattended-upgrades may install without the role hardening, so that the role leaves it to others. Changes nothing."""

from __future__ import annotations

import glob
import os
import re
import tempfile

from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_look as look


def origins(run: look.Run, temporary: str, own: str) -> list[str]:
    """From where upgrades may come, as the files say that apt reads before the role's own.

    temporary: a directory to write into. own: the path of the role's file.
    """
    with tempfile.TemporaryDirectory(dir=temporary) as directory:
        parts = os.path.join(directory, "parts")
        os.mkdir(parts)
        for path in glob.glob(os.path.join(os.path.dirname(own), "*")):
            if os.path.basename(path) < os.path.basename(own):
                os.symlink(path, os.path.join(parts, os.path.basename(path)))
        configuration = os.path.join(directory, "apt.conf")
        with open(configuration, "w", encoding="utf-8") as stream:
            stream.write(f'Dir::Etc::parts "{parts}";\nDir::Etc::main "/dev/null";\n')
        dummy, stdout, dummy = run(["env", f"APT_CONFIG={configuration}", "apt-config", "dump"])
    return re.findall(r'^Unattended-Upgrade::Origins-Pattern:: "(.*)";$', stdout, re.MULTILINE)
