# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2
import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._host import proxy

TEMPLATE = Path(__file__).parents[5] / "playbooks" / "templates" / "proxy.env.j2"


def written(path, **variables):
    path.write_text(jinja2.Environment(trim_blocks=True).from_string(TEMPLATE.read_text()).render(__pyweb_proxies=variables))
    return path


@pytest.mark.parametrize("value, read", [
    ("http://name:password@proxy.example.com:3128", "http://name:password@proxy.example.com:3128"),
    ("http://n:a&b;c(d)*'e!~=f@proxy.example.com", "http://n:a&b;c(d)*'e!~=f@proxy.example.com"),
    # What a shell would take for a variable of its own; in an address it is the same.
    ("http://n:$HOME@proxy.example.com", "http://n:%24HOME@proxy.example.com"),
    ("http://n:%40%3A@proxy.example.com", "http://n:%40%3A@proxy.example.com"),
])
def test_modules_and_shells_read_the_same(tmp_path, value, read):
    path = written(tmp_path / "proxy.env", http_proxy=value, no_proxy="localhost,.example.com")
    environ = {proxy.VARIABLE: str(path)}
    proxy.take(environ)
    assert environ == {proxy.VARIABLE: str(path), "http_proxy": read, "no_proxy": "localhost,.example.com"}
    shell = subprocess.run(["sh", "-c", '. "$1"; printf %s "$http_proxy"', "sh", path], check=True, capture_output=True, text=True)
    assert shell.stdout == read


def test_what_the_task_says_goes_before(tmp_path):
    environ = {proxy.VARIABLE: str(written(tmp_path / "proxy.env", http_proxy="http://a.example.com")), "http_proxy": "http://b.example.com"}
    proxy.take(environ)
    assert environ["http_proxy"] == "http://b.example.com"


@pytest.mark.parametrize("environ", [{}, {proxy.VARIABLE: "/nonexistent/proxy.env"}])
def test_nothing_is_taken_where_there_is_no_file(environ):
    before = dict(environ)
    proxy.take(environ)
    assert environ == before
