# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

VERSION = "0.13.8"


def test_uv_is_the_pinned_version_for_everybody(host):
    assert host.check_output("runuser -u admin -- uv --version").startswith(f"uv {VERSION} ")
    link = host.file("/usr/local/bin/uv")
    assert link.is_symlink
    assert link.linked_to == f"/opt/pyweb/uv/{VERSION}/bin/uv"


def test_only_root_may_change_uv(host):
    assert host.check_output("find /opt/pyweb /usr/local/bin '(' -not -user root -o -perm /022 -not -type l ')'") == ""


def test_another_version_stays_beside(host):
    assert host.check_output("/opt/pyweb/uv/0.13.7/bin/uv --version").startswith("uv 0.13.7 ")


@pytest.mark.parametrize("package", ["ca-certificates", "git", "libpq5", "python3-venv"])
def test_packages(host, package):
    assert host.package(package).is_installed


def test_certificate_is_trusted(host):
    file = "/usr/local/share/ca-certificates/pyweb/example-root.crt"
    assert host.run(f"openssl verify {file}").rc == 0
    assert host.run("openssl verify -no-CApath -CAfile /etc/ssl/certs/ca-certificates.crt %s", file).rc == 0


def test_certificate_that_is_no_longer_listed_is_gone(host):
    assert not host.file("/usr/local/share/ca-certificates/pyweb/example-old.crt").exists
    assert host.check_output("find /etc/ssl/certs -name '*example-old*'") == ""
    assert host.check_output("find /etc/ssl/certs -xtype l") == ""


def test_an_unprivileged_user_builds_an_environment(host):
    script = """
        set -e
        directory=$(mktemp -d)
        cd "$directory"
        export UV_SYSTEM_CERTS=1 UV_NO_CONFIG=1 UV_CACHE_DIR=$directory/cache
        uv venv --quiet --python /usr/bin/python3 .venv
        uv pip install --quiet --python .venv/bin/python itsdangerous==2.2.0
        .venv/bin/python -c 'import itsdangerous'
        rm -rf "$directory"
    """
    result = host.run("runuser -u nobody -- env -u TMPDIR HOME=/nonexistent sh -c %s", script)
    assert result.rc == 0, result.stderr
