# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others say of the configuration: gixy reads it as nginx does, sslyze speaks to the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(sys.executable).parent

ACCEPTED = {
    "hsts_header": "off until there is a certificate that browsers trust, and short in this scenario",
    "missing_resolver": "the variable in proxy_pass chooses between two upstream blocks, so that nothing is resolved",
    "proxy_pass_normalized": "the variable behind the host is a part of $request_uri as the visitor has written it",
    "try_files_is_evil_too": "its remedy, open_file_cache, would pin files of an old release",
}


def test_gixy_finds_nothing(host, tmp_path):
    dump = tmp_path / "nginx.conf"
    dump.write_text(host.check_output("nginx -T 2>/dev/null"))
    report = subprocess.run(
        [TOOLS / "gixy", "--format", "json", "--skips", ",".join(ACCEPTED), dump],
        capture_output=True,
        check=False,
        text=True,
    ).stdout
    issues = json.loads(report)
    # Debian 12's nginx.conf allows old TLS versions; every server of ours says otherwise, and nginx takes
    # the versions from the default server of an address, which is ours too.
    issues = [
        issue for issue in issues if not (issue["plugin"] == "weak_ssl_tls" and issue["file"].endswith(dump.name))
    ]
    assert not issues, [(issue["plugin"], issue["reason"], issue["config"]) for issue in issues]


@pytest.mark.parametrize("name", ["guestbook.example.com", "docs.example.com"])
def test_sslyze_agrees_with_mozilla(host, tmp_path, name):
    address = host.ansible.get_variables()["ansible_host"]
    result = subprocess.run(
        [TOOLS / "sslyze", "--mozilla_config", "intermediate", "--json_out", tmp_path / "out.json"]
        + ["--sni", name, f"{address}:443"],
        capture_output=True,
        check=False,
        text=True,
    )
    findings = [
        line.strip(" *").split(":")[0]
        for line in result.stdout.partition("COMPLIANCE AGAINST")[2].splitlines()
        if line.strip().startswith("*")
    ]
    # Of a certificate that nobody vouches for.
    own = {"certificate_path_validation", "maximum_certificate_lifespan"}
    assert "Checking results against" in result.stdout, result.stdout + result.stderr
    assert set(findings) <= own, result.stdout
