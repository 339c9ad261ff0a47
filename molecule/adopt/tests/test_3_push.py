# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A push deploys, and is refused where the deploy fails; whoever pushes sees why."""

import concurrent.futures
import copy
import json
import os
import subprocess
import time

import pytest

from plugin import address, ask, live, until

NAME = "adopt-debian13"
GIT = ["git", "-c", "user.name=jo", "-c", "user.email=jo@example.com"]


class Clone:
    """What somebody has on a laptop: the source, and a key that may push."""

    def __init__(self, directory):
        self.directory = directory / "shop"
        self.key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "jo", "-f", self.key], check=True)
        project = os.environ["MOLECULE_PROJECT_DIRECTORY"]
        subprocess.run(["cp", "-r", f"{project}/tests/apps/orders", self.directory], check=True)
        self.git("init", "-q", "-b", "main")
        self.commit("Begin")
        self.git("remote", "add", "live", f"orders-push@{address(NAME)}:orders.git")

    def git(self, *arguments, check=True):
        ssh = f"ssh -i {self.key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        return subprocess.run([*GIT, *arguments], cwd=self.directory, env={**os.environ, "GIT_SSH_COMMAND": ssh}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=check)

    def commit(self, message, **replaced):
        file = self.directory / "orders.py"
        for old, new in replaced.values():
            assert old in file.read_text()
            file.write_text(file.read_text().replace(old, new))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, branch="main"):
        return self.git("push", "live", branch, check=False)

    def other(self, directory):
        """A second clone, of somebody who has the same key."""
        clone = copy.copy(self)
        clone.directory = directory / "other"
        self.git("clone", "-q", self.directory, clone.directory)
        clone.git("remote", "add", "live", self.git("remote", "get-url", "live").stdout.strip())
        return clone


@pytest.fixture(scope="module")
def clone(server, tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("laptop"))
    server.play("push", app="orders", keys=f"{clone.key}.pub")
    return clone


def test_a_second_run_changes_nothing(server, clone):
    assert server.play("push", app="orders", keys=f"{clone.key}.pub").changed == 0


def test_a_push_deploys(server, clone):
    commit = clone.commit("Say it otherwise", text=(" has {number} orders", " counts {number} orders"))
    pushed = clone.push()
    assert pushed.returncode == 0 and f"remote: orders: {commit[:12]} is live." in pushed.stdout, pushed.stdout
    assert " counts " in ask(server.host, "orders", "/") and live(server.host, "orders").endswith(commit[:7])


def test_one_that_is_not_well_is_refused(server, clone):
    before = live(server.host, "orders")
    commit = clone.commit("Break it", body=("    body = text.encode()", "    raise RuntimeError('the till is empty')"))
    pushed = clone.push()
    assert pushed.returncode == 1 and "[remote rejected] main -> main (pre-receive hook declined)" in pushed.stdout, pushed.stdout
    assert "answers 500" in pushed.stdout and "the till is empty" in pushed.stdout, "the reason is not in the terminal"
    assert live(server.host, "orders") == before and " counts " in ask(server.host, "orders", "/")
    assert commit not in server.host.check_output("git --git-dir=/var/lib/pyweb-push/orders/orders.git -c safe.directory='*' rev-parse main")


def test_the_next_one_that_is_well_goes_live(server, clone):
    clone.commit("Mend it", body=("    raise RuntimeError('the till is empty')", "    body = text.encode()"))
    pushed = clone.push()
    assert pushed.returncode == 0, pushed.stdout


def test_of_two_pushes_at_once_one_deploys(server, clone, tmp_path):
    other = clone.other(tmp_path)
    mine, theirs = clone.commit("Mine"), other.commit("Theirs")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(clone.push)
        # From here until the first is live; with its lease, that would be a few seconds less.
        until(lambda: server.host.run("flock --nonblock /var/lib/pyweb-push/orders/orders.git/push.lock true").rc == 1)
        second = other.push()
        assert first.result().returncode == 0, first.result().stdout
    assert second.returncode == 1 and "Another push to orders is under way" in second.stdout, second.stdout
    assert live(server.host, "orders").endswith(mine[:7])
    # One that began before the branch has moved: git itself would refuse it when it is live.
    hook = server.host.run("cd /var/lib/pyweb-push/orders/orders.git && printf '%%s %%s refs/heads/main\n' %s %s | runuser -u orders-push -- hooks/pre-receive",
                           clone.git("rev-parse", "HEAD~").stdout.strip(), theirs)
    assert hook.rc == 1 and "main has moved since this push began" in hook.stdout, hook.stdout
    # As with every repository: first what the others have.
    assert "fetch first" in other.push().stdout
    other.git("pull", "-q", "--rebase", clone.directory, "main")
    pushed = other.push()
    assert pushed.returncode == 0 and live(server.host, "orders").endswith(other.git("rev-parse", "HEAD").stdout.strip()[:7]), pushed.stdout


def test_while_a_controller_deploys_a_push_is_refused(server, clone, tmp_path):
    other, lease = clone.other(tmp_path), "/var/lib/pyweb/orders/lease.json"
    other.git("pull", "-q", "live", "main")
    commit = other.commit("Too early")
    held = {"token": "elsewhere:1", "by": "ann@laptop", "place": "elsewhere", "pid": 1, "start": "1", "since": "20261128T000000Z", "until": time.time() + 1500}
    server.host.check_output("printf %%s %s > %s", json.dumps(held), lease)
    pushed = other.push()
    assert pushed.returncode == 1 and "ann@laptop has been deploying since 20261128T000000Z" in pushed.stdout, pushed.stdout
    # As the message has it, for a controller that has died.
    assert server.play("unlock", "--check", app="orders").changed == 1 and server.host.file(lease).exists
    assert server.play("unlock", app="orders").changed == 1 and server.play("unlock", app="orders").changed == 0
    assert other.push().returncode == 0 and live(server.host, "orders").endswith(commit[:7])


def test_another_branch_is_kept_and_not_deployed(server, clone):
    before = live(server.host, "orders")
    clone.git("branch", "-f", "idea")
    pushed = clone.push("idea")
    assert pushed.returncode == 0 and "idea is kept and not deployed" in pushed.stdout and live(server.host, "orders") == before


def test_the_key_lets_nobody_in(server, clone):
    asked = subprocess.run(["ssh", "-i", clone.key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                            f"orders-push@{address(NAME)}", "id"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert asked.returncode != 0 and "uid=" not in asked.stdout
    sudo = server.host.run("runuser -u orders-push -- sudo -n id")
    assert sudo.rc != 0 and "uid=" not in sudo.stdout
    bad = server.host.run("printf 'main; id\\n' | runuser -u orders-push -- sudo -n /usr/local/sbin/orders-push")
    assert bad.rc == 2 and "is no commit" in bad.stdout
    assert server.host.run("runuser -u orders-push -- cat /etc/pyweb/push/orders.json").rc != 0


# Whatever is named after it, but for the old server, which is not ours, and for its neighbours, who have the same source.
TRACES = ("find /etc/pyweb /etc/sudoers.d /usr/local /srv /var/lib/pyweb /var/lib/pyweb-push "
          "'(' -name till -o -name ledger ')' -prune -o -name '*orders*' -print || true")


def test_with_the_application_goes_the_way_in(server, clone):
    server.play("destroy", app="orders", confirm="orders")
    left = server.host.check_output(TRACES).split()
    assert left and all(path.startswith(("/srv/orders", "/var/lib/pyweb-push/orders")) for path in left), left
    pushed = clone.push()
    assert pushed.returncode == 128 and "Permission denied" in pushed.stdout, pushed.stdout
    assert server.play("destroy", app="orders", confirm="orders").changed == 0
    server.play("destroy", app="orders", confirm="orders", data="delete")
    assert server.host.check_output(TRACES) == "" and not server.host.user("orders-push").exists
    assert server.play("destroy", app="orders", confirm="orders", data="delete").changed == 0
