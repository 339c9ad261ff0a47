# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of all scenarios share; molecule/conftest.py loads it as a plugin of pytest."""

from __future__ import annotations

import os
import subprocess
import time
import typing

import pytest

# As nginx would come: by a UNIX socket. Arguments: the socket, the path.
_ASK = (
    "import http.client as h, socket as s, sys; c = h.HTTPConnection('x'); c.sock = s.socket(s.AF_UNIX); c.sock.settimeout(9); "
    "c.sock.connect(sys.argv[1]); c.request('GET', sys.argv[2]); print(c.getresponse().read().decode())"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: takes minutes, and is shown with PYWEB_FULL=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("full") and not os.environ.get("PYWEB_FULL"):
            item.add_marker(pytest.mark.skip(reason="only with PYWEB_FULL=1"))


def live(host: typing.Any, app: str) -> str:
    """The id of the live release of an application, on a host of testinfra."""
    return host.check_output("basename $(readlink /srv/%s/current)", app)


def ask(host: typing.Any, app: str, path: str = "/healthz") -> str:
    """What the live release answers to nginx's user on its own socket, whatever the status."""
    return host.check_output("runuser -u www-data -- python3 -c %s %s %s", _ASK, f"/run/pyweb/{app}/{live(host, app)}/web.sock", path)


def until(check: typing.Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that has to come by itself; AssertionError when it has not come within so many seconds."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"waited for {seconds} s in vain"
        time.sleep(0.3)


def address(name: str) -> str:
    """The IP address of the test host of this name, as it is now: a restart may change it."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.run(["docker", "inspect", "--format", form, name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
