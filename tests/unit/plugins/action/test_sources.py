# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller does before release_info and release_build, and what those make of it: a deploy of what lies here."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
import types

import pytest

from ansible import constants
from ansible.errors import AnsibleActionFail

from ansible_collections.pyweb.stack.plugins.action import release_build as build_action
from ansible_collections.pyweb.stack.plugins.action import release_info as info_action
from ansible_collections.pyweb.stack.plugins.module_utils._host import releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import source_of
from ansible_collections.pyweb.stack.plugins.modules import release_build, release_info

NOW = "20261121T120000Z"


class Task:
    """The controller's side; what goes to the host is in C(calls) and C(uploads)."""

    def __init__(self, host, call, tmp_path):
        self.host, self.call, self.tmp_path = host, call, tmp_path
        self.calls, self.uploads = [], []

    def __call__(self, action, module, check=False, **arguments):
        outer = self

        class Action(action.ActionModule):
            def _execute_module(self, module_name=None, module_args=None, task_vars=None, **options):
                outer.calls.append((module_name, json.loads(json.dumps(module_args))))
                return outer.call(module.main, check, **module_args)

            def on_host(self, name, arguments, task_vars):
                return self._execute_module(f"pyweb.stack.{name}", arguments)

            def _make_tmp_path(self, remote_user=None):
                (outer.tmp_path / "remote").mkdir()
                return str(outer.tmp_path / "remote")

            def _transfer_file(self, local_path, remote_path):
                outer.uploads.append(local_path)
                shutil.copyfile(local_path, remote_path)

            def _remove_tmp_path(self, tmp_path, force=False):
                shutil.rmtree(tmp_path)

        task = types.SimpleNamespace(async_val=0, check_mode=check, args={"name": "shop", **arguments}, action="x")
        shell = types.SimpleNamespace(tmpdir=None, join_path=os.path.join)
        plugin = Action(task, types.SimpleNamespace(_shell=shell), None, None, None)
        return plugin.run(task_vars={"inventory_hostname": "web1", "playbook_dir": str(self.tmp_path), "inventory_dir": None})

    def info(self, check=False, **arguments):
        return self(info_action, release_info, check, config_digest="c", **arguments)

    def deploy(self, now=NOW, check=False, config_digest="c", more=None, **arguments):
        info = self(info_action, release_info, check, config_digest=config_digest, **arguments)
        if info.get("failed"):
            return info
        plan = releases.plan({"web1": info}, now)
        step = plan["hosts"]["web1"]
        if not step["build"]:
            return step
        return self(build_action, release_build, check, release=step["release"], revision=plan["revision"], lease={"token": "mine", "by": "me@here"},
                    config_digest=config_digest, **arguments, **(more or {}))


@pytest.fixture
def task(host, call, tmp_path, monkeypatch):
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    assert uv, "uv is in requirements.txt"
    monkeypatch.setattr(_environment, "UV", uv)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/app.py").write_text("VERSION = 1\n")
    host.app()
    return Task(host, call, tmp_path)


def later(task, monkeypatch, number):
    """Another run of Ansible."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(task.tmp_path / f"run{number}"))


def test_a_directory_is_sent_once_and_built(host, task, monkeypatch):
    built = task.deploy(source={"path": "shop"})
    app = host.App("shop")
    assert built["changed"] and (pathlib.Path(app.paths.release(built["release"])) / "app.py").read_text() == "VERSION = 1\n"
    assert {name: built["manifest"][name] for name in ("kind", "source", "version", "state")} == {
        "kind": "path", "source": str(task.tmp_path / "shop"), "version": "shop", "state": "built"}
    assert [name for name, dummy in task.calls] == ["pyweb.stack.release_info", "pyweb.stack.release_build", "pyweb.stack.release_build"]
    assert len(task.uploads) == 1 and not (task.tmp_path / "remote").exists()
    # The same content is the same release.
    later(task, monkeypatch, 2)
    os.utime(task.tmp_path / "shop/app.py", (1, 1))
    assert task.deploy(source={"path": "shop"}) == {"release": built["release"], "build": False, "activate": True}
    # Other configuration: the host has the source already.
    again = task.deploy("20261121T130000Z", source={"path": "shop"}, config_digest="d", more={"build_env": {"X": "1"}})
    assert again["changed"] and again["release"] != built["release"] and len(task.uploads) == 1
    # Other content.
    later(task, monkeypatch, 3)
    (task.tmp_path / "shop/app.py").write_text("VERSION = 2\n")
    third = task.deploy("20261121T140000Z", source={"path": "shop"})
    assert (pathlib.Path(app.paths.release(third["release"])) / "app.py").read_text() == "VERSION = 2\n" and len(task.uploads) == 2


def test_what_is_edited_between_look_and_build_is_for_the_next_run(host, task):
    info = task.info(source={"path": "shop"})
    (task.tmp_path / "shop/app.py").write_text("VERSION = 2\n")
    release = f"{NOW}-{info['revision'][:7]}"
    built = task(build_action, release_build, release=release, revision=info["revision"], lease={"token": "mine", "by": "me"}, source={"path": "shop"})
    assert (pathlib.Path(host.App("shop").paths.release(built["release"])) / "app.py").read_text() == "VERSION = 1\n"
    with pytest.raises(AnsibleActionFail, match=f"^shop: {task.tmp_path}/shop is not what it was when it was looked at: deploy again.$"):
        task(build_action, release_build, release=release, revision="f" * 64, lease={"token": "mine", "by": "me"}, source={"path": "shop"})


@pytest.mark.parametrize("source", [{"path": "shop"}, {"archive": "shop/app.py"}, {"package": "x==1"},
                                    {"archive": "https://example.com/x.tar", "checksum": "sha256:" + "f" * 64}])
def test_check_mode_on_a_bare_host(host, task, source):
    shutil.rmtree(host.root / "var")
    info = task.info(True, source=source)
    assert len(info["revision"]) == 64 and not info["exists"] and info["version"]
    assert task.deploy(check=True, source=source)["changed"] and task.uploads == []
    assert task.info(source=source)["msg"] == "shop: shop is not set up on this host: run the playbook site (or provision) first."


def test_a_fault_on_the_controller_is_one_sentence(task):
    with pytest.raises(AnsibleActionFail, match="^shop: source.path is gone, but the controller has no such directory: looked for /.*/gone.$"):
        task.info(source={"path": "gone"})
    assert task.calls == []


@pytest.mark.parametrize("source, goes", [
    ({"repo": "https://ann:s3cret@git.example.com/x"}, {"repo": "https://git.example.com/x", "token": "ann:s3cret"}),
    ({"repo": "https://ann@git.example.com/x", "token": "s3cret"}, {"repo": "https://git.example.com/x", "token": "ann:s3cret"}),
    ({"repo": "https://git.example.com/x", "token": "s3cret"}, {"repo": "https://git.example.com/x", "token": "s3cret"}),
    ({"repo": "ssh://git@git.example.com/x"}, {"repo": "ssh://git@git.example.com/x"}),
    ({"archive": "https://ann:s3cret@example.com/x.tar", "checksum": "sha256:" + "f" * 64},
     {"archive": "https://example.com/x.tar", "checksum": "sha256:" + "f" * 64, "token": "ann:s3cret"}),
])
def test_a_password_in_an_address_goes_where_ansible_hides_it(host, task, source, goes):
    shutil.rmtree(host.root / "var")
    info = task.info(True, source=source)
    assert task.calls[0][1]["source"] == goes and "s3cret" not in json.dumps(info)


def test_the_signature_of_an_address_goes_where_ansible_hides_it(host, task):
    address = "https://ann:s3cret@127.0.0.1:9/x.tar"
    source = {"archive": f"{address}?one=s3cret&two=s3cret", "checksum": "sha256:" + "f" * 64}
    built = task.deploy(source=source)
    assert [(arguments["source"]["archive"], arguments["query"]) for dummy, arguments in task.calls] == [
        ("https://127.0.0.1:9/x.tar", "one=s3cret&two=s3cret")] * 2
    # What a module logs and returns of its arguments.
    assert built["msg"].startswith("shop: release ") and ": https://127.0.0.1:9/x.tar cannot be fetched: " in built["msg"], built
    assert built["invocation"]["module_args"]["query"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" and "s3cret" not in json.dumps(built)
    # The address itself still has it.
    params = {name: task.calls[0][1][name] for name in ("source", "query")}
    assert source_of("/home", params, {}).url == "https://127.0.0.1:9/x.tar?one=s3cret&two=s3cret"
    # What is no address may have a question mark in its name.
    (task.tmp_path / "what?.tar").write_bytes(b"")
    task.info(source={"archive": "what?.tar"})
    assert task.calls[-1][1]["source"]["archive"] == "what?.tar" and "query" not in task.calls[-1][1]


def test_a_report_prepares_nothing(host, task, monkeypatch):
    """Nor does it miss what would be prepared; what is there of it counts."""
    source = {"path": "shop", "prepare": ["date +%N > made.txt"], "include": ["made.txt"]}
    (task.tmp_path / "shop/.gitignore").write_text("made.txt\n")
    before = task.info(source=source, prepare=False)
    assert len(before["revision"]) == 64 and not (task.tmp_path / "shop/made.txt").exists()
    later(task, monkeypatch, 2)
    prepared = task.info(source=source)
    made = (task.tmp_path / "shop/made.txt").read_text()
    later(task, monkeypatch, 3)
    after = task.info(source=source, prepare=False)
    assert after["revision"] == prepared["revision"] != before["revision"] and (task.tmp_path / "shop/made.txt").read_text() == made


def test_what_is_no_source_is_the_module_s_business(task):
    assert "dictionary requested" in task.info(source="nonsense")["msg"]
    assert task.info()["live"] is None


def test_an_archive_and_a_wheel(host, task, monkeypatch):
    shutil.make_archive(str(task.tmp_path / "shop-1"), "zip", task.tmp_path, "shop")
    built = task.deploy(source={"archive": "shop-1.zip"})
    assert os.listdir(f"{host.App('shop').paths.build}/sources/{built['manifest']['revision']}") == ["source.zip"]
    assert (pathlib.Path(host.App("shop").paths.release(built["release"])) / "app.py").exists() and built["manifest"]["version"] == "shop-1.zip"
    sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))
    try:
        import index
    finally:
        sys.path.pop(0)
    index.wheel(task.tmp_path, "my_shop", "1.4")
    later(task, monkeypatch, 2)
    built = task.deploy("20261121T130000Z", source={"package": "my_shop-1.4-py3-none-any.whl"})
    assert not built.get("failed"), built
    target = pathlib.Path(host.App("shop").paths.release(built["release"]))
    assert next((target / ".venv/lib").glob("*/site-packages/my_shop/__init__.py")).read_text() == "VERSION = '1.4'\n"
    assert (built["manifest"]["kind"], built["manifest"]["version"]) == ("package", "1.4")
