# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application goes, all of it or all but its data, and its neighbour serves on. The last tests: they take an application away."""

from visitor import Visitor

# Whatever is named after it; what this scenario's own programs hold is left out.
TRACES = "find /etc /srv /run/pyweb /var/lib/pyweb /var/lib/systemd/timers /var/log/nginx /var/log/pyweb /usr/local/bin -name '*blog*' 2>/dev/null || true"


def accounts(fleet, name):
    return fleet.run(name, "getent passwd | cut -d: -f1 | grep blog; getent group | cut -d: -f1 | grep blog; true").split()


def test_nothing_goes_without_its_name(fleet):
    before = fleet.live("blog")
    for variables in ({}, {"confirm": "guestbook"}):
        assert "confirm is '" in fleet.play("destroy", exit_status=2, app="blog", **variables).messages[0]
    assert fleet.live("blog") == before


def test_check_mode_removes_nothing(fleet):
    before = fleet.live("blog")
    fleet.play("destroy", "--check", app="blog", confirm="blog", data="delete")
    assert fleet.live("blog") == before


def test_all_but_the_data(fleet):
    for name in fleet.names:
        fleet.run(name, "echo kept > /srv/blog/shared/data.txt")
    output = fleet.play("destroy", app="blog", confirm="blog").output
    assert "what it has stored stays in /srv/blog/shared" in " ".join(output.split())
    for name in fleet.names:
        assert fleet.run(name, "cat /srv/blog/shared/data.txt") == "kept"
        assert fleet.run(name, "systemctl list-units --all --plain --no-legend 'pyweb.blog*'") == ""
        left = fleet.run(name, TRACES).split()
        assert all(path.startswith(("/srv/blog", "/run/pyweb/blog", "/var/log/nginx/blog.access.log")) for path in left), left
        assert Visitor(fleet.address(name)).json("https://guestbook.example.com/healthz")["status"] == "ok"
    assert fleet.play("destroy", app="blog", confirm="blog").changed == 0


def test_all_of_it(fleet):
    fleet.play("destroy", app="blog", confirm="blog", data="delete")
    for name in fleet.names:
        assert fleet.run(name, TRACES) == "" and accounts(fleet, name) == []
        assert Visitor(fleet.address(name)).json("https://guestbook.example.com/healthz")["status"] == "ok"
    assert fleet.play("destroy", app="blog", confirm="blog", data="delete").changed == 0
