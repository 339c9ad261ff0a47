# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs already is shown as an entry that is accepted as it is; nothing on the host changes."""

import re
import stat
import textwrap

import pytest
import yaml

TREES = "find /var/www /opt/ledger /etc/nginx /etc/systemd/system -printf '%p %T@ %s\\n' | sort | sha256sum"
GIVEN = {
    "orders": {"path": "/var/www/orders"},
    "till": {"path": "/var/www/till"},
    "ledger": {"path": "/opt/ledger", "unit": "ledger"},
}


def entry(output):
    """The YAML of the message."""
    text = re.search(r"msg: \|-\n(.*?)\n\n", output, re.DOTALL)[1]
    return yaml.safe_load(textwrap.dedent(text))


@pytest.mark.parametrize("app", GIVEN)
def test_the_entry_is_what_the_inventory_has(server, app):
    before = server.host.check_output(TREES)
    outcome = server.play("adopt", **GIVEN[app])
    shown = entry(outcome.output)["pyweb_apps"][app]
    wanted = server.host.ansible.get_variables()["pyweb_apps"][app]
    assert shown.pop("secrets") == {"SECRET_KEY": f"{{{{ vault_{app}_secret_key }}}}"} and "kept-7c1f0a" not in outcome.output
    assert sorted(shown.pop("shared")) == sorted(wanted["shared"])
    assert shown == {key: value for key, value in wanted.items() if key not in ("secrets", "shared")}
    assert outcome.changed == 0 and server.host.check_output(TREES) == before


def test_secrets_come_into_a_file_for_the_vault_alone(server, tmp_path):
    file = tmp_path / "secrets.yml"
    outcome = server.play("adopt", secrets_file=str(file), **GIVEN["orders"])
    assert yaml.safe_load(file.read_text()) == {"vault_orders_secret_key": "kept-7c1f0a $x"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and "kept-7c1f0a" not in outcome.output


@pytest.mark.parametrize(("given", "words"), [
    ({}, "path is ''"), ({"path": "/opt/none"}, "no such directory"), ({"path": "/opt/ledger", "unit": "ledger,none"}, "this host has ledger.service"),
    ({"path": "/opt/ledger", "app": "git"}, "cannot be its name here"),
])
def test_what_cannot_be_found_is_said(server, given, words):
    server.host.check_output("test -d /srv/git || mkdir /srv/git")
    assert words in server.play("adopt", exit_status=2, **given).messages[0]
