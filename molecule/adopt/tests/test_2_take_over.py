# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors and data come over from a tree of releases and from a checkout, and go back, while orders come in: none is lost."""

import concurrent.futures
import re
import threading

import playbook
import pytest

from plugin import live, until

GIVEN = {
    "orders": {"path": "/var/www/orders"},
    "till": {"path": "/var/www/till"},
    "ledger": {"path": "/opt/ledger", "unit": "ledger.service"},
}


def test_nothing_changes_where_something_is_not_meant(server):
    for given, words in (({}, "path is ''"), ({"path": "/opt/none"}, "no such directory"), ({"path": "/opt/ledger", "unit": "none"}, "has none of them"),
                         ({"path": "/opt/ledger"}, "site.domains lacks ledger.example.com")):
        assert words in server.play("take_over", exit_status=2, app="orders", **given).messages[0]
    assert not server.host.file("/srv/orders").exists


@pytest.mark.parametrize("app", GIVEN)
def test_taken_over(server, app):
    outcome, result = server.under_load(app, "take_over", **GIVEN[app])
    assert set(result.releases) == {"before", live(server.host, app)}, outcome.output
    assert server.unit(app) == ("inactive", "disabled")
    assert server.orders(f"/srv/{app}/shared/data") == server.ordered[app]
    assert server.host.check_output("cat /srv/%s/shared/media/picture.txt", app) == "a picture"


# What docs/migrate has people type, as words of the shell: from the old server, and into the new one.
COPY = re.compile(r"^ +ssh old\.example\.com '(.+)' \| ssh admin@192\.0\.2\.7 (\".+\")$", re.MULTILINE)


@pytest.mark.parametrize(("guide", "top"), [("ansistrano", "/var/www/orders"), ("by-hand", "/opt/ledger")])
def test_files_come_over_from_another_server_by_the_line_of_its_guide(server, guide, top):
    (line,) = COPY.findall((playbook.CHECKOUT / "docs" / "migrate" / f"{guide}.md").read_text(encoding="utf-8"))
    old, new = line[0].replace("/var/www/shop", top), line[1].replace("shop-run", "orders-run")
    there = f"{top}/{'shared/' if 'shared' in old else ''}media/{guide}"
    server.host.check_output("head -c 3000000 /dev/urandom > %s", there)
    server.host.check_output("bash -c %s", f"set -o pipefail; {old} | sh -c {new}")
    copied = f"/srv/orders/shared/media/{guide}"
    assert server.host.check_output("stat -c '%%U %%s' %s", copied) == "orders 3000000"
    server.host.check_output("rm %s %s", there, copied)


def test_again_there_is_nothing_to_do(server):
    assert server.play("take_over", app="orders").changed == 0
    # nginx's sandbox takes a restart, which a take-over leaves to this.
    server.play("site", app="orders")
    assert server.play("take_over", app="orders").changed == 0
    assert server.play("site").changed == 0


def test_given_back(server):
    outcome, result = server.under_load("orders", "take_over", back=True)
    assert "before" in result.releases, outcome.output
    assert server.unit("orders") == ("active", "enabled")
    assert server.orders("/var/www/orders/shared/data") == server.ordered["orders"]
    assert server.host.run("systemctl list-units --no-legend 'pyweb.orders.web.*'").stdout == ""


def test_and_taken_over_once_more(server):
    server.under_load("orders", "take_over", **GIVEN["orders"])
    assert server.orders("/srv/orders/shared/data") == server.ordered["orders"] and server.unit("orders") == ("inactive", "disabled")


def test_one_that_fails_leaves_the_old_one_serving(server):
    server.under_load("ledger", "take_over", back=True)
    # nginx refuses the whole configuration, at the last moment.
    server.host.check_output("mv /etc/ssl/ledger.pem /etc/ssl/ledger.kept; echo x > /etc/ssl/ledger.pem")
    try:
        assert server.play("take_over", exit_status=2, app="ledger", **GIVEN["ledger"]).messages
    finally:
        server.host.check_output("mv /etc/ssl/ledger.kept /etc/ssl/ledger.pem")
    assert server.unit("ledger") == ("active", "enabled") and server.host.file("/etc/nginx/conf.d/ledger.conf").exists
    assert server.host.run("test -e /var/lib/pyweb/ledger/adopted/undo.sh").rc == 1


def test_a_controller_that_dies_leaves_the_old_one_serving(server):
    """The host goes back by itself, with all that visitors were told had arrived; and the next run begins anew."""
    undo, site = server.host.file("/var/lib/pyweb/ledger/adopted/undo.sh"), server.host.file("/etc/nginx/conf.d/pyweb.site.ledger.conf")
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        visitors = [pool.submit(server.orders_until, over, "ledger") for _number in range(3)]
        try:
            server.until_killed("take_over", lambda: undo.exists and site.exists, app="ledger", **GIVEN["ledger"])
            until(lambda: not undo.exists, 240)
        finally:
            over.set()
        answers = [status for visitor in visitors for status in visitor.result()]
    server.ordered["ledger"] += answers.count(201)
    # Those who have waited in vain know it, and others have been served all the time.
    assert set(answers) <= {201, 502, 504} and answers.count(201) > 20 and len(answers) - answers.count(201) <= 15, answers
    assert not site.exists and server.unit("ledger") == ("active", "enabled") and server.release("ledger") == "before"
    assert server.orders("/opt/ledger/data") == server.ordered["ledger"]
    server.under_load("ledger", "take_over", **GIVEN["ledger"])
    assert server.release("ledger") == live(server.host, "ledger")
    assert server.orders("/srv/ledger/shared/data") == server.ordered["ledger"]
