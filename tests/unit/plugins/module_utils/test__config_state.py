# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise: config_files is left out only where it would find nothing to do. Each case asks config_files' own plan, too."""

from __future__ import annotations

import copy
import grp
import os
import pwd
import typing as t

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _config_files as config_files
from ansible_collections.pyweb.stack.plugins.module_utils import _config_state as config_state
from ansible_collections.pyweb.stack.plugins.modules.config_files import wanted_from

OWNER = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


class Host:
    """A directory with a configuration, as options of config_files."""

    def __init__(self, root) -> None:
        self.root = root
        self.patterns = [f"{root}", f"{root}/*.conf", f"{root}/users", f"{root}/users/*users", f"{root}/extra"]
        self.options: dict[str, t.Any] = {
            "directories": [{"path": str(root), **OWNER, "mode": "0755"}, {"path": f"{root}/users", **OWNER, "mode": "0750"}],
            "files": [{"path": f"{root}/main.conf", "content": "worker_processes auto;\n", **OWNER, "mode": "0644"},
                      {"path": f"{root}/users/docs.users", "secret_content": "ada:$2y$05$x\n", **OWNER, "mode": "0640"}],
            "links": [],
            "absent": [f"{root}/old.conf", f"{root}/users/*users", f"{root}/extra"],
        }
        root.chmod(0o755)
        (root / "users").mkdir(mode=0o750)
        (root / "users").chmod(0o750)
        for item in self.options["files"]:
            path = root / item["path"]
            path.write_text(item.get("content") or item["secret_content"])
            path.chmod(int(item["mode"], 8))

    def in_place(self) -> bool:
        there = config_state.found(self.patterns, str(self.root / "journal"))
        return config_state.in_place(there, self.options["directories"], self.options["files"], self.options["absent"])

    def planned(self) -> list[str]:
        """The paths that config_files would change."""
        wanted = wanted_from(self.options, False)
        for path in config_files.expand_absent(self.options["absent"], [item.path for item in wanted]):
            wanted.append(config_files.Wanted(path, config_files.State(config_files.ABSENT)))
        return [step.path for step in config_files.plan(wanted, {item.path: config_files.look(item.path) for item in wanted})]


@pytest.fixture(name="host")
def _host(tmp_path):
    return Host(tmp_path)


def test_what_is_as_asked_for_is_in_place(host):
    (host.root / "others.conf").write_text("of somebody else")
    assert host.in_place()
    assert not host.planned()


def _content(host):
    (host.root / "main.conf").write_text("worker_processes 2;\n")


def _secret(host):
    (host.root / "users" / "docs.users").write_text("eve:x\n")


def _mode(host):
    (host.root / "users" / "docs.users").chmod(0o644)


def _directory_mode(host):
    (host.root / "users").chmod(0o700)


def _missing(host):
    (host.root / "main.conf").unlink()


def _link(host):
    (host.root / "main.conf").rename(host.root / "elsewhere")
    (host.root / "main.conf").symlink_to(host.root / "elsewhere")


def _old(host):
    (host.root / "old.conf").write_text("")


def _old_link_to_nothing(host):
    (host.root / "extra").symlink_to(host.root / "nowhere")


def _other_users(host):
    (host.root / "users" / "gone.users").write_text("")


def _owner(host):
    host.options["files"][0]["owner"] = "daemon"


@pytest.mark.parametrize("change", [_content, _secret, _mode, _directory_mode, _missing, _link, _old, _old_link_to_nothing, _other_users, _owner])
def test_what_differs_is_not_in_place(host, change):
    change(host)
    assert host.planned()
    assert not host.in_place()


def test_a_run_that_was_killed_is_finished_first(host):
    (host.root / "journal").mkdir()
    (host.root / "journal" / "journal.json").write_text("{}")
    assert not host.in_place()


@pytest.mark.parametrize("path", ["{}/deeper/key.pem", "{}/users/*", "/elsewhere/file", "{}/deeper/main.conf"])
def test_what_was_not_looked_at_is_left_to_config_files(host, path):
    host.options["absent"].append(path.format(host.root))
    assert not host.in_place()


def test_defaults_are_those_of_config_files(host):
    bare = copy.deepcopy(host.options)
    for item in bare["directories"] + bare["files"]:
        del item["owner"], item["group"], item["mode"]
    there = config_state.found(host.patterns, str(host.root / "journal"))
    for path, mode in ((host.root, "0755"), (host.root / "users", "0755"), (host.root / "main.conf", "0644"), (host.root / "users" / "docs.users", "0644")):
        there["paths"][str(path)].update(owner="root", group="root", mode=mode)
    assert config_state.in_place(there, bare["directories"], bare["files"], bare["absent"])
