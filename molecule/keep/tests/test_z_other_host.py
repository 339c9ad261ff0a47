# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL on a host of its own: the application reaches it by TLS with the server's name checked, and nobody else does."""

import socket

import pytest
from plugin import until

PASSWORD = "{{ lookup('ansible.builtin.password', inventory_dir ~ '/secrets/shelf', length=32, chars=['ascii_letters', 'digits']) }}"


def test_the_application_has_its_database_on_another_host(keeper):
    database = keeper.add_database()
    certificates = [{"name": "database", "src": "files/database.crt"}]
    keeper.add_gallery(
        "shelf", redis=2, secrets={"DATABASE_PASSWORD": "{{ services_databases.shelf }}"}, application={"env": {"DATABASE_HOST": database}},
        services_databases={"shelf": PASSWORD}, python_ca_certificates=certificates,
    )
    keeper.play("postgresql_host")
    assert keeper.play("postgresql_host").changed == 0
    keeper.play("site", "--skip-tags", "hardening", app="shelf")
    with keeper.sending("shelf") as sender:
        until(lambda: len(sender.acknowledged) >= 3, 300)
    assert set(sender.acknowledged) <= set(keeper.pictures("shelf")["rows"])


def test_nobody_else_comes_in(keeper):
    address = keeper.listed["_meta"]["hostvars"]["keep-database"]["ansible_host"]
    # Not even this machine, which reaches its SSH.
    with socket.create_connection((address, 22), timeout=10):
        pass
    with pytest.raises(OSError), socket.create_connection((address, 5432), timeout=5):
        pass
    password = (keeper.folder / "secrets" / "shelf").read_text().strip()
    psql = f"PGPASSWORD={password} psql -tA -h {address} -U shelf -c 'SELECT 1'"
    ca = "/etc/ssl/certs/ca-certificates.crt"
    assert keeper.run(f"PGSSLMODE=verify-full PGSSLROOTCERT={ca} {psql} shelf") == "1"
    for refused in (f"PGSSLMODE=disable {psql} shelf", f"{psql} postgres"):
        done = keeper.host.run(refused)
        assert done.rc == 2 and "no pg_hba.conf entry" in done.stderr
