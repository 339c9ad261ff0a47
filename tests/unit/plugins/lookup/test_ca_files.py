# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of authorities as the files of a host: their text is in the inventory, or in a file beside it."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


@pytest.fixture(name="read")
def _read(tmp_path):
    lookup = lookup_loader.get("pyweb.stack.ca_files", loader=DataLoader(), templar=None)

    def read(**certificate):
        (file,) = lookup.run([{"name": "company", **certificate}], {"inventory_dir": str(tmp_path)}, directory="/usr/local/share/ca-certificates/pyweb")
        assert file["path"] == "/usr/local/share/ca-certificates/pyweb/company.crt"
        return file["content"]

    return read


def test_a_file_beside_the_inventory(read, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "ca.crt").write_text(f"\n{PEM}\n\n")
    assert read(src="ca.crt") == f"{PEM}\n"
    assert read(src=str(tmp_path / "files" / "ca.crt"), content=None) == f"{PEM}\n"


@pytest.mark.parametrize("content", [PEM, f" {PEM} \n\n"])
def test_text_of_the_inventory(read, content):
    assert read(content=content) == f"{PEM}\n"


# Both are refused by the role, which has to see them for that.
@pytest.mark.parametrize("certificate", [{}, {"src": "nowhere.crt"}, {"content": ""}])
def test_what_is_not_there_has_no_content(read, certificate):
    assert read(**certificate) == "\n"
