# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook status says is what the hosts are."""

import json
import time


def test_well(fleet, tmp_path):
    told, outcome = fleet.status(tmp_path)
    assert told["well"], told["findings"]
    assert set(told["applications"]) == {"guestbook", "blog"} and set(told["hosts"]) == set(fleet.names)
    for app in told["applications"]:
        live = fleet.live(app)
        for name, one in told["applications"][app]["hosts"].items():
            assert one["live"] == live[name] and one["since"] and one["action"] == "activate" and "@" in one["by"]
            assert one["health"]["status"] < 500 and one["visitor"] == "" and one["certificate"]["expires"] > told["now"]
            assert all(process["state"] == "active" and process["memory"] for process in one["processes"])
            assert f"{app}" in outcome.output and one["live"] in outcome.output
    blog = told["applications"]["blog"]["hosts"][fleet.names[0]]
    assert [process["name"] for process in blog["processes"]] == ["web", "worker", "worker-2"] and blog["jobs"] == ["nightly"]
    assert told["applications"]["guestbook"]["url"] == "https://guestbook.example.com/"
    assert all(figures["changed"] == 0 for figures in outcome.recap.values())


def test_memory_and_age_are_those_of_the_process(fleet, tmp_path):
    told, _outcome = fleet.status(tmp_path, app="blog")
    assert set(told["applications"]) == {"blog"}
    name = fleet.names[0]
    worker = told["applications"]["blog"]["hosts"][name]["processes"][1]
    started = float(fleet.run(name, f"stat --format=%Y /proc/$(systemctl show -P MainPID pyweb.blog.worker.{fleet.live('blog')[name]})"))
    assert abs((time.time() - started) - worker["since"]) < 60
    assert 100_000 < worker["memory"] < 50_000_000


def test_a_process_that_was_killed_and_one_that_is_down(fleet, tmp_path):
    name = fleet.names[0]
    unit = f"pyweb.blog.{{}}.{fleet.live('blog')[name]}.service"
    fleet.run(name, f"systemctl kill --signal=KILL {unit.format('worker')}; systemctl stop {unit.format('worker-2')}")
    try:
        fleet.run(name, f"for i in $(seq 60); do systemctl is-active {unit.format('worker')} && break; sleep 1; done")
        told, outcome = fleet.status(tmp_path, app="blog")
        assert not told["well"]
        found = {(item["level"], item["host"]): item["text"] for item in told["findings"] if item["app"] == "blog"}
        assert found["problem", name] == "its process worker-2 is dead"
        assert found["notice", name] == "its process worker has ended by itself and was restarted 1 times"
        assert "(1 restarts)" in outcome.output and "DEAD" in outcome.output
        failed = fleet.play("status", exit_status=2, app="blog", status_fail=True)
        assert f"1 problems, shown above; the first: {name}: its process worker-2 is dead." in failed.messages
    finally:
        # Started anew, its restarts are counted anew.
        fleet.run(name, f"systemctl restart {unit.format('worker')} {unit.format('worker-2')}")
    assert fleet.findings(fleet.status(tmp_path, app="blog", status_fail=True)[0]) == []


def test_a_host_that_cannot_be_reached(fleet, tmp_path):
    lost = fleet.names[1]
    file = tmp_path / "hosts.yml"
    file.write_text(f"pyweb: {{hosts: {{{lost}: {{ansible_host: 192.0.2.1, ansible_timeout: 3, ansible_ssh_common_args: '-o ConnectTimeout=3'}}}}}}")
    outcome = fleet.play("status", "-i", str(file), exit_status=4, status_file=str(tmp_path / "status.json"))
    assert f"PROBLEM: {lost}: it cannot be reached." in outcome.output and "UNREACHABLE" in outcome.output
    told = json.loads((tmp_path / "status.json").read_text())
    assert not told["well"]
    assert [(item["level"], item["text"]) for item in told["findings"] if item["host"] == lost] == [("problem", "it cannot be reached")]
    # Of the others everything is told.
    assert set(told["applications"]["blog"]["hosts"]) >= set(fleet.names) - {lost}


def test_json_on_the_screen_and_wrong_format(fleet):
    assert '"schema": 1' in fleet.play("status", format="json", app="blog").output
    wrong = fleet.play("status", exit_status=2, format="yaml")
    assert "format is 'yaml': table or json is needed, as -e format=json." in wrong.messages
