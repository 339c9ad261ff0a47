# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_upgrades as upgrades


def test_only_files_before_the_role_s_tell_where_upgrades_come_from(tmp_path):
    for name in ("50unattended-upgrades", "51admin", "52pyweb-unattended-upgrades", "60later"):
        (tmp_path / name).write_text("")
    seen = []

    def run(command):
        with open(command[1].partition("=")[2], encoding="utf-8") as stream:
            parts = stream.read().split('"')[1]
        seen.extend(sorted(os.listdir(parts)))
        return 0, 'APT "";\nUnattended-Upgrade::Origins-Pattern:: "origin=Docker";\nUnattended-Upgrade::Mail "x";\n', ""

    own = str(tmp_path / "52pyweb-unattended-upgrades")
    assert upgrades.origins(run, str(tmp_path), own) == ["origin=Docker"]
    assert seen == ["50unattended-upgrades", "51admin"]
