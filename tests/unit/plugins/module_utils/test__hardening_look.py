# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_look as look


def test_settings_of_the_kernel_are_read_for_all_interfaces_too(tmp_path):
    for path, value in {"kernel/sysrq": "438", "net/eth0.100/rp_filter": "1", "net/all/rp_filter": "0"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(value + "\n")
    found = look.sysctls(["kernel.sysrq", "kernel.unheard_of", "net.*.rp_filter"], f"{tmp_path}/")
    assert found == {"kernel.sysrq": "438", "net.eth0.100.rp_filter": "1", "net.all.rp_filter": "0"}


@pytest.mark.parametrize("data, expected", [
    (b"# a\n", ["# BEGIN pyweb.stack hardening", "x", "# END pyweb.stack hardening", "# a"]),
    (b"# b\xe9\n", None),
    (b"# c\r\n", ["# BEGIN pyweb.stack hardening", "x", "# END pyweb.stack hardening", "# c\r"]),
], ids=["UTF-8", "another encoding", "line ends of Windows"])
def test_no_byte_of_a_file_of_others_is_changed(tmp_path, data, expected):
    path = tmp_path / "file"
    path.write_bytes(data)
    found = look.edited({}, {str(path): ["x"]}, [])
    assert (found[str(path)]["content"].split("\n")[:-1] if str(path) in found else None) == expected


@pytest.mark.parametrize("wanted, expected", [(True, "# BEGIN pyweb.stack hardening\nb\n# END pyweb.stack hardening\n#pyweb.stack# a\n"), (False, "a\n")])
def test_lines_of_others_are_replaced_while_it_is_wanted(tmp_path, wanted, expected):
    path = tmp_path / "file"
    path.write_text("a\n")
    for _again in range(2):
        found = look.edited({}, {}, [{"path": str(path), "of": "a", "lines": ["b"], "wanted": wanted}])
        assert found[str(path)]["content"] == expected
        path.write_text(found[str(path)]["content"])
    missing = str(tmp_path / "missing")
    assert missing not in look.edited({}, {}, [{"path": missing, "of": "a", "lines": ["b"], "wanted": True}])


@pytest.mark.parametrize(
    "asked, made, status, lacks", [(True, False, 3, True), (True, False, 0, False), (True, True, 3, False), (False, False, 3, False)],
    ids=["cut off while it was made", "is being made", "made", "not asked for"],
)
def test_a_database_that_aide_never_got_is_made_by_the_next_run(tmp_path, asked, made, status, lacks):
    (tmp_path / ("drop-in" if asked else "other")).touch()
    (tmp_path / ("aide.db" if made else "other")).touch()
    assert look.lacks_database(lambda _command: (status, "", ""), str(tmp_path / "drop-in"), str(tmp_path / "aide.db")) == lacks
