# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot brings back exactly the live releases. The last test: a host may have another address afterwards."""

import subprocess
import time

import httpx
import testinfra
from plugin import address


def test_a_reboot_brings_back_exactly_what_was_live(fleet):
    live = {app: fleet.releases(app) for app in ("guestbook", "probe")}
    assert fleet.play("deploy", app="probe", version="two").status == 0
    live["probe"] = fleet.releases("probe")
    subprocess.run(["docker", "restart", *fleet.names], check=True, stdout=subprocess.DEVNULL)
    for name in fleet.names:
        visitor, found, until = fleet.visitor_at(address(name)), {}, time.monotonic() + 120
        while time.monotonic() < until:
            try:
                found = {app: visitor.release(app) for app in live}
                break
            except (httpx.HTTPError, AssertionError):
                time.sleep(1)
        assert found == {app: live[app][name] for app in live}, testinfra.get_host(f"docker://{name}").run("journalctl -b --no-pager -n 100").stdout
        shell = testinfra.get_host(f"docker://{name}")
        units = shell.check_output("systemctl list-units --plain --no-legend 'pyweb.*.web.*'").split()
        assert {unit for unit in units if unit.startswith("pyweb.")} == {f"pyweb.{app}.web.{found[app]}.service" for app in found}
        failed = shell.check_output("systemctl list-units --plain --no-legend --failed 'pyweb*' 'nginx*'")
        assert failed == ""
