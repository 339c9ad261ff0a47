# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What status tells, in Prometheus' text format. The scenario day2 has promtool and the real node exporter read it."""

from __future__ import annotations

import os
import re

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import cli
from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import metrics

A, B = "20261101T000000Z-1a2b3c4", "20261102T000000Z-1a2b3c4"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
LINE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)\{{({LABEL}(?:,{LABEL})*)\}} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parsed(text):
    """Values by metric and labels. Refuses what the exposition format does not allow: order, doubles, escapes, the end of the line."""
    assert text == "" or text.endswith("\n")
    kinds, values, helped, group = {}, {}, set(), None
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, words = line[len("# HELP "):].split(" ", 1)
            assert name not in helped and words and "\\" not in words
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[len("# TYPE "):].split(" ")
            assert name not in kinds and name in helped and kind in ("gauge", "counter")
            kinds[name], group = kind, name
        else:
            found = LINE.fullmatch(line)
            assert found, line
            assert found[1] == group, "lines of a metric stand together, behind its type"
            labels = {label.partition("=")[0]: re.sub(r"\\.", lambda escape: UNESCAPED[escape[0]], label.partition("=")[2][1:-1])
                      for label in re.findall(LABEL, found[2])}
            key = (found[1], frozenset(labels.items()))
            assert key not in values, line
            values[key] = float(found[3])
    return values


def value(text, name, **labels):
    return parsed(text).get((name, frozenset({"app": "shop", **labels}.items())))


LOOKED = {
    "exists": True, "live": A, "version": "main", "revision": "1a2b3c4d", "python_version": "3.12.8", "manager": "systemd", "action": "activate",
    "since": "20261101T000000Z", "by": "jane@laptop", "damage": "", "failure": None, "switch": None,
    "health": {"path": "/", "status": 200, "seconds": 0.012, "fault": ""}, "visitor": "",
    "certificate": {"path": "/etc/ssl/shop.pem", "expires": "20270101T000000Z", "self_signed": False},
    "processes": [{"name": "web", "state": "active", "since": 90, "restarts": 2, "memory": 52428800},
                  {"name": "worker", "state": "dead", "since": None, "restarts": None, "memory": None}],
    "backup": None,
}


def test_an_application_that_is_well():
    text = metrics.text({"shop": LOOKED})
    assert value(text, "pyweb_readable") == 1
    assert value(text, "pyweb_release_info", release=A, version="main", revision="1a2b3c4d", python="3.12.8", manager="systemd", action="activate") == 1
    assert value(text, "pyweb_release_live_timestamp_seconds") == 1793491200
    assert value(text, "pyweb_certificate_expiry_timestamp_seconds") == 1798761600 and value(text, "pyweb_certificate_self_signed") == 0
    assert value(text, "pyweb_health_up") == value(text, "pyweb_site_up") == 1 and value(text, "pyweb_health_duration_seconds") == 0.012
    assert value(text, "pyweb_process_restarts_total", process="web") == 2 and value(text, "pyweb_process_memory_bytes", process="web") == 52428800
    assert value(text, "pyweb_process_up", process="web") == 1 and value(text, "pyweb_process_up", process="worker") == 0
    for name in ("pyweb_release_damaged", "pyweb_deploy_failed", "pyweb_switch_in_progress"):
        assert value(text, name) == 0
    # Supervisor does not count restarts: nothing is told, where 0 would be a lie.
    assert value(text, "pyweb_process_restarts_total", process="worker") is None
    assert not any(name.startswith("pyweb_backup") for name, _labels in parsed(text))
    # Who deployed is for people who may log in.
    assert "jane" not in text and "/etc/ssl" not in text


ILL = {
    "pyweb_health_up": {"health": {"path": "/", "status": None, "seconds": 10.0, "fault": "GET / gets no answer"}},
    "pyweb_site_up": {"visitor": "https://shop.example.com/ through nginx answers 502"},
}


@pytest.mark.parametrize("name", ILL)
def test_an_application_that_is_ill(name):
    text = metrics.text({"shop": {**LOOKED, **ILL[name]}})
    assert value(text, name) == 0
    assert name == "pyweb_site_up" or value(text, "pyweb_health_duration_seconds") is None


TROUBLE = {
    "pyweb_release_damaged": {"damage": "app.py is missing"},
    "pyweb_deploy_failed": {"failure": {"release": B, "state": "failed"}},
    "pyweb_switch_in_progress": {"switch": {"release": B}},
    "pyweb_certificate_self_signed": {"certificate": {"path": "x", "expires": None, "self_signed": True}},
    "pyweb_backup_failed": {"backup": {"last": None, "failure": {"error": "the disk is full"}, "period": None}},
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_told(name):
    text = metrics.text({"shop": {**LOOKED, **TROUBLE[name]}})
    assert value(text, name) == 1
    # What is not known has no sample: 0 would be the year 1970.
    assert value(text, "pyweb_backup_last_success_timestamp_seconds") is None
    assert name != "pyweb_certificate_self_signed" or value(text, "pyweb_certificate_expiry_timestamp_seconds") is None


def test_a_backup():
    text = metrics.text({"shop": {**LOOKED, "backup": {"last": {"time": "20261101T023000Z"}, "failure": None, "period": 86400.0}}})
    assert value(text, "pyweb_backup_last_success_timestamp_seconds") == 1793500200
    assert value(text, "pyweb_backup_failed") == 0 and value(text, "pyweb_backup_period_seconds") == 86400


def test_one_without_a_site_or_a_release_and_one_that_cannot_be_read():
    text = metrics.text({"shop": {**LOOKED, "health": None, "visitor": None, "certificate": None}, "new": {"exists": True, "live": None},
                         "torn": {"exists": True, "live": None, "fault": "manifest.json has schema 2"}})
    told = {(name, dict(labels)["app"]): number for (name, labels), number in parsed(text).items()}
    assert [told["pyweb_readable", app] for app in ("shop", "new", "torn")] == [1, 1, 0]
    assert [name for name, app in told if app != "shop"] == ["pyweb_readable", "pyweb_readable"]
    assert not {"pyweb_health_up", "pyweb_site_up", "pyweb_certificate_self_signed"} & {name for name, _app in told}


def test_a_host_without_applications():
    assert metrics.text({}) == ""


def test_a_label_of_a_user_s_keeps_its_characters():
    version = 'a "quoted"\\n\nbranch, with {braces}'
    text = metrics.text({"shop": {**LOOKED, "version": version}})
    assert value(text, "pyweb_release_info", release=A, version=version, revision="1a2b3c4d", python="3.12.8", manager="systemd", action="activate") == 1


def test_the_timer_s_command_writes_what_the_host_has(host, app, tmp_path):
    host.release(app, A, state="active", live=True, version="main", revision="1a2b3c4d", secrets_digest="0123456789abcdef")
    directory, unit = tmp_path / "collector", f"pyweb.shop.web.{A}.service"
    directory.mkdir()
    for state, up in (("active", 1), ("failed", 0)):
        host.systemd.show(unit, Id=unit, ActiveState=state, SubState=state, NRestarts=3)
        assert cli.main(["metrics", str(directory)]) == 0
        text = (directory / "pyweb.prom").read_text()
        assert value(text, "pyweb_process_up", process="web") == up and value(text, "pyweb_process_restarts_total", process="web") == 3
        assert value(text, "pyweb_release_info", release=A, version="main", revision="1a2b3c4d", python="", manager="systemd", action="activate") == 1
        assert "0123456789abcdef" not in text
        # Every *.prom is read by the exporter: nothing else may lie there, and others than root read it.
        assert os.listdir(directory) == ["pyweb.prom"] and (directory / "pyweb.prom").stat().st_mode & 0o777 == 0o644


def test_what_is_written_has_no_name_that_the_exporter_reads(app, tmp_path, monkeypatch):
    seen, rename = [], os.rename
    monkeypatch.setattr(os, "rename", lambda source, target: (seen.append((source, target)), rename(source, target)))
    assert cli.main(["metrics", str(tmp_path)]) == 0
    assert [source for source, _target in seen if source.endswith(".prom")] == [] and seen[-1][1] == f"{tmp_path}/pyweb.prom"


def test_a_directory_that_is_missing(app, tmp_path, capsys):
    assert cli.main(["metrics", f"{tmp_path}/nowhere"]) == 1
    assert f"{tmp_path}/nowhere is no directory: appserver_metrics.directory names" in capsys.readouterr().err
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "nowhere")
    assert cli.main(["metrics", f"{tmp_path}/nowhere"]) == 1 and os.listdir(tmp_path / "elsewhere") == []
