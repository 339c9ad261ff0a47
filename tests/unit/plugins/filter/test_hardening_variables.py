# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the role hardening that take more than a glance."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest
import yaml

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.pyweb.stack.plugins.plugin_utils import _balancer, _firewall

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))
from role_variables import seen  # noqa: E402

ROLE = pathlib.Path(__file__).parents[4] / "roles" / "hardening"
DEFAULT = {"allow": list(_firewall.DEFAULT)}


@pytest.mark.parametrize("firewall, given", [
    (DEFAULT, False),
    (_firewall.with_http3({}), False),
    (_balancer.firewall({}, ["10.0.0.10"]), False),
    (_firewall.with_http3(_balancer.firewall({}, ["10.0.0.10"])), False),
    ({"allow": [{"port": "443"}]}, True),
    ({"allow": [*DEFAULT["allow"], {"port": "1701", "protocol": "udp"}]}, True),
    (_balancer.firewall({"allow": [*DEFAULT["allow"], {"port": "1701", "protocol": "udp"}]}, ["10.0.0.10"]), True),
])
def test_a_list_that_a_playbook_has_written_names_no_way_in(firewall, given):
    assert seen("hardening", "__hardening_allow_is_given", __hardening_firewall=firewall) is given


@pytest.mark.parametrize("given, said", [({}, []), ({"automatic_reboot": False}, ["false", "04:00"]), ({"automatic_reboot": True}, ["true", "04:00"])])
def test_whether_a_host_reboots_by_itself_is_left_to_others_unless_it_is_given(given, said):
    options = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    upgrades = {**options["hardening_upgrades"], **given}
    template = (ROLE / "templates" / "unattended-upgrades.j2").read_text(encoding="utf-8").partition("\n")[2]
    text = Templar(loader=DataLoader(), variables={"__hardening_upgrades": upgrades, "__hardening_archives": []}).template(trust_as_template(template))
    assert re.findall('Automatic-Reboot.* "(.*)";', text) == said


@pytest.mark.parametrize("given, text", [({}, "Keep out.\n"), ({"text": "Ours."}, "Ours.\n")])
def test_a_banner_of_others_stays_unless_a_text_is_given(given, text):
    options = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    found = {"originals": {"/etc/issue.net": "Keep out.\n"}, "there": []}
    files = seen("hardening", "__hardening_replaced_files", **{**options, "hardening_banner": {**options["hardening_banner"], **given}},
                 __hardening_found={"host": found})
    written = {file["path"]: file["content"] for file in files}
    assert written.get("/etc/issue.net", "Keep out.\n") == text
