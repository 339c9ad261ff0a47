# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of every kind arrive byte for byte, everywhere; and nobody else ever sees a secret."""

import base64
import json
import os
import random
import re

import pytest

HUGE = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz \n'\"$%#\\€", k=60000))
ENV = {
    "SPACES": "  two  and more ",
    "QUOTES": "'single' \"double\" '\"'",
    "DOLLARS": "$HOME ${HOME} $$ $(id) `id`",
    "PERCENT": "%s %% %h %(name)s %n",
    "HASH": "# no comment; no end",
    "LINES": "first\nsecond\r\nthird\n\n",
    "UNICODE": "ünï €uro 漢字 🐍",
    "BACKSLASHES": "\\ \\n \\\\ \\x41 C:\\temp\\",
    "TEMPLATE": "{{ nothing }} {% nothing %}",
    "EQUAL": "a=b=c", "EMPTY": "", "JSON": '{"a": ["b"]}', "TAB": "\ta\t",
    "LONG": HUGE,
}
SECRETS = {f"SECRET_{name}": f"mArKeR-5521{value}" for name, value in ENV.items()}
MARKER = "mArKeR-5521"
# Every environment that neighbours, the build user and nobody can read while a deploy runs, and every command line.
SPY = """
import glob, os, sys, time
found = set()
while not os.path.exists('/run/spies-go-home'):
    for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
        try:
            text = open(path, 'rb').read()
        except OSError:
            continue
        if sys.argv[1].encode()[::-1] in text:
            found.add(path.rsplit('/', 1)[1] + ' ' + repr(text[:60]))
    time.sleep(0.02)
print('seen:', sorted(found))
"""
SPIES = ["blog", "blog-build", "shop-build", "nobody", "www-data", "admin"]


def variables(tmp_path, secrets, env=None):
    """As a file, in which nothing is a template."""
    def text(values):
        # Ansible takes !unsafe "" for nothing at all.
        return "      {}\n" if not values else "".join(
            f"      {name}: {'!unsafe ' if value else ''}{json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())

    path = tmp_path / "values.yml"
    path.write_text(
        "pyweb_app_overrides:\n  shop:\n    env:\n" + text(ENV if env is None else env) + "    secrets:\n" + text(secrets)
        + "    migrate: cat /proc/self/environ > $PYWEB_SHARED/migrate.env\n"
        + "    processes:\n      worker: {command: cat /proc/self/environ > $PYWEB_SHARED/worker.env && sleep infinity}\n"
    )
    return f"@{path}"


@pytest.fixture(scope="module")
def deployed(server, tmp_path_factory):
    """With all that Ansible can print, while everybody watches."""
    server.run("rm -f /run/spies-go-home")
    for user in SPIES:
        # Spelt backwards: a spy must not find itself.
        server.run("systemd-run --quiet --unit=spy-%s --uid=%s --property=StandardOutput=file:/run/spy-%s python3 -c %s %s",
                   user, user, user, SPY, MARKER[::-1])
    secrets = {**SECRETS, "API_TOKEN": f"{MARKER}-one"}
    outcome = server.deploy("-vvv", "--diff", "-e", variables(tmp_path_factory.mktemp("values"), secrets))
    server.run("touch /run/spies-go-home")
    server.until(lambda: "spy-" not in server.run("systemctl list-units --plain --no-legend 'spy-*'"))
    assert outcome.status == 0, outcome.output[-5000:]
    return outcome.output


def expected():
    return {name: value.encode() for name, value in {**ENV, **SECRETS}.items()}


def pairs(content):
    return {os.fsdecode(name): value for name, value in (pair.split(b"=", 1) for pair in content.split(b"\0") if pair)}


def test_the_web_process_has_every_value(server, deployed):
    found = server.environment()
    for name, value in expected().items():
        assert found[name] == value, name


@pytest.mark.parametrize("process", ["worker", "migrate", "run"])
def test_every_other_command_has_every_value(server, deployed, process):
    if process == "run":
        outcome = server.play("run", command="cat /proc/self/environ > $PYWEB_SHARED/run.env")
        assert outcome.status == 0, outcome.output
    found = pairs(base64.b64decode(server.run(f"base64 --wrap=0 /srv/shop/shared/{process}.env")))
    for name, value in expected().items():
        assert found[name] == value, name


def test_nobody_saw_a_secret(server, deployed):
    assert MARKER not in deployed
    for user in SPIES:
        assert server.run(f"cat /run/spy-{user}") == "seen: []", user
    pattern = f"[{MARKER[0]}]{MARKER[1:]}"
    assert server.shell.run("journalctl --no-pager --output=cat | grep -c %s", pattern).stdout.strip() == "0"
    readable = f"grep -rls --devices=skip {pattern} /etc /srv /var /run /tmp /home /opt /usr/local /dev/shm"
    for user in SPIES:
        assert server.shell.run(f"runuser -u {user} -- {readable}").stdout == "", user
    assert set(server.shell.run(readable).stdout.split()) == {
        "/etc/pyweb/shop/secrets", *(f"/srv/shop/shared/{name}.env" for name in ("worker", "migrate", "run"))}


@pytest.mark.full
def test_a_rollback_runs_with_the_secrets_of_today(server, deployed, tmp_path):
    before = server.live()
    secrets = {**SECRETS, "API_TOKEN": f"{MARKER}-two"}
    outcome = server.deploy("-e", variables(tmp_path, secrets))
    assert outcome.status == 0, outcome.output[-5000:]
    assert server.live() != before and server.environment()["API_TOKEN"] == f"{MARKER}-two".encode()
    outcome = server.play("rollback")
    assert outcome.status == 0, outcome.output[-5000:]
    assert server.live() == before and server.environment()["API_TOKEN"] == f"{MARKER}-two".encode()


def test_a_value_that_no_process_can_have_is_refused_before_anything_happens(server, tmp_path):
    outcome = server.deploy("-e", variables(tmp_path, {}, {"LONG": "x" * 140000}))
    assert outcome.status != 0
    (fault,) = set(outcome.messages)
    assert re.fullmatch(r"pyweb_apps\.shop\.env\.LONG has 140000 bytes: .*file.*", fault), fault[:500]
