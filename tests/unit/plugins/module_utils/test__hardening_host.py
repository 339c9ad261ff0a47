# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_host as hardening_host


def test_the_original_is_the_copy_once_there_is_one(tmp_path):
    (tmp_path / "issue").write_text("Debian\n")
    (tmp_path / "kept").mkdir()
    files = {str(tmp_path / "issue"): "issue.before", str(tmp_path / "not there"): "other"}

    def look():
        return hardening_host.originals(str(tmp_path / "kept"), files)

    assert look() == {str(tmp_path / "issue"): "Debian\n"}
    (tmp_path / "kept/issue.before").write_text("Debian\n")
    (tmp_path / "issue").write_text("Keep out\n")
    assert look() == {str(tmp_path / "issue"): "Debian\n"}


@pytest.mark.parametrize("data, found", [(b"Zutritt\r\n", ["Zutritt\r\n"]), ("Gr\u00fc\u00dfe\n".encode("latin-1"), [])])
def test_an_original_comes_back_byte_for_byte_or_stays(tmp_path, data, found):
    (tmp_path / "issue").write_bytes(data)
    assert list(hardening_host.originals(str(tmp_path), {str(tmp_path / "issue"): "issue.before"}).values()) == found


def test_a_file_belongs_to_others_unless_the_role_has_signed_it(tmp_path):
    theirs, ours, missing = tmp_path / "cron.allow", tmp_path / "at.allow", tmp_path / "missing"
    theirs.write_text("root\nbackup\n")
    ours.write_text("# Installed by the Ansible role pyweb.stack.hardening.\nroot\n")
    assert hardening_host.of_others([str(theirs), str(ours), str(missing)]) == [str(theirs)]


@pytest.mark.parametrize(("status", "reads"), [("CapEff:\t000001ffffffffff\n", True), ("CapEff:\t00000000a80425fb\n", False), ("", False)])
def test_whether_root_reads_all_files(status, reads):
    assert hardening_host.reads_all(status) == reads
