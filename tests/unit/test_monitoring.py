# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there to be copied for monitoring: it names the metrics that there are, and tells no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import metrics

CHECKOUT = Path(__file__).resolve().parents[2]
NODE = {"node_textfile_mtime_seconds", "node_textfile_scrape_error"}
DASHBOARD = json.loads((CHECKOUT / "examples/monitoring/dashboard.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((CHECKOUT / "examples/monitoring/alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
HOOKS = sorted((CHECKOUT / "examples/hooks").glob("*.yml"))


def named(text):
    return set(re.findall(r"\b(?:pyweb|node)_\w+_\w+|\bpyweb_readable\b", text))


def expressions():
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    marks = [mark["expr"] for mark in DASHBOARD["annotations"]["list"] if "expr" in mark]
    choices = [choice["query"]["query"] for choice in DASHBOARD["templating"]["list"] if choice["type"] == "query"]
    return asked + marks + choices + [rule["expr"] for rule in RULES]


def test_the_dashboard_and_the_rules_ask_for_metrics_that_there_are():
    asked = set().union(*map(named, expressions()))
    assert asked <= {*metrics.FAMILIES, *NODE}
    # Each is worth something to somebody.
    shown = asked | {"pyweb_certificate_self_signed", "pyweb_health_up", "pyweb_process_uptime_seconds"}
    assert set(metrics.FAMILIES) <= shown


def test_the_document_names_every_metric():
    page = (CHECKOUT / "docs/monitoring.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `pyweb_")]
    assert {name for row in rows for name in re.findall(r"`(pyweb_\w+)`", row.split("|")[1])} == set(metrics.FAMILIES)


def test_panels_have_numbers_of_their_own_and_lie_side_by_side():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers) >= 10


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: file.name)
def test_a_message_shows_no_secret_and_fails_no_deploy(file):
    tell, say = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert tell["no_log"] is True and tell["ignore_errors"] is True and tell["when"] == "pyweb_hook.last"
    assert tell["delegate_to"] == "localhost" and tell["become"] is False
    assert tell["ansible.builtin.uri"]["timeout"] <= 10 and tell["ansible.builtin.uri"]["follow_redirects"] == "none"
    # What failed is said without the result, which has the address in it.
    assert set(re.findall(r"notify_told\.(\w+)", str(say))) <= {"status", "results"} and "url" not in str(say)
