# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/monitoring.md says of metrics: Debian's exporter serves what the hosts are, and its Prometheus takes it, the rules and what the dashboard asks."""

import datetime
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from playbook import CHECKOUT
from plugin import until

EXAMPLES = CHECKOUT / "examples" / "monitoring"
FILE = "/var/lib/prometheus/node-exporter/pyweb.prom"
SAMPLE = re.compile(r"^(pyweb_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
# On hosts that have no curl.
READ = "python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "


def served(fleet, name):
    """What the exporter of a host tells the controller of applications, looked at this moment: values by metric, application and other labels."""
    fleet.run(name, "systemctl start pyweb-metrics.service")
    with urllib.request.urlopen(f"http://{fleet.address(name)}:9100/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert "node_cpu_seconds_total" in text and "node_textfile_scrape_error 0" in text
    found = {}
    for metric, text_of_labels, value in SAMPLE.findall(text):
        labels = dict(re.findall(r'(\w+)="(.*?)"', text_of_labels))
        found[metric, labels["app"], labels.get("process")] = float(value), labels
    return found


@pytest.fixture(scope="module")
def wanted(fleet):
    """As the page has it: let in is who asks, here the controller as the hosts see it, and the hosts, of which one has Prometheus."""
    controller = fleet.run(fleet.names[0], "ip -4 route show default | cut -d' ' -f3")
    sources = [controller, *map(fleet.address, fleet.names)]
    return {"appserver_metrics": {}, "hardening_firewall": {"allow": [{"port": "80"}, {"port": "443"}, {"port": "9100", "from": sources}]}}


@pytest.fixture(scope="module")
def metrics(fleet, wanted):
    fleet.play("provision", **wanted)
    return lambda name: served(fleet, name)


def test_check_mode_and_a_second_run_change_nothing(fleet, wanted, metrics):
    assert fleet.play("provision", "--check", **wanted).changed == 0
    assert fleet.play("provision", **wanted).changed == 0
    for name in fleet.names:
        assert fleet.run(name, "systemctl is-active pyweb-metrics.timer prometheus-node-exporter") == "active\nactive"
        assert fleet.run(name, f"stat --format='%U %a' {FILE}") == "root 644"
        assert fleet.run(name, "systemctl is-enabled pyweb-metrics.timer") == "enabled"


def test_release_health_and_certificate(fleet, metrics):
    for name in fleet.names:
        told = metrics(name)
        for app in ("guestbook", "blog"):
            live, (_one, labels) = fleet.live(app)[name], told["pyweb_release_info", app, None]
            manifest = json.loads(fleet.run(name, f"cat /var/lib/pyweb/{app}/releases/{live}/manifest.json"))
            assert (labels["release"], labels["revision"], labels["manager"]) == (live, manifest["revision"], "systemd")
            assert {told[metric, app, None][0] for metric in ("pyweb_readable", "pyweb_health_up", "pyweb_site_up")} == {1}
            assert {told[metric, app, None][0] for metric in ("pyweb_release_damaged", "pyweb_deploy_failed", "pyweb_switch_in_progress")} == {0}
            assert 0 < told["pyweb_health_duration_seconds", app, None][0] < 10 and told["pyweb_process_memory_bytes", app, "web"][0] > 5_000_000
            # The judge is OpenSSL, with the certificate that visitors are shown.
            shown = f"openssl s_client -connect 127.0.0.1:443 -servername {app}.example.com </dev/null 2>/dev/null"
            ends = fleet.run(name, f"{shown} | openssl x509 -noout -enddate")
            until_then = datetime.datetime.strptime(ends, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=datetime.timezone.utc)
            assert told["pyweb_certificate_expiry_timestamp_seconds", app, None][0] == until_then.timestamp()
            assert told["pyweb_certificate_self_signed", app, None][0] == 1
        assert {process for metric, app, process in told if (metric, app) == ("pyweb_process_up", "blog")} == {"web", "worker", "worker-2"}


def test_a_process_that_ends_by_itself_and_one_that_is_down(fleet, metrics):
    for name in fleet.names:
        unit = f"pyweb.blog.{{}}.{fleet.live('blog')[name]}.service"
        assert metrics(name)["pyweb_process_restarts_total", "blog", "worker"][0] == 0
        fleet.run(name, f"systemctl kill --signal=KILL {unit.format('worker')}; systemctl stop {unit.format('worker-2')}")
        try:
            until(lambda: metrics(name)["pyweb_process_restarts_total", "blog", "worker"][0] == 1)
            until(lambda: metrics(name)["pyweb_process_up", "blog", "worker"][0] == 1)
            assert metrics(name)["pyweb_process_up", "blog", "worker-2"][0] == 0
        finally:
            fleet.run(name, f"systemctl restart {unit.format('worker')} {unit.format('worker-2')}")


def test_the_timer_writes_them_anew(fleet, metrics):
    name = fleet.names[-1]
    fleet.run(name, f"rm {FILE}")
    until(lambda: fleet.hosts[name].file(FILE).exists, 120)


def test_nobody_else_is_let_in(fleet, wanted, metrics):
    """The rule of the page, without which no address is."""
    name = fleet.names[0]
    fleet.play("provision", "--limit", name, appserver_metrics={})
    try:
        with pytest.raises((urllib.error.URLError, TimeoutError)):
            urllib.request.urlopen(f"http://{fleet.address(name)}:9100/metrics", timeout=3)
        assert "pyweb_readable" in fleet.run(name, f"{READ} http://127.0.0.1:9100/metrics")
    finally:
        fleet.play("provision", "--limit", name, **wanted)


@pytest.fixture(scope="module")
def prometheus(fleet, metrics):
    """Debian's Prometheus on each host, with the examples as they are but for the addresses, and for how often it looks."""
    text = (EXAMPLES / "prometheus.yml").read_text()
    targets = ", ".join(f'"{fleet.address(name)}:9100"' for name in fleet.names)
    for old, new in (('"web1.example.com:9100", "web2.example.com:9100"', targets), ("30s", "2s")):
        assert old in text
        text = text.replace(old, new)
    files = {"prometheus.yml": text, "alerts.yml": (EXAMPLES / "alerts.yml").read_text(),
             "alerts_test.yml": (CHECKOUT / "molecule" / "day2" / "files" / "alerts_test.yml").read_text()}
    for name in fleet.names:
        fleet.run(name, "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends prometheus >/dev/null")
        for file, content in files.items():
            fleet.run(name, f"cat >/etc/prometheus/{file} <<'END'\n{content}END")
        fleet.run(name, "systemctl restart prometheus")
    yield
    for name in fleet.names:
        fleet.run(name, "systemctl disable --quiet --now prometheus")


def test_promtool_accepts_the_examples_and_the_metrics(fleet, prometheus):
    for name in fleet.names:
        checked = fleet.run(name, "cd /etc/prometheus && promtool check config prometheus.yml")
        assert "13 rules found" in checked, checked
        assert "SUCCESS" in fleet.run(name, "cd /etc/prometheus && promtool test rules alerts_test.yml")
        assert fleet.run(name, f"promtool check metrics < {FILE} 2>&1") == ""


def test_prometheus_has_the_hosts_the_rules_and_what_the_dashboard_asks_for(fleet, prometheus):
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [mark["expr"] for mark in dashboard["annotations"]["list"] if "expr" in mark]
    for name in fleet.names:
        def query(path, name=name, **fields):
            answer = json.loads(fleet.run(name, f"{READ} 'http://127.0.0.1:9090/api/v1/{path}?{urllib.parse.urlencode(fields)}'"))
            assert answer["status"] == "success", answer
            return answer["data"]

        until(lambda: len(query("query", query='pyweb_health_up == 1')["result"]) == 2 * len(fleet.names))
        until(lambda: all(rule["health"] == "ok" for group in query("rules")["groups"] for rule in group["rules"]))
        assert sum(len(group["rules"]) for group in query("rules")["groups"]) == 13
        assert [alert["labels"]["alertname"] for alert in query("alerts")["alerts"] if alert["state"] == "firing"] == []
        told = {}
        for expression in asked:
            # As Grafana fills them in where all is chosen.
            told[expression] = query("query", query=expression.replace("$app", ".*").replace("$instance", ".*"))["result"]
        sites = next(expression for expression in asked if expression.startswith("min by (app) (pyweb_site_up"))
        assert {(one["metric"]["app"], one["value"][1]) for one in told[sites]} == {("guestbook", "1"), ("blog", "1")}
        releases = next(expression for expression in asked if expression.startswith("pyweb_release_info"))
        assert {one["metric"]["release"] for one in told[releases]} == {*fleet.live("guestbook").values(), *fleet.live("blog").values()}
        # Nothing is wrong, and no backup is made here.
        assert [expression for expression in asked if not told[expression] and "backup" not in expression and "changes(" not in expression] == []


def test_another_exporter_s_directory(fleet, wanted, metrics):
    name, directory = fleet.names[0], "/var/lib/node_exporter"
    fleet.run(name, f"mkdir {directory}")
    fleet.play("provision", "--limit", name, **{**wanted, "appserver_metrics": {"exporter": False, "directory": directory}})
    assert 'pyweb_readable{app="blog"} 1' in fleet.run(name, f"cat {directory}/pyweb.prom")
    fleet.play("provision", "--limit", name, **wanted)
    missing = fleet.play("provision", "--limit", name, exit_status=2, **{**wanted, "appserver_metrics": {"exporter": False, "directory": "/var/lib/nobody"}})
    assert missing.messages[0].startswith("appserver_metrics.directory is '/var/lib/nobody', which is no directory on this host"), missing.output


def test_absent(fleet, wanted, metrics):
    gone = {**wanted, "appserver_metrics": {"state": "absent"}}
    fleet.play("provision", **gone)
    for name in fleet.names:
        assert not fleet.hosts[name].file(FILE).exists
        assert fleet.run(name, "systemctl list-unit-files --no-legend 'pyweb-metrics*' || true") == ""
    assert fleet.play("provision", **gone).changed == 0
