# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of several hosts in one order, and the command that follows them."""

from __future__ import annotations

from ansible_collections.pyweb.stack.plugins.plugin_utils import _logs


def line(time, text):
    return {"time": time, "app": "shop", "source": "web", "release": "R", "text": text}


def test_by_time_over_hosts():
    hosts = {"web1": [line(1795780800.25, "first"), line(1795780802, "third"), line(1795780802, "fourth")], "web2": [line(1795780801, "second")]}
    assert _logs.merged(hosts, 9) == [
        "2026-11-27T12:00:00.250Z web1 shop/web R first", "2026-11-27T12:00:01.000Z web2 shop/web R second",
        "2026-11-27T12:00:02.000Z web1 shop/web R third", "2026-11-27T12:00:02.000Z web1 shop/web R fourth",
    ]
    assert [text.split()[-1] for text in _logs.merged(hosts, 2)] == ["third", "fourth"]
    assert _logs.merged({}, 9) == []


def test_the_command_that_follows():
    host = {"ansible_host": "192.0.2.7", "ansible_user": "admin", "ansible_port": 2222}
    assert _logs.follow(host, ["shop"]) == "ssh -p 2222 admin@192.0.2.7 'sudo journalctl -f -n 20 -o short-iso -u '\"'\"'pyweb.shop.*.*'\"'\"''"
    assert "-u pyweb.shop.worker.*" not in _logs.follow(host, ["shop"], "worker") and "pyweb.shop.worker-[0-9]*.*" in _logs.follow(host, ["shop"], "worker")
    assert _logs.follow({"inventory_hostname": "web1"}, ["shop", "blog"], nginx=True) == (
        "ssh web1 'sudo tail -F /var/log/nginx/shop.access.log /var/log/nginx/blog.access.log'")
