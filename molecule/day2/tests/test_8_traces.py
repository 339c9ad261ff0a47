# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application with OpenTelemetry's own packages, set up by the environment alone as docs/monitoring.md has it, tells a collector on its host."""

import json
import re
import shutil

import pytest
import yaml

from playbook import CHECKOUT
from plugin import until
from visitor import Visitor

TOKEN = "correct-horse-otel-51c2"
COLLECTED = "/run/otlp.jsonl"
PACKAGES = ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http", "opentelemetry-instrumentation-flask")


@pytest.fixture(scope="module")
def traced(fleet, tmp_path_factory):
    """The application blog with what the page has people add, and the collector on each host."""
    page = (CHECKOUT / "docs" / "monitoring.md").read_text(encoding="utf-8").partition("## OpenTelemetry\n")[2]
    assert all(f"`{package}`" in page for package in PACKAGES)
    shop = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])["pyweb_apps"]["shop"]
    source = tmp_path_factory.mktemp("traced") / "blog"
    shutil.copytree(CHECKOUT / "tests" / "apps" / "flask", source)
    with (source / "requirements.txt").open("a") as file:
        file.writelines(f"{package}\n" for package in ("gunicorn", *PACKAGES))
    command, env = shop["processes"]["web"]["command"], {**shop["env"], "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert command.endswith("--workers 4 shop.wsgi") and env["OTEL_SERVICE_NAME"] == "shop"
    web = {"workers": None, "command": command.replace("--workers 4 shop.wsgi", "--workers 2 blog:app"), "network": "local"}
    secrets = {"OTEL_EXPORTER_OTLP_HEADERS": shop["secrets"]["OTEL_EXPORTER_OTLP_HEADERS"].replace("{{ vault_otel_token }}", TOKEN)}
    overrides = {"blog": {"source": {"path": str(source)}, "env": env, "secrets": secrets, "processes": {"web": web}}}
    fleet.play("deploy", app="blog", pyweb_app_overrides=overrides)
    program = (CHECKOUT / "molecule" / "day2" / "files" / "otlp.py").read_text(encoding="utf-8")
    for name in fleet.names:
        fleet.run(name, f"cat >/run/otlp.py <<'END'\n{program}END")
        fleet.run(name, f"systemd-run --quiet --unit=otlp /srv/blog/current/.venv/bin/python /run/otlp.py {COLLECTED}")
        until(lambda name=name: fleet.run(name, "ss -Hltn 'sport = :4318'"))
    yield
    for name in fleet.names:
        fleet.run(name, "systemctl stop otlp")
    fleet.play("deploy", app="blog")


def test_visitors_are_told_of_with_release_and_token(fleet, traced):
    for name in fleet.names:
        def spans(name=name):
            lines = fleet.run(name, f"touch {COLLECTED}; cat {COLLECTED}").splitlines()
            return [span for span in map(json.loads, lines) if "traced" in json.dumps(span["attributes"])]

        visitor = Visitor(fleet.address(name))
        assert [visitor.get("https://blog.example.com/?traced").status_code for _visit in range(20)] == [200] * 20
        until(lambda spans=spans: len(spans()) == 20)
        for span in spans():
            assert span["name"] == "GET /" and span["token"] == f"Bearer {TOKEN}"
            # The release by which a collector tells versions apart.
            assert (span["resource"]["service.name"], span["resource"]["service.version"]) == ("shop", fleet.live("blog")[name])
        # The token is a secret: in no list of processes, no unit and no manifest. The pattern is not found in the search itself.
        files = "/proc/[0-9]*/cmdline /var/lib/pyweb/blog/releases/*/manifest.json"
        assert fleet.run(name, f"grep -l '[{TOKEN[0]}]{TOKEN[1:]}' {files} 2>/dev/null || true") == ""
        assert TOKEN not in fleet.run(name, "systemctl show 'pyweb.blog.*'")
