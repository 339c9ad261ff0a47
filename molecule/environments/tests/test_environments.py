# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to say what an application needs, on real hosts: what is there in the end, and what is nowhere to be seen."""

from __future__ import annotations

import json
import os
import pathlib
import re

import playbook
import pytest
import testinfra

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
SCENARIO = pathlib.Path(__file__).parents[1]

BASE = {"alpha": "1.0", "beta": "1.0"}
BOTH = {**BASE, "gamma": "1.0", "delta": "1.0"}
# The order of group_vars/pyweb.yml; what side_effect.yml has deployed comes last.
FOUND = [
    ("nothing", {}),
    ("uv", {**BOTH, "lib": "one", "shop": "one"}),
    ("uv-two", {**BOTH, "lib": "one", "shop": "two"}),
    ("pylock", {**BASE, "gamma": "1.0", "shop": "one"}),
    ("poetry", BOTH),
    ("pdm", BOTH),
    ("pipenv", {**BASE, "delta": "1.0"}),
    ("hashes", BASE),
    ("production", {**BASE, "delta": "1.0"}),
    ("project", {**BOTH, "shop": "one"}),
    ("setup", {**BASE, "gamma": "1.0", "shop": "one"}),
    ("native", {"charlie": "?"}),
    ("uv", {**BASE, "lib": "one", "shop": "one"}),
    ("hashes", BASE),
    ("project", {**BASE, "gamma": "1.0", "shop": "one"}),
]
EXACT, PATH, WHEELHOUSE = 12, 13, 14


def good(host):
    text = host.check_output("cat /var/lib/pyweb/shop/releases/*/manifest.json").replace("}\n{", "}\0{")
    found = [json.loads(part) for part in text.split("\0")]
    return sorted((manifest for manifest in found if manifest["state"] in ("active", "superseded")), key=lambda manifest: manifest["release"])


def python(host, manifest, code):
    return host.check_output("runuser -u shop -- sh -c %s", f'cd /srv/shop/releases/{manifest["release"]} && .venv/bin/python -B -c "{code}"')


def lock(host, manifest):
    return host.file(f"/srv/shop/releases/{manifest['release']}/.venv/pyweb-lock.txt").content_string


@pytest.mark.parametrize("number", range(len(FOUND)), ids=[f"{number}-{name}" for number, (name, dummy) in enumerate(FOUND)])
def test_every_way_to_say_what_is_needed(host, number):
    version, expected = FOUND[number]
    manifest = good(host)[number]
    assert manifest["version"] == version
    assert json.loads(python(host, manifest, "import app, json; print(json.dumps(app.found()))")) == expected
    # The server is there, too, and takes the application.
    assert host.run(f"runuser -u shop -- sh -c 'cd /srv/shop/releases/{manifest['release']} && .venv/bin/python -B -m gunicorn --check-config app:app'").rc == 0
    assert f"gunicorn==27.0.1{' ' if '--hash' in lock(host, manifest) else chr(10)}" in lock(host, manifest)


def test_what_needs_no_interpreter_of_its_own_has_the_distribution_s(host):
    manifest = good(host)[1]
    assert manifest["python"] == "/usr/bin/python3" and manifest["python_version"].count(".") == 1


def test_an_exact_interpreter_belongs_to_root_and_stays(host):
    manifest = good(host)[EXACT]
    version = host.file("/opt/mirror/downloads.json").content_string.split("-")[1]
    assert manifest["python_version"] == version and manifest["python"].startswith(f"/opt/pyweb/python/cpython-{version}-linux-")
    assert python(host, manifest, "import sys; print(sys.base_prefix)") == str(pathlib.Path(manifest["python"]).parents[1])
    assert host.check_output("find /opt/pyweb '(' -not -user root -o -perm /022 -not -type l ')'") == ""
    # Those who use it could not compile its standard library.
    assert host.run(f"ls {pathlib.Path(manifest['python']).parents[1]}/lib/python*/json/__pycache__/decoder.*.pyc").rc == 0


def test_an_interpreter_by_its_path(host):
    manifest = good(host)[PATH]
    assert manifest["python"] == "/opt/pyweb/uv/0.13.8/bin/python3"


def test_provision_installs_what_applications_ask_for():
    apps = {"one": {"source": {"repo": "git://127.0.0.1/environments"}, "python": "3.12.77", "processes": {"web": {"wsgi": "app:app"}}}}
    outcome = playbook.play("provision", "-i", INVENTORY, "--tags", "python", pyweb_apps=apps)
    sentence = "python_versions has 3.12.77, which uv 0.13.8 could not install from python_uv.mirror file:///opt/mirror: check"
    assert outcome.messages and all(" ".join(message.split()).startswith(sentence) for message in outcome.messages), outcome.output


def test_hosts_that_differ_have_the_same_requirements():
    hosts = testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)
    for number in (1, 4, 8, 9):
        first, second = ((good(host)[number], lock(host, good(host)[number])) for host in hosts)
        assert first[1] == second[1]
        assert first[0]["lock"] == second[0]["lock"] and len(first[0]["lock"]["platforms"]) == 2


def test_an_environment_is_shared_by_releases_with_the_same_lock(host):
    manifests = good(host)
    assert manifests[1]["environment"] == manifests[2]["environment"] != manifests[EXACT]["environment"]
    one, two = (host.file(f"/srv/shop/releases/{manifests[number]['release']}/.venv/pyweb-lock.txt").content_string for number in (1, 2))
    assert one == two


def test_tools_leave_nothing_in_a_release(host):
    for manifest in good(host):
        assert not host.file(f"/srv/shop/releases/{manifest['release']}/.pdm-python").exists


def test_without_a_network_nothing_is_asked(host):
    """What was downloaded is gone by then: it must have come from the directory."""
    manifest = good(host)[WHEELHOUSE]
    assert host.file("/srv/shop/build/cache").is_directory
    assert manifest["release"] in host.check_output("readlink /srv/shop/current")


@pytest.fixture(scope="module")
def changed_password():
    """The password of the index changes while somebody watches the process list; everything that Ansible can print is printed."""
    hosts = testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)
    for host in hosts:
        host.check_output("systemd-run --quiet --unit=watch sh -c 'while sleep 0.02; do ps -eo args >> /root/ps.log; done'")
    outcome = playbook.play(SCENARIO / "again.yml", "-i", INVENTORY, "-vvv", "--diff", login="deploy:7d0b%40otter")
    for host in hosts:
        host.check_output("systemctl stop watch")
    assert outcome.status == 0, outcome.output
    return outcome.output


def test_a_password_is_nowhere_to_be_seen(host, changed_password):
    built = json.loads(host.check_output("ls -t /var/lib/pyweb/shop/releases/*/manifest.json | head -n 1 | xargs cat"))
    assert built["state"] == "built" and built["environment"] == good(host)[1]["environment"], "a new password builds no new base"
    assert "uv pip install" in host.file("/root/ps.log").content_string, "nobody has watched"
    pattern = "[9]c1e.{0,3}heron|[7]d0b.{0,3}otter"
    # Serving the index is none of our business: its tasks are not ours.
    shown = [line for line in changed_password.splitlines() if re.search(pattern, line)]
    assert shown == []
    assert host.run("grep -E %s /root/ps.log", pattern).stdout == ""
    assert host.run("journalctl --no-pager -o cat | grep -E %s", pattern).stdout == ""
    assert host.run(f"grep -rslE --devices=skip '{pattern}' /etc /srv /var /run /tmp /home /root /opt /usr/local").stdout.split() == ["/root/index-login"]
