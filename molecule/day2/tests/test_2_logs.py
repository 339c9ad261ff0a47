# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications log and who visits them is found, by whatever it is narrowed."""

import pytest

from visitor import Visitor


def test_a_process_on_all_hosts_by_time(fleet):
    outcome = fleet.play("logs", app="blog", process="worker", text="THE WORKER OF")
    live = fleet.live("blog")
    lines = [line.strip() for line in outcome.output.splitlines() if "the worker of" in line]
    for name in fleet.names:
        for source in ("worker", "worker-2"):
            assert any(f" {name} blog/{source} {live[name]} the worker of {live[name]} works" in line for line in lines), outcome.output
    times = [line.split()[0] for line in lines]
    assert times == sorted(times) and "blog/web" not in outcome.output
    assert outcome.changed == 0


def test_the_last_lines_are_the_newest(fleet):
    for name in fleet.names:
        newest = fleet.run(name, "journalctl --quiet --no-pager -o cat -n 1 -u 'pyweb.blog.*.*.service'")
        output = fleet.play("logs", "--limit", name, app="blog", lines=1).output
        assert output.count(" blog/") == 1 and newest in " ".join(output.split()), output


def test_one_release(fleet):
    name = fleet.names[0]
    release = fleet.live("blog")[name]
    output = fleet.play("logs", "--limit", name, app="blog", version=release).output
    assert f"{name} blog/web {release}" in output and fleet.names[1] not in output
    missing = fleet.play("logs", "--limit", name, exit_status=2, app="blog", version="v9")
    assert missing.messages[0].startswith("blog: no release 'v9' is kept on this host: kept are ")


def test_visitors_who_saw_an_error(fleet):
    for name in fleet.names:
        for path, status in (("/not-here-7f3a", 404), ("/", 200)):
            assert Visitor(fleet.address(name)).get(f"https://blog.example.com{path}").status_code == status
    variables = {"app": "blog", "log": "nginx", "since": "10 minutes ago"}
    seen = fleet.play("logs", **variables, **{"text": "not-here-7f3a"}).output
    assert all(f"{name} blog/nginx" in seen for name in fleet.names)
    outcome = fleet.play("logs", "-e", "status=404", **variables)
    assert all(f"{name} blog/nginx" in outcome.output for name in fleet.names) and '"GET / HTTP' not in outcome.output
    assert "Nothing of this kind was logged." in fleet.play("logs", "-e", "status='>=500'", **variables).output


WRONG = {
    "log": ({"log": "apache"}, "log is 'apache': application or nginx is needed, as -e log=nginx."),
    "lines": ({"lines": "many"}, "lines is 'many': a number from 1 to 99999 is needed, as -e lines=50."),
    "process": ({"process": "a b"}, "process is 'a b': the name of a process is needed, as -e process=worker."),
    "since": ({"since": "teatime"}, "blog: since is 'teatime': a time as journalctl takes it is needed, such as '1 hour ago', 'today' or '2026-11-20 20:15'."),
}


@pytest.mark.parametrize("variables, sentence", WRONG.values(), ids=WRONG)
def test_wrong_arguments(fleet, variables, sentence):
    assert sentence in fleet.play("logs", exit_status=2, app="blog", **variables).messages


def test_how_to_follow(fleet):
    output = fleet.play("logs", app="blog", follow=True).output
    assert output.count("sudo journalctl -f") == len(fleet.names)
