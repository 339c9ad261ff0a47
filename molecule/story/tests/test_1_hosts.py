# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converged host looks like: to visitors, to its applications, and to those who should not see anything."""

import base64
import json
import pathlib
import re
import secrets

import pytest
import yaml

DATA = (pathlib.Path(__file__).parents[1] / "group_vars" / "pyweb.yml").read_text()


class Loader(yaml.SafeLoader):
    """Takes Ansible's !unsafe for what it is: a text."""


Loader.add_constructor("!unsafe", yaml.SafeLoader.construct_yaml_str)
APPS = yaml.load(DATA, Loader)["pyweb_apps"]
SECRET = APPS["probe"]["secrets"]["API_TOKEN"]
USERS = ["guestbook", "guestbook-build", "probe", "probe-build", "www-data", "nobody", "admin"]


def test_the_page_comes_through_tls(visitor):
    answer = visitor.get("https://guestbook.example.com/")
    assert answer.status_code == 200 and "<h1>Our guestbook</h1>" in answer.text
    assert answer.headers["X-Release"] in answer.text
    answer = visitor.get("http://guestbook.example.com/healthz")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://guestbook.example.com/healthz")
    assert visitor.get("https://probe.example.com/").text == "probe one\n"
    assert visitor.get("https://www.probe.example.com/").text == "probe one\n"


def test_nginx_serves_the_style_sheet_under_its_hashed_name(visitor):
    page = visitor.get("https://guestbook.example.com/").text
    address = re.search(r'href="(/static/style\.[0-9a-f]{8}\.css)"', page)[1]
    answer = visitor.get("https://guestbook.example.com" + address)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/css") and "--accent" in answer.text
    assert "X-Release" not in answer.headers, "the application has answered, not nginx"


def test_a_form_is_kept_and_shown_escaped(visitor):
    text = f"<script>alert('{secrets.token_hex(4)}')</script>"
    answer = visitor.ask("POST", "https://guestbook.example.com/", data={"name": "Ada", "message": text})
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/#entry-")
    page = visitor.get("https://guestbook.example.com/").text
    assert text not in page and text.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;") in page
    assert visitor.ask("POST", "https://guestbook.example.com/", data={"name": "", "message": ""}).status_code == 422


def test_environment_and_secrets_arrive_byte_for_byte(visitor):
    found = {name: base64.b64decode(value) for name, value in visitor.json("https://probe.example.com/environment").items()}
    assert found["NASTY"] == APPS["probe"]["env"]["NASTY"].encode()
    assert found["API_TOKEN"] == SECRET.encode()
    assert "NASTY" not in str(visitor.json("https://guestbook.example.com/healthz"))


def test_a_release_runs_as_its_user_from_its_own_directory_and_environment(host, visitor):
    process = visitor.json("https://probe.example.com/process")
    release = f"/srv/probe/releases/{visitor.release('probe')}"
    assert host.file("/srv/probe/current").linked_to == release
    assert process["user"] == "probe"
    assert process["directory"] == release
    assert process["prefix"] == f"{release}/.venv"
    assert process["file"].startswith(f"{release}/.venv/lib/") and "/site-packages/" in process["file"]
    assert process["dependency"], "what uv.lock names is not there"


# Who may read and write what; everybody else may neither. "admin" is the administrator without sudo.
RIGHTS = {
    "/srv/guestbook/current/guestbook/db.py": {"guestbook": "r", "guestbook-build": "rw"},
    "/srv/guestbook/current/.venv/pyvenv.cfg": {"guestbook": "r", "guestbook-build": "rw"},
    "/srv/guestbook/current/guestbook/static/style.css": {"guestbook": "r", "guestbook-build": "rw", "www-data": "r"},
    "/srv/guestbook/shared/guestbook.sqlite3": {"guestbook": "rw"},
    "/srv/guestbook/build": {"guestbook-build": "rw"},
    "/srv/guestbook/current/.pyweb/web.sock": {"guestbook": "rw", "www-data": "rw"},
    "/srv/probe/current/src/probe/__init__.py": {"probe": "r", "probe-build": "rw"},
    "/srv/probe/build": {"probe-build": "rw"},
    "/srv/probe/shared": {"probe": "rw"},
    "/srv/probe/current/.pyweb/web.sock": {"probe": "rw", "www-data": "rw"},
    "/etc/pyweb/probe/secrets": {"probe": "r"},
    "/var/lib/pyweb/probe/releases/{probe}/environment": {"probe": "r"},
    "/var/lib/pyweb/probe/releases/{probe}/launch": {"probe": "r"},
}


def test_everybody_may_touch_only_what_is_theirs(host, visitor):
    paths = {path: path.format(probe=visitor.release("probe")) for path in RIGHTS}
    script = "; ".join(
        f"for u in {' '.join(USERS)}; do for m in r w; do runuser -u $u -- test -$m {real} && echo {path} $u $m; done; done"
        for path, real in paths.items()
    )
    found = {}
    for line in host.run(f"{script}; true").stdout.splitlines():
        path, user, mode = line.split()
        found.setdefault(path, {}).setdefault(user, "")
        found[path][user] += mode
    assert found == RIGHTS


def test_no_file_is_everybodys_to_write(host):
    assert host.check_output("find / -xdev -type f -perm -0002") == ""


def test_nobody_finds_a_secret_anywhere(host):
    """Neither another application, nor a file, the process list, a unit or the journal."""
    assert host.file("/etc/pyweb/probe/secrets").mode & 0o007 == 0
    part = "correct-horse-8d1f0c27"
    for user in ("nobody", "guestbook", "guestbook-build", "probe-build", "www-data"):
        grep = host.run("runuser -u %s -- grep -rsl --devices=skip -e %s /etc /srv /var /run /tmp /home /usr/local", user, part)
        assert grep.stdout == ""
    assert part not in host.check_output("ps -eo args")
    assert part not in host.check_output("systemctl show 'pyweb.*'")
    # sudo has logged the command above, with the secret's first line in it.
    assert "second-line-77aa41" not in host.check_output("journalctl --no-pager -o cat")


def test_the_deploy_key_is_gone_after_the_fetch(host):
    assert host.run("grep -rl --devices=skip 'OPENSSH PRIVATE KEY' /srv /etc/pyweb /var/lib/pyweb /run /tmp").stdout == ""


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/pyweb/guestbook/secrets",
        "/srv/guestbook/shared/guestbook.sqlite3",
        "/srv/probe/current/src/probe/__init__.py",
        "/srv/probe/new",
        "/etc/new",
        "/usr/local/bin/new",
        "/home/admin/.ssh/authorized_keys",
    ],
)
def test_an_application_cannot_write_outside_of_its_data(visitor, path):
    tried = visitor.json(f"https://probe.example.com/try?path={path}")
    assert tried["write"] != "yes"
    if not path.startswith("/srv/probe"):
        assert tried["read"] != "yes"


def test_an_application_can_write_its_data(visitor):
    assert visitor.json("https://probe.example.com/try?path=/srv/probe/shared/new")["write"] == "yes"


@pytest.mark.parametrize(("app", "most"), [("guestbook", 0.3), ("probe", 1.2)], ids=["no network", "outgoing"])
def test_the_sandbox_is_tight(host, visitor, app, most):
    unit = f"pyweb.{app}.web.{visitor.release(app)}.service"
    verdict = host.check_output("systemd-analyze security --no-pager %s", unit).splitlines()[-1]
    assert float(re.search(r"level for \S+: ([\d.]+)", verdict)[1]) <= most, verdict


def test_manifests_tell_what_a_release_was_made_from(host, visitor):
    release = visitor.release("guestbook")
    manifest = json.loads(host.file(f"/var/lib/pyweb/guestbook/releases/{release}/manifest.json").content_string)
    assert manifest["state"] == "active" and release.endswith("-" + manifest["revision"][:7])
    assert manifest["revision"] == visitor.json("https://guestbook.example.com/healthz")["revision"]
