# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible_collections.pyweb.stack.plugins.action import input_check


@pytest.mark.parametrize("proxy", ["", "http://proxy.example.com:3128", "https://user:pass@proxy.example.com/", "http://user:p%40%2Fss!$@[2001:db8::1]:3128"])
def test_proxies_that_programs_take(proxy):
    assert input_check.proxy_fault(proxy) == ""


@pytest.mark.parametrize("proxy", ["proxy.example.com:3128", "socks5://proxy.example.com", "http://proxy.example.com/path", "http://", "http://a b"])
def test_what_is_no_proxy_is_refused(proxy):
    assert input_check.proxy_fault(proxy) == f"pyweb_proxy is {proxy}: an address such as http://proxy.example.com:3128 is needed."


@pytest.mark.parametrize("proxy, begins", [
    ("ftp://user:geheim@proxy.example.com", "pyweb_proxy is ftp://proxy.example.com: "),
    ("user:geheim@proxy.example.com:3128", "pyweb_proxy is proxy.example.com:3128: an address such as http://"),
    ("user:ge://heim@proxy.example.com:3128", "pyweb_proxy is proxy.example.com:3128: an address such as http://"),
    ("http://user:ge@heim@proxy.example.com", "pyweb_proxy is http://proxy.example.com with a name and password that"),
    ("https://user:ge/heim@proxy.example.com", "pyweb_proxy is https://proxy.example.com with a name and password that"),
    # It would be the end of the line in apt's configuration, which no apt then reads.
    ('http://user:ge"heim@proxy.example.com', "pyweb_proxy is http://proxy.example.com with a name and password that"),
])
def test_the_password_of_a_refused_proxy_is_not_shown(proxy, begins):
    said = input_check.proxy_fault(proxy)
    assert said.startswith(begins)
    assert not {"user", "ge", "heim", "geheim"} & set(re.findall(r"\w+", said))


def test_the_first_file_that_is_missing_is_named_with_its_option(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "there.crt").touch()
    files = {"there.crt": "python_ca_certificates.src", "app.tar.gz": "pyweb_apps.shop.source.archive", "late.yml": "patch_before"}
    assert input_check.file_fault(files, [str(tmp_path)]) == (
        "pyweb_apps.shop.source.archive is app.tar.gz, but the controller has no such file beside the playbook or the inventory: correct the path."
    )
    assert input_check.file_fault({"there.crt": "python_ca_certificates.src", str(tmp_path): "patch_before"}, [str(tmp_path)]) == ""


@pytest.mark.parametrize("path, files, wanted", [
    ("", {"../shop": "pyweb_apps.shop.source.path"}, "pyweb_apps.shop.source.path is ../shop, but the controller has no git, "),
    ("", {"shop.tar.gz": "pyweb_apps.shop.source.archive"}, ""),
    ("bin", {"../shop": "pyweb_apps.shop.source.path"}, ""),
    ("", {}, ""),
])
def test_a_directory_is_not_packed_without_git(tmp_path, monkeypatch, path, files, wanted):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / path))
    said = input_check.git_fault(files)
    assert said.startswith(wanted) and bool(said) == bool(wanted)
