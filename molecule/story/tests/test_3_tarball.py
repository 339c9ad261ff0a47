# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A team that only wants one role: the collection as it is published, in a playbook of their own, outside of the checkout."""

import os
import subprocess

import playbook

PLAY = """\
- name: Serve our page
  hosts: git
  become: true
  roles:
    - role: pyweb.stack.nginx
      vars:
        nginx_sites:
          - name: page
            domains: [page.example.com]
            root: /srv/page
"""


def test_one_role_of_the_published_collection_is_enough(fleet, tmp_path):
    # Nothing of this checkout's settings is known there.
    env = {name: value for name, value in playbook.environment().items() if not name.startswith("ANSIBLE_")}
    env |= {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"), "ANSIBLE_NOCOLOR": "true", "ANSIBLE_HOST_KEY_CHECKING": "false"}
    galaxy = ["ansible-galaxy", "collection"]
    subprocess.run([*galaxy, "build", playbook.CHECKOUT, "--output-path", tmp_path], check=True, env=env, cwd=tmp_path)
    (tarball,) = tmp_path.glob("pyweb-stack-*.tar.gz")
    # The collections that it depends on come with the package "ansible".
    subprocess.run([*galaxy, "install", "--offline", "--no-deps", "-p", tmp_path / "collections", tarball], check=True, env=env, cwd=tmp_path)
    installed = tmp_path / "collections" / "ansible_collections" / "pyweb" / "stack"
    assert (installed / "roles" / "nginx" / "README.md").exists()
    for left_out in ("tests", "molecule", "examples", ".git", ".venv", ".collections"):
        assert not (installed / left_out).exists()

    assert len(PLAY.splitlines()) <= 10
    (tmp_path / "page.yml").write_text(PLAY)
    fleet.run("story-git", "umask 022; mkdir -p /srv/page && echo '<h1>Our page</h1>' > /srv/page/index.html")
    outcome = playbook.play(tmp_path / "page.yml", "-i", fleet.inventory, env=env, cwd=tmp_path)
    assert outcome.status == 0, outcome.output
    assert os.fspath(playbook.CHECKOUT) not in outcome.output
    assert b"<h1>Our page</h1>" in fleet.visitor_at(fleet.variables["story-git"]["ansible_host"]).get("https://page.example.com/").content

    outcome = playbook.play(tmp_path / "page.yml", "-i", fleet.inventory, env=env, cwd=tmp_path)
    assert outcome.status == 0 and outcome.changed == 0, outcome.output
