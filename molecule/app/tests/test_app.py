# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with an application that the role alone has set up, tried as those users; and what releases are made of."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex

import playbook
import pytest
import testinfra

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
AGAIN = pathlib.Path(__file__).parents[1] / "again.yml"
TREES = "/srv/shop /etc/pyweb/shop /var/lib/pyweb/shop"
# The neighbours: other applications and those who build them, and everybody else.
NEIGHBOURS = ["blog", "blog-build", "guestbook", "lone", "nobody", "admin", "www-data"]
# As nginx runs once its role has let it in.
NGINX = "setpriv --reuid=www-data --regid=www-data --groups=www-data,shop-web"


def releases(host, app="shop"):
    """From the oldest to the newest."""
    found = [json.loads(text) for text in host.check_output(f"cat /var/lib/pyweb/{app}/releases/*/manifest.json").replace("}\n{", "}\0{").split("\0")]
    return sorted(found, key=lambda manifest: manifest["release"])


def good(host, app="shop"):
    return [manifest for manifest in releases(host, app) if manifest["state"] in ("active", "superseded")]


def live(host, app="shop"):
    return host.check_output(f"readlink /srv/{app}/current")


def python(host, release, code, user="shop"):
    return host.check_output("runuser -u %s -- sh -c %s", user, f"cd {release} && .venv/bin/python -B -c {shlex.quote(code)}")


def find(host, user, test, what=TREES):
    runner = user if " " in user else f"runuser -u {user} --"
    return set(host.run(f"{runner} find {what} ! -type l {test} 2>/dev/null").stdout.splitlines())


@pytest.mark.parametrize("user", NEIGHBOURS)
def test_neighbours_see_nothing(host, user):
    assert find(host, user, "'(' -readable -o -writable ')'") == set()


def test_nginx_reads_static_files_and_nothing_else(host):
    release = live(host)
    assert find(host, NGINX, "-writable") == set()
    # It has to know the way: which directories a release has, it does not see.
    files = find(host, NGINX, "-type f -readable", f"{TREES} {release}/public")
    assert f"{release}/public/css/site.0123abcd.css" in files
    assert f"{release}/public/robots.txt" in files
    assert "/srv/shop/assets/static/css/site.0123abcd.css" in files
    assert all(re.match(r"/srv/shop/(assets|releases/[^/]+/public)/", path) for path in files), files
    for path in ("src/probe/__init__.py", ".venv/pyvenv.cfg", "uv.lock", "../../shared/migrations"):
        assert host.run(f"{NGINX} cat {release}/{path}").rc != 0, path


def test_the_application_reads_its_code_and_writes_only_its_data(host):
    release = live(host)
    assert host.run(f"runuser -u shop -- cat {release}/src/probe/__init__.py /etc/pyweb/shop/secrets").rc == 0
    writable = find(host, "shop", "-writable")
    assert writable and all(path.startswith("/srv/shop/shared") for path in writable), writable
    unreadable = find(host, "shop", "! -readable", release)
    assert unreadable == set()
    assert host.run("runuser -u shop -- sh -c 'echo x > /srv/shop/current/data/media/new && echo x > /srv/shop/current/cache/new'").rc == 0


def test_the_build_user_has_neither_secrets_nor_data(host):
    seen = find(host, "shop-build", "'(' -readable -o -writable ')'")
    mine = ("/srv/shop", "/srv/shop/releases", "/srv/shop/build", "/srv/shop/assets")
    assert all(path in mine or path.startswith(tuple(f"{place}/" for place in mine[1:])) for path in seen), seen
    assert not find(host, "shop-build", "-writable") & {"/srv/shop", "/srv/shop/releases"}, "its releases, but not which of them there are"


def test_accounts_cannot_log_in(host):
    for name in ("shop", "shop-build"):
        user = host.user(name)
        assert (user.shell, user.home, user.group, user.uid < 1000) == ("/usr/sbin/nologin", "/srv/shop", name, True)
        assert host.check_output(f"getent shadow {name}").split(":")[1][0] in "!*"
    assert set(host.user("shop").groups) == {"shop", "shop-build", "shop-web"}
    assert set(host.user("shop-build").groups) == {"shop-build", "shop-web"}


def test_build_steps_run_as_the_build_user_without_the_secrets(host):
    release = live(host)
    assert host.file(f"{release}/built-by").content_string.splitlines()[0] == "shop-build"
    environment = host.file(f"{release}/build.env").content_string
    assert "BUILD_FLAG=only while it builds\n" in environment and "GREETING=hello $HOME %s 'you'\n" in environment
    assert "API_TOKEN" not in environment and "horse" not in environment
    assert host.file(f"{release}/stolen").size == 0
    assert "Permission denied" in host.file(f"{release}/refused").content_string
    # What the release keeps names it, and has no value of it.
    kept = f"/var/lib/pyweb/shop/releases/{pathlib.Path(release).name}"
    assert host.run(f"grep -rs -e BUILD_FLAG= -e 'only while it builds' {kept}").rc == 1


def test_files_besides_the_source_are_root_s_and_the_application_s(host):
    """What build steps may read they have read; the licence they have not."""
    release = live(host)
    licence = host.file(f"{release}/conf/licence.key")
    assert licence.is_symlink and licence.linked_to.startswith("/var/lib/pyweb/shop/releases/")
    assert host.check_output(f"stat -Lc '%U %G %a' {release}/conf/licence.key") == "root shop 640"
    assert host.check_output(f"runuser -u shop -- cat {release}/conf/licence.key") == "licence-6d1f90"
    assert host.run(f"runuser -u shop-build -- cat {release}/conf/licence.key").rc != 0
    assert host.file(f"{release}/seen").content_string == "built = 1\n" and host.check_output(f"stat -c '%U %a' {release}/conf/built.ini") == "shop-build 640"


def test_shared_directories_outlive_releases(host):
    for manifest in good(host):
        release = f"/srv/shop/releases/{manifest['release']}"
        assert host.file(f"{release}/data/media").linked_to == "/srv/shop/shared/data/media"
        assert host.file(f"{release}/cache").linked_to == "/srv/shop/shared/cache"
    assert host.check_output("stat -c '%U %a' /srv/shop/shared /srv/shop/shared/cache") == "shop 711\nshop 700"


def test_every_kind_of_source_has_its_environment(host):
    code = "import sys, importlib.util as u; print(sys.prefix, *(bool(u.find_spec(n)) for n in ('itsdangerous', 'waitress', 'flask')))"
    found = {app: python(host, live(host, app), code, app).split() for app in ("shop", "blog", "lone", "guestbook")}
    assert {app: words[0] for app, words in found.items()} == {app: f"{live(host, app)}/.venv" for app in found}
    assert {app: words[1:] for app, words in found.items()} == {
        "shop": ["True", "True", "False"],
        "blog": ["True", "False", "False"],
        "lone": ["False", "False", "False"],
        "guestbook": ["True", "False", "True"],
    }


def test_unpinned_requirements_are_kept_as_they_were_resolved(host):
    first, second = good(host, "blog")
    assert (first["version"], second["version"]) == ("unpinned", "requirements")
    for manifest in (first, second):
        lock = host.file(f"/srv/blog/releases/{manifest['release']}/.venv/pyweb-lock.txt").content_string
        assert re.search(r"^itsdangerous==\d", lock, re.MULTILINE)


def test_a_virtual_project_is_not_installed_but_runs_where_it_lies(host):
    release = live(host, "guestbook")
    assert python(host, release, "import guestbook; print(guestbook.__file__)", "guestbook") == f"{release}/guestbook/__init__.py"
    assert host.run(f"find {release}/.venv -iname '*guestbook*'").stdout == ""


def test_other_code_with_the_same_lock_is_served_from_the_new_release(host):
    texts, environments = [], set()
    for manifest in good(host)[:4]:
        release = f"/srv/shop/releases/{manifest['release']}"
        file, text = host.check_output(f"runuser -u shop -- {release}/.venv/bin/python -B -c 'import probe; print(probe.__file__, probe.TEXT)'").split()
        assert file.startswith(f"{release}/.venv/lib/") and "/site-packages/probe/" in file
        texts.append(text)
        environments.add(manifest["environment"])
    assert texts == ["one", "one", "two", "leftover"]
    assert len(environments) == 1, "the environment was not reused, so the test shows nothing"


def test_code_is_compiled_since_the_application_cannot(host):
    release = live(host)
    assert host.check_output(f"find {release}/.venv/lib -path '*/probe/__pycache__/*.pyc'") != ""
    assert host.check_output(f"find {live(host, 'lone')} -maxdepth 2 -path '*/__pycache__/probe.*.pyc'") != ""


def test_migrations_ran_once_for_each_release_as_the_application(host):
    ran = [line.split() for line in host.file("/srv/shop/shared/migrations").content_string.splitlines()]
    secret = host.file("/etc/pyweb/shop/secrets").content
    length = str(len(secret) - len(b"API_TOKEN=\0"))
    assert [line[0] for line in ran] == [manifest["release"] for manifest in good(host)]
    assert ran[-1][1:] == ["shop", length]


def test_a_failed_build_tells_why(host):
    failed = [manifest for manifest in releases(host) if manifest["state"] == "failed"]
    assert failed and all(manifest["error"] and "\n" not in manifest["error"] for manifest in failed)


@pytest.fixture(scope="module")
def changed_secret():
    """The secret changes while somebody watches the process list; everything that Ansible can print is printed."""
    hosts = testinfra.get_hosts(["ansible://pyweb"], ansible_inventory=INVENTORY, sudo=True)
    before = {host.backend.get_hostname(): live(host) for host in hosts}
    for host in hosts:
        host.check_output("systemd-run --quiet --unit=watch sh -c 'while sleep 0.02; do ps -eo args >> /root/ps.log; done'")
    outcome = playbook.play(AGAIN, "-i", INVENTORY, "-vvv", "--diff", shop_token="staple-77d0\nsecond-line-e2a1")
    for host in hosts:
        host.check_output("systemctl stop watch")
    assert outcome.status == 0, outcome.output
    return before, outcome.output


def test_a_secret_is_nowhere_to_be_seen(host, changed_secret):
    before, output = changed_secret
    assert live(host) != before[host.backend.get_hostname()], "a changed secret is a new release"
    assert host.file("/etc/pyweb/shop/secrets").content == b"API_TOKEN=staple-77d0\nsecond-line-e2a1\0"
    assert "Invoked with" in host.check_output("journalctl --no-pager -o cat"), "modules log how they were called"
    # Written so that the look itself is not found: sudo logs it.
    pattern = "[s]taple-77d0|[s]econd-line-e2a1|[c]orrect-horse|[s]econd-line-90ee|[t]ok-52c0e9"
    assert [line for line in output.splitlines() if re.search(pattern, line)] == []
    assert "migrations" in host.file("/root/ps.log").content_string, "nobody has watched"
    assert host.run("grep -E %s /root/ps.log", pattern).stdout == ""
    assert host.run("journalctl --no-pager -o cat | grep -E %s", pattern).stdout == ""
    # A file besides the source is where the application reads it, and nowhere else.
    licence = "[l]icence-6d1f90"
    assert [line for line in output.splitlines() if re.search(licence, line)] == []
    assert host.run("grep -E %s /root/ps.log", licence).stdout == host.run("journalctl --no-pager -o cat | grep -E %s", licence).stdout == ""
    places = "/etc /srv /var /run /tmp /home /root /opt /usr/local"
    found = host.run(f"grep -rslE --devices=skip %s {places}", licence).stdout.split()
    assert found and all(re.fullmatch(r"/var/lib/pyweb/shop/releases/[^/]+/files/conf/licence\.key", path) for path in found), found
    assert host.run(f"grep -rslE --devices=skip %s {places}", pattern).stdout.split() == ["/etc/pyweb/shop/secrets"]
    keys = host.run("grep -rsl --devices=skip -e 'OPENSSH [P]RIVATE KEY' /srv /etc/pyweb /var/lib/pyweb /run /tmp").stdout
    assert keys.split() == ["/etc/pyweb/keyed/deploy_key"], "of the only application that needs one"


PROBE = "import probe; print(probe.TEXT)"
PACKAGE = "import alpha, beta; print(alpha.VERSION, beta.VERSION)"
SOURCES = {
    "tree": (PROBE, "tree", {"kind": "path", "branch": "main", "dirty": True}),
    "archive": (PROBE, "archive", {"kind": "archive", "version": "probe-1.0.tar.gz"}),
    "download": (PROBE, "archive", {"kind": "archive", "version": "probe-1.0.tar.gz", "source": "https://127.0.0.1:8443/probe-1.0.tar.gz"}),
    "wheel": (PACKAGE, "1.0 1.0", {"kind": "package", "version": "1.0"}),
    "package": (PACKAGE, "2.0 1.0", {"kind": "package", "version": "2.0", "source": "alpha==2.0"}),
    "keyed": (PROBE, "private", {"kind": "repo", "version": "HEAD", "source": "ssh://127.0.0.1/opt/private/super.git"}),
    "private": (PROBE, "private", {"kind": "repo", "version": "HEAD", "source": "https://127.0.0.1:8443/super.git"}),
}


@pytest.mark.parametrize("app", SOURCES)
@pytest.mark.usefixtures("changed_secret")
def test_every_source_ends_in_a_release(host, app):
    code, said, facts = SOURCES[app]
    assert python(host, live(host, app), code, app) == said
    manifest, = good(host, app)
    assert {name: manifest.get(name) for name in facts} == facts and re.fullmatch("[0-9a-f]{40,64}", manifest["revision"])


def test_a_directory_comes_without_what_git_ignores(host):
    release = live(host, "tree")
    assert set(host.check_output(f"ls -A {release}").split()) == {".gitignore", ".pyweb", ".venv", "__pycache__", "built.txt", "new.txt", "probe.py"}
    assert host.file(f"{release}/built.txt").content_string == "tree\n"
    sent = host.check_output("find /srv/tree/build/sources -type f -printf '%U %m %P\n'").split()
    assert sent[0] == host.check_output("id -u tree-build") and sent[2] == f"{good(host, 'tree')[0]['revision']}/source.tar.gz"


@pytest.mark.parametrize("app", ["keyed", "private"])
@pytest.mark.usefixtures("changed_secret")
def test_submodules_come_with_the_commit_that_is_wanted(host, app):
    assert 'TEXT = "submodule"' in host.file(f"{live(host, app)}/vendor/lib/probe.py").content_string


def test_the_key_that_was_made_is_root_s(host):
    assert host.check_output("stat -c '%U:%G %a' /etc/pyweb/keyed/deploy_key") == "root:root 600"
    for user in ("keyed", "keyed-build"):
        assert "Permission denied" in host.run(f"runuser -u {user} -- cat /etc/pyweb/keyed/deploy_key").stderr
