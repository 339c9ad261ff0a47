# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two applications on one host, and a build step that tries to get out. It runs as a user of its own, and stays that."""


import pytest

# Everything that a build step tries. Each line says what it would have got; nothing of it may work.
ATTACK = r"""
cd "$HOME" && exec > attack.log 2>/dev/null && set +e
try() { echo "tried $1"; shift; "$@" && echo "GOT ${*:1:4}"; }
try sudo sudo --non-interactive id
try su su root -c id
try shadow cat /etc/shadow
try own-secrets cat /etc/pyweb/shop/secrets
try key cat /var/lib/pyweb/key
try state ls /var/lib/pyweb/shop
try neighbour ls /srv/blog
try neighbour-secrets cat /etc/pyweb/blog/secrets
try neighbour-socket ls /run/pyweb/blog/*/
try unit touch /etc/systemd/system/evil.service
try engine touch /usr/local/lib/pyweb/evil
try current ln -sfn /tmp /srv/shop/current
try release mkdir /srv/shop/releases/20200101T000000Z-aaaaaaa
try old sh -c 'touch /srv/shop/shared/evil'
try run sh -c 'touch /run/pyweb/shop/evil /run/evil'
try cron sh -c 'echo "* * * * * id" | crontab -'
try linger loginctl enable-linger
try unit systemd-run --quiet true
try stop systemctl --no-ask-password stop nginx
try uid python3 -c 'import os; os.setuid(0)'
# Our own processes, the parents of this one, which know the secrets.
pid=$$
while [ "$pid" -gt 1 ]; do
    if [ "$pid" != $$ ]; then try "memory-of-$pid" python3 -c "open('/proc/$pid/mem', 'rb')"; fi
    pid=$(awk '/^PPid/ {print $2}' /proc/$pid/status)
done
for process in /proc/[0-9]*; do
    if [ "$(stat -c %U $process)" != "$(id -un)" ]; then try other cat $process/environ; fi
done
echo "tried everything"
# A shell for whoever comes by.
cp /bin/bash door && chmod 6777 door
"""
# What is left for root, nginx and the next deploys to walk into.
TRAPS = r"""
mkdir -p public/deep
ln -s /etc/shadow public/shadow
ln -s /etc/passwd public/passwd
ln -s /var/log/nginx/blog.access.log public/log
ln -s /srv/blog/current/public public/neighbour
ln -s /srv/blog/shared public/data
ln -s / public/everything
echo style > public/style.0123abcd.css
ln -s /etc/shadow public/evil.0123abcd.css
mkdir -p "$HOME/../../assets/static"
ln -sfn /etc "$HOME/../../assets/static/etc"
rm -rf "$HOME/../envs" && ln -s /opt/precious "$HOME/../envs"
mkdir -p "$HOME/../locks" && ln -sfn /opt/precious "$HOME/../locks/elsewhere"
(setsid sleep 4242.5 < /dev/null > /dev/null 2>&1 &)
sleep 60 &
"""


@pytest.fixture(scope="module")
def attacked(server):
    # Nobody but root could delete this.
    server.run("rm -rf /opt/precious; mkdir -p /opt/precious/one && echo root > /opt/precious/one/file")
    outcome = server.deploy(**server.shop(build=[ATTACK, TRAPS], build_env={"ATTACK": "1"}))
    assert outcome.status == 0, outcome.output


def test_a_build_step_gets_nowhere(server, attacked):
    log = server.run("cat /srv/shop/build/home/attack.log")
    assert "tried everything" in log
    assert [line for line in log.splitlines() if not line.startswith("tried")] == []
    assert server.run("ls /usr/local/lib/pyweb /etc/systemd/system /run").count("evil") == 0


def test_nothing_that_a_build_step_left_runs_on(server, attacked):
    assert server.run("pgrep -u shop-build || true") == ""


@pytest.mark.parametrize("path", ["shadow", "passwd", "log", "neighbour/index.txt", "data/", "everything/etc/passwd", "evil.0123abcd.css", "etc/passwd"])
def test_nginx_follows_no_link_out_of_the_application(server, attacked, path):
    status, content = server.visit(f"/static/{path}")
    assert status in (403, 404), content[:300]


def test_static_files_are_still_served(server, attacked):
    assert server.visit("/static/style.0123abcd.css") == (200, "style\n")


def test_pruning_follows_no_link(server, attacked):
    """It runs with this deploy; the environments are a link still."""
    outcome = server.deploy(**server.shop(env={"ATTACK": "2"}, build=[ATTACK, TRAPS], build_env={"ATTACK": "1"}, keep_releases=2))
    assert outcome.status == 0, outcome.output
    assert server.run("readlink /srv/shop/build/envs") == "/opt/precious"
    assert len(server.info()["releases"]) < 5
    # Who has broken it mends it.
    server.run("runuser -u shop-build -- sh -c 'rm /srv/shop/build/envs /srv/shop/assets/static/etc; mkdir -m 0750 /srv/shop/build/envs'")
    assert server.run("cat /opt/precious/one/file") == "root"


USERS = {"shop": "blog", "shop-build": "blog", "blog": "shop", "blog-build": "shop"}


@pytest.mark.parametrize("user", USERS)
def test_neighbours_see_nothing_of_each_other(server, user):
    other = USERS[user]
    release = server.live(other)
    for what in ("-readable", "-writable"):
        found = server.shell.run(
            f"runuser -u {user} -- find /srv/{other} /etc/pyweb/{other} /var/lib/pyweb/{other} /run/pyweb/{other} ! -type l {what} 2>/dev/null")
        # The directory that holds those of all sockets may be listed, and they not entered.
        assert set(found.stdout.split()) <= ({f"/run/pyweb/{other}"} if what == "-readable" else set()), found.stdout
    assert server.shell.run(f"runuser -u {user} -- curl --silent --unix-socket /run/pyweb/{other}/{release}/web.sock http://x/").rc != 0
    pids = server.run(f"pgrep -u {other}").split()
    assert pids
    for pid in pids:
        assert server.shell.run(f"runuser -u {user} -- cat /proc/{pid}/environ").rc != 0
        assert server.shell.run(f"runuser -u {user} -- kill -0 {pid}").rc != 0
