# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides in docs/start as their readers follow them, from an empty directory and an empty home to a bare host: all blocks, word for word."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import socket
import ssl

import httpx
import pytest
import testinfra
from cryptography import x509

from plugin import address, live, until
from reader import CHECKOUT, Reader, steps

AUTHORITY = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority.crt"
# What visitors get: a page, what is in it, and a file that nginx serves.
PAGES = {
    "django": ("/admin/login/", "Django administration", "/static/admin/css/base.css"),
    "flask": ("/", "0 posts", "/static/style.css"),
    "fastapi": ("/", '{"items":0}', None),
}
SHELL = re.compile(r"On the host, `(sudo [\w-]+-run [^`]+)`")


@dataclasses.dataclass
class Server:
    """The host that a guide is about."""

    guide: str

    def __post_init__(self):
        self.address = address(f"guides-{self.guide}")
        self.text = (CHECKOUT / "docs" / "start" / f"{self.guide}.md").read_text(encoding="utf-8")
        self.app = re.search(r"-e app=(\w+)", self.text)[1]
        self.name = f"{self.app}.example.com"
        self.host = testinfra.get_host(f"ansible://guides-{self.guide}", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)

    def get(self, path):
        with httpx.Client(verify=False, timeout=60) as client:
            return client.get(f"https://{self.address}{path}", headers={"Host": self.name}, extensions={"sni_hostname": self.name})

    def issuer(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((self.address, 443), timeout=30) as plain, context.wrap_socket(plain, server_hostname=self.name) as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(True)).issuer.rfc4514_string()

    def serves(self):
        """The live release, once all that the guide promises of it has been seen."""
        page, words, file = PAGES[self.guide]
        answer = self.get(page)
        assert answer.status_code == 200 and words in answer.text, answer.text
        assert file is None or self.get(file).status_code == 200
        assert "Pebble" in self.issuer(), "the certificate is not from the authority"
        release = live(self.host, self.app)
        until(lambda: self.host.run(f"systemctl is-active pyweb.{self.app}.worker.{release}.service").stdout.strip() == "active")
        return release


@pytest.mark.parametrize("guide", PAGES)
def test_a_guide_leads_from_a_bare_host_to_a_server(tmp_path, guide):
    server = Server(guide)
    reader = Reader(tmp_path, server.address, address("guides-forge"), AUTHORITY)
    releases = []
    for step in steps(f"docs/start/{guide}.md"):
        if step.title:
            reader.write(step)
            continue
        for command in step.body.splitlines():
            if command == "ansible-playbook site.yml":
                # The one line that no guide has: Let's Encrypt does not know these names.
                (reader.here / "group_vars" / "all.yml").write_text("nginx_acme: {directory: 'https://git.example.com:14000/dir'}\n")
            elif "pyweb.stack.deploy" in command:
                reader.type(f"git -C ../{server.app} commit --quiet --allow-empty --message=next && git -C ../{server.app} push --quiet")
            reader.type(command)
            if re.search(r"ansible-playbook (site.yml|pyweb.stack.(deploy|rollback))", command):
                releases.append(server.serves())
                # The guide says so of a second run.
                assert command != "ansible-playbook site.yml" or reader.type(command).changed == 0
    assert len(releases) == 3 and releases[0] == releases[2] != releases[1]
    opened = server.host.run(f"echo 'print(6 * 7)' | {SHELL.search(server.text)[1]}")
    assert opened.rc == 0 and "42" in opened.stdout, opened.stderr
