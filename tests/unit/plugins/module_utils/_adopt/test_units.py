# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd and files of environment variables, as people write them."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._adopt import look, units

UNIT = """
# /etc/systemd/system/shop.service
[Unit]
Description=ExecStart=not this
[Service]
User=deploy
ExecStart=/opt/old/bin/gunicorn old:app
# a comment = with an equals sign
Environment="TITLE=Our shop" DEBUG=
Environment='GREETING=it is "here"'

# /etc/systemd/system/shop.service.d/override.conf
[Service]
ExecStart=
ExecStart=-/opt/shop/bin/gunicorn \\
  --workers 3 \\
  "shop.wsgi:get(name='x')"
"""


def test_drop_ins_take_back_what_was_before_them():
    said = units.settings(UNIT)
    assert units.command(said["ExecStart"]) == ["/opt/shop/bin/gunicorn", "--workers", "3", "shop.wsgi:get(name='x')"]
    assert units.assignments(said["Environment"]) == {"TITLE": "Our shop", "DEBUG": "", "GREETING": 'it is "here"'}


def test_percent_signs_are_as_the_program_gets_them():
    assert units.command(["/opt/shop/bin/celery -A shop worker -n worker@%%h"])[-1] == "worker@%h"
    assert units.assignments(["LOG_FORMAT=%%(message)s"]) == {"LOG_FORMAT": "%(message)s"}


def test_properties_of_several_units():
    assert units.shown("Id=a.service\nUser=jo\n\nId=b.service\nUser=\n\nLoadState=x\n") == [{"Id": "a.service", "User": "jo"}, {"Id": "b.service", "User": ""}]


@pytest.mark.parametrize(("line", "expected"), [
    ("A=1", {"A": "1"}), ("export A=1", {"A": "1"}), ("A = one two  # why", {"A": "one two"}), ("A='x # y'", {"A": "x # y"}),
    ('A="say \\"hi\\" \\$x"', {"A": 'say "hi" $x'}), ("# A=1", {}), ("A", {}), ("2A=1", {}), ("A=", {"A": ""}), ("A=x=y", {"A": "x=y"}),
    ("A=a\\\nb", {"A": "ab"}),
])
def test_a_line_of_an_environment_file(line, expected):
    assert units.environment_file(line) == expected


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("SECRET_KEY", "x", True), ("DJANGO_SECRET_KEY", "x", True), ("AWS_ACCESS_KEY_ID", "x", True), ("DATABASE_URL", "postgres:///shop", True),
    ("SENTRY_DSN", "x", True), ("SMTP_PASS", "x", True), ("github_token", "x", True), ("CACHE", "redis://:pw@127.0.0.1/0", True),
    ("KEYBOARD", "de", False), ("TITLE", "Our shop", False), ("SITE_URL", "https://shop.example.com", False), ("PASSENGERS", "4", False),
    ("COMPASS", "n", False),
])
def test_what_is_masked(name, value, expected):
    assert units.is_secret(name, value) is expected


@pytest.mark.parametrize(("text", "expected"), [("1min 30s", 90), ("20s", 20), ("infinity", None), ("", None), ("2h", 7200)])
def test_a_time_of_systemd(text, expected):
    assert units.seconds(text) == expected


@pytest.mark.parametrize(("words", "expected"), [
    (["gunicorn", "-b", "unix:/run/shop.sock", "shop:app"], ["unix:/run/shop.sock"]),
    (["gunicorn", "--bind=127.0.0.1:8000", "shop:app"], ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"]),
    (["uvicorn", "shop:app", "--uds", "/run/shop.sock"], ["unix:/run/shop.sock"]),
    (["uvicorn", "shop:app", "--host", "0.0.0.0", "--port", "9000"], ["0.0.0.0:9000", "127.0.0.1:9000", "localhost:9000", "[::1]:9000"]),
    (["celery", "-A", "shop", "worker"], []),
])
def test_where_a_command_listens(words, expected):
    assert look.binds(words) == expected


@pytest.mark.parametrize(("words", "expected"), [
    (["/opt/shop/bin/gunicorn", "shop:app"], ["unix:/run/shop.sock"]),
    (["/opt/shop/bin/gunicorn", "-c", "deploy/live.py", "shop:app"], ["0.0.0.0:9000", "unix:/run/two.sock"]),
    (["/opt/shop/bin/gunicorn", "--config=none.py", "shop:app"], ["127.0.0.1:8000"]),
    (["/opt/shop/bin/python", "-m", "uvicorn", "shop:app"], ["127.0.0.1:8000"]),
    (["/opt/shop/bin/celery", "-A", "shop", "worker"], []),
])
def test_where_a_server_listens_whose_command_does_not_tell(tmp_path, words, expected):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "gunicorn.conf.py").write_text('workers = 3\nbind = "unix:/run/shop.sock"\n')
    (tmp_path / "deploy" / "live.py").write_text("bind = ['0.0.0.0:9000', 'unix:/run/two.sock']\n")
    found = look.otherwise(words, str(tmp_path))
    assert found == expected
    assert look.binds([*words, "--bind", "unix:/run/told.sock"], found) == ["unix:/run/told.sock"]
    assert set(expected) <= set(look.binds(words, found))
