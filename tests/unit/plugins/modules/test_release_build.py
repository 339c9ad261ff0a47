# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host knows to a release that is built: release_info, the plan, release_build, and again."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host import hooks, identity, prune, releases
from ansible_collections.pyweb.stack.plugins.module_utils._host.environments import environment as _environment
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError, HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.steps import again
from ansible_collections.pyweb.stack.plugins.modules import release_build, release_info

ENV = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENV.update(PATH=os.environ["PATH"], HOME="/nonexistent")
NOW = "20261121T120000Z"


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=ENV).stdout.strip()


@pytest.fixture
def origin(tmp_path):
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app.py").write_text("VERSION = 1\n")
    (folder / "media").mkdir()
    (folder / "media/.keep").touch()
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


@pytest.fixture
def deploy(host, call, origin, monkeypatch):
    """One round of a deploy, up to the release that is built."""
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    assert uv, "uv is in requirements.txt"
    monkeypatch.setattr(_environment, "UV", uv)
    for number, (key, value) in enumerate({"safe.directory": "*"}.items()):
        for name, text in ((f"GIT_CONFIG_KEY_{number}", key), (f"GIT_CONFIG_VALUE_{number}", value), ("GIT_CONFIG_COUNT", str(number + 1))):
            monkeypatch.setenv(name, text)
    host.app()
    source = {"repo": f"file://{origin}", "version": "main"}

    def look(check=False, **params):
        return call(release_info.main, check, name="shop", source=source, **params)

    def deploy(secrets="TOKEN=hunter22\0", config_digest="c", **params):
        info = look(secrets=secrets, config_digest=config_digest, files=params.get("files", ""))
        plan = releases.plan({"web1": info}, deploy.now)
        step = plan["hosts"]["web1"]
        if not step["build"]:
            return step, None
        built = call(release_build.main, name="shop", release=step["release"], revision=plan["revision"], source=source, secrets=secrets,
                     config_digest=config_digest, lease={"token": "mine", "by": "me@here"}, **params)
        return step, built

    deploy.look = look
    deploy.now = NOW
    return deploy


def test_a_release_is_built_once(host, deploy, origin):
    app = host.App("shop")
    step, built = deploy(env={"GREETING": "two\nlines $HOME"}, build=["echo built > out.txt; echo \"$GREETING\" >> out.txt"], shared=["media"])
    release = step["release"]
    assert built["changed"] and release == f"{NOW}-{git(origin, 'rev-parse', 'HEAD')[:7]}"
    target = pathlib.Path(app.paths.release(release))
    assert (target / "app.py").read_text() == "VERSION = 1\n" and (target / "out.txt").read_text() == "built\ntwo\nlines $HOME\n"
    assert os.readlink(target / ".pyweb") == f"{app.paths.run}/{release}" and os.readlink(target / "media") == f"{app.paths.shared}/media"
    assert (target / ".venv/bin/python").exists() and target.stat().st_mode & 0o777 == 0o751
    manifest = app.store.manifest(release)
    assert (manifest["state"], manifest["by"], manifest["version"], manifest["source"]) == ("built", "me@here", "main", f"file://{origin}")
    assert set(manifest["durations"]) == {"fetch", "export", "environment", "build"}
    assert "hunter22" not in json.dumps(manifest) + json.dumps(built)
    # The same again: nothing is built.
    deploy.now = "20261121T130000Z"
    assert deploy() == ({"release": release, "build": False, "activate": True}, None)


@pytest.mark.parametrize("given", ["make a,b", ["make a,b"], [{"command": "make a,b"}]])
def test_a_hook_is_one_command(given):
    """As the role appserver hands it over, which takes what somebody wrote."""
    assert hooks.commands({"before_activate": given}, "before_activate") == [{"command": "make a,b", "user": "app"}]


def test_another_application_of_its_name_is_refused_before_anything_is_fetched(host, deploy, origin):
    app = host.App("shop")
    path = pathlib.Path(app.paths.identity)
    path.write_text(identity.note("repo git.example.com/other", ["other.example.com"], "other.example.com"))
    other = deploy.look(domains=["shop.example.com"])
    assert other["failed"] and other["msg"].startswith("shop: pyweb_apps.shop has the source repo ") and "other.example.com" in other["msg"]
    assert deploy.look(check=True, domains=["shop.example.com"])["failed"] and not os.path.exists(f"{app.paths.build}/repo.git")
    # The same domain: its repository has moved. With that one built, its domains may change.
    assert "failed" not in deploy.look(domains=["other.example.com"])
    assert deploy()[1]["changed"]
    assert "failed" not in deploy.look(domains=["shop.example.com"])
    assert json.loads(path.read_text())["sources"] == ["repo git.example.com/other", identity.of_source({"repo": f"file://{origin}"})]


def test_shared_paths_are_there_while_the_build_runs_and_lead_to_the_data_afterwards(host, deploy, origin):
    (origin / "local.py").write_text("first")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "local")
    step, built = deploy(shared=["logs", "local.py", "db.sqlite3"], build=["echo line > logs/build.log", "cat local.py > seen"])
    app = host.App("shop")
    target = pathlib.Path(app.paths.release(step["release"]))
    assert built["changed"] and (target / "seen").read_text() == "first"
    assert {name: os.readlink(target / name) for name in ("logs", "local.py", "db.sqlite3")} == {
        name: f"{app.paths.shared}/{name}" for name in ("logs", "local.py", "db.sqlite3")}
    assert os.listdir(f"{app.paths.shared}/logs") == [] and pathlib.Path(app.paths.shared, "local.py").read_text() == "first"
    assert not os.path.lexists(f"{app.paths.shared}/db.sqlite3")


def test_files_that_the_user_gives_it(host, deploy, origin):
    """Build steps see those that are for them; a change of the others needs no build."""
    def files(build="B = 1\n", **more):
        return json.dumps({"local.py": {"content": "PASSWORD = 'hunter33'\n", "build": False}, "conf/built.py": {"content": build, "build": True}, **more})

    app = host.App("shop")
    step, built = deploy(files=files(), build=["cat conf/built.py > seen; readlink local.py > leads"])
    target, meta = pathlib.Path(app.paths.release(step["release"])), pathlib.Path(app.paths.files(step["release"]))
    assert built["changed"] and (target / "seen").read_text() == "B = 1\n" and (target / "leads").read_text().strip() == str(meta / "local.py")
    assert (target / "local.py").read_text() == "PASSWORD = 'hunter33'\n" and sorted(os.listdir(meta)) == ["local.py"]
    assert (meta / "local.py").stat().st_mode & 0o777 == 0o640 and meta.stat().st_mode & 0o777 == 0o750
    assert (target / "conf/built.py").stat().st_mode & 0o777 == 0o640
    assert "hunter33" not in json.dumps(app.store.manifests()) + json.dumps(built)
    # The same again, and then another content.
    deploy.now = "20261121T130000Z"
    assert deploy(files=files(), build=["cat conf/built.py > seen; readlink local.py > leads"])[0]["build"] is False
    changed = files(**{"local.py": {"content": "PASSWORD = 'hunter44'\n", "build": False}})
    second, built = deploy(files=changed, build=["cat conf/built.py > seen; readlink local.py > leads"])
    assert built["manifest"]["build_of"] == step["release"]
    other = pathlib.Path(app.paths.release(second["release"]))
    assert (other / "local.py").read_text() == "PASSWORD = 'hunter44'\n" and (target / "local.py").read_text() == "PASSWORD = 'hunter33'\n"
    # What build steps read is built anew.
    deploy.now = "20261121T140000Z"
    third, built = deploy(files=files(build="B = 2\n"), build=["cat conf/built.py > seen; readlink local.py > leads"])
    assert "build_of" not in built["manifest"] and pathlib.Path(app.paths.release(third["release"]), "seen").read_text() == "B = 2\n"


@pytest.mark.parametrize("path", ["../x", "/x", ".venv/x", "a//b", "."])
def test_files_lie_in_the_release(host, deploy, path):
    dummy, built = deploy(files=json.dumps({path: {"content": "hunter33", "build": False}}))
    assert built["failed"] and "inside the release" in built["msg"] and "hunter33" not in built["msg"]


def test_what_the_user_should_know_is_a_warning(host, deploy, origin):
    (origin / "runtime.txt").write_text("python-3.99.1\n")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "runtime")
    step, built = deploy()
    assert "shop: runtime.txt asks for Python 3.99.1, but 3." in json.dumps(built["warnings"]) and "notes" not in built["manifest"]
    assert "notes" not in host.App("shop").store.manifest(step["release"])


@pytest.mark.parametrize("change", [{"secrets": "TOKEN=other123\0"}, {"config_digest": "d"}])
def test_what_makes_a_new_release(host, deploy, change):
    first, dummy = deploy()
    second, built = deploy(**change)
    assert second["release"] != first["release"] and not built.get("failed")
    # The environment is the same one.
    app = host.App("shop")
    assert len({manifest["environment"] for manifest in app.store.manifests().values()}) == 1 and len(os.listdir(f"{app.paths.build}/envs")) == 1


def test_secrets_of_a_deploy_that_failed_do_not_stay(host, deploy):
    """The live release would read them at its next start."""
    first, dummy = deploy()
    app = host.App("shop")
    app.store.update(first["release"], state="active")
    app.traffic.main.lead_to(first["release"])
    second, dummy = deploy(secrets="TOKEN=wrong999\0")
    app.store.update(second["release"], state="failed")
    deploy.now = "20261121T130000Z"
    third, built = deploy()
    assert third["release"] not in (first["release"], second["release"]) and built["manifest"]["build_of"]
    with open(f"{app.paths.config}/secrets", encoding="utf-8") as file:
        assert file.read() == "TOKEN=hunter22\0"


def test_the_revision_makes_a_new_release_with_the_new_code(host, deploy, origin):
    deploy()
    (origin / "app.py").write_text("VERSION = 2\n")
    git(origin, "commit", "-q", "-a", "-m", "two")
    step, dummy = deploy()
    assert pathlib.Path(host.App("shop").paths.release(step["release"]), "app.py").read_text() == "VERSION = 2\n"


def test_a_build_that_fails_is_kept_and_its_id_used_up(host, deploy):
    step, failed = deploy(build=["echo the reason >&2; exit 3"])
    app = host.App("shop")
    assert failed["failed"] and failed["msg"].startswith(f"shop: release {step['release']} was not built: build step 'echo the reason >&2; exit 3' failed")
    assert failed["msg"].endswith("\nthe reason") and not os.path.exists(app.paths.lease)
    assert app.store.manifest(step["release"])["state"] == "failed" and os.path.isdir(app.paths.release(step["release"]))
    again, built = deploy()
    assert again["release"] == step["release"] + again["release"][len(step["release"]):] != step["release"] and built["changed"]


def test_a_build_that_was_cut_short(host, deploy):
    app = host.App("shop")
    app.store.update("20261101T000000Z-1a2b3c4", state="building")
    step, dummy = deploy()
    assert {name: item["state"] for name, item in app.store.manifests().items()} == {"20261101T000000Z-1a2b3c4": "failed", step["release"]: "built"}


def test_no_two_builds_write_into_one_directory(host, deploy, call):
    app = host.App("shop")
    step, dummy = deploy()
    app.store.update(step["release"], state="building")
    arguments = {"name": "shop", "revision": "f" * 40, "source": {"repo": "x"}, "lease": {"token": "mine", "by": "me"}}
    assert "no two builds write into one directory" in call(release_build.main, release=step["release"], **arguments)["msg"]
    assert "an id such as" in call(release_build.main, release="../../evil", **arguments)["msg"]
    app.lock.take({"token": "theirs", "by": "she@there"})
    late = call(release_build.main, release="20261109T000000Z-1a2b3c4", **arguments)
    assert late["msg"].startswith("shop: release 20261109T000000Z-1a2b3c4 was not built: she@there has been deploying since")


def test_check_mode_writes_nothing(host, deploy, origin, call):
    app = host.App("shop")
    before = sorted(os.listdir(app.paths.build))
    info = deploy.look(check=True)
    assert (info["revision"], info["live"], info["releases"], info["exists"]) == (git(origin, "rev-parse", "HEAD"), None, {}, True)
    assert call(release_build.main, True, name="shop", release="(new)", revision="", source={"repo": "x"}, lease={})["changed"]
    assert sorted(os.listdir(app.paths.build)) == before and app.store.manifests() == {}


def test_a_host_that_is_not_set_up(host, deploy, call):
    shutil.rmtree(host.root / "var")
    assert deploy.look()["msg"] == "shop: shop is not set up on this host: run the playbook site (or provision) first."
    info = deploy.look(check=True)
    assert (info["exists"], info["live"], info["revision"], info["directories"]) == (False, None, None, True)


def test_secrets_that_somebody_removed_are_written_again(host, deploy):
    first, dummy = deploy()
    os.unlink(f"{host.App('shop').paths.config}/secrets")
    second, built = deploy()
    assert second["build"] and built["changed"] and pathlib.Path(host.App("shop").paths.config, "secrets").read_text() == "TOKEN=hunter22\0"


# --- the same build under another configuration -----------------------------------------------------------------------

def test_configuration_alone_fetches_and_builds_nothing(host, deploy):
    first, dummy = deploy(env={"GREETING": "one"}, build=["date +%N > built; mkdir -p out; echo x > out/x.txt"], shared=["media"], static={"/s/": "out"})
    second, built = deploy(config_digest="d", env={"GREETING": "two"}, build=["date +%N > built; mkdir -p out; echo x > out/x.txt"], shared=["media"],
                           static={"/s/": "out"})
    app = host.App("shop")
    old, new = (pathlib.Path(app.paths.release(step["release"])) for step in (first, second))
    assert (new / "built").samefile(old / "built"), "hard links, and no build step has run again"
    assert os.readlink(new / ".pyweb") == f"{app.paths.run}/{new.name}" and os.readlink(old / ".pyweb") == f"{app.paths.run}/{old.name}"
    manifest = built["manifest"]
    assert manifest["build_of"] == old.name and set(manifest["durations"]) == {"copy"} and manifest["size"] < app.store.manifest(old.name)["size"]
    assert all(manifest[name] == app.store.manifest(old.name)[name] for name in ("environment", "lock_digest", "python", "python_version", "build_digest"))
    assert pathlib.Path(app.paths.meta(new.name), "environment").read_text() == "GREETING=two\0"


@pytest.mark.parametrize("change", [
    {"build": ["true"]}, {"build_env": {"A": "1"}}, {"shared": ["media"]}, {"server_packages": []}, {"force": True},
    {"hooks": {"after_build": ["true"]}}, {"dependencies": {"extra_indexes": ["http://127.0.0.1:9/simple"]}},
])
def test_what_is_built_again(host, deploy, change):
    deploy()
    dummy, built = deploy(config_digest="d", **{"server_packages": None, **change} if "server_packages" not in change else {**change, "build": ["true"]})
    assert built["changed"] and "build_of" not in built["manifest"]


def test_a_password_in_an_address_is_not_part_of_a_build(host, deploy):
    deploy(dependencies={"index": "https://she:first@example.com/simple"})
    dummy, built = deploy(config_digest="d", dependencies={"index": "https://she:second@example.com/simple"})
    assert built["manifest"]["build_of"]


def test_a_release_that_did_not_start_for_its_configuration_is_not_built_again(host, deploy):
    first, dummy = deploy(build=["true"])
    host.App("shop").store.update(first["release"], state="failed")
    second, built = deploy(config_digest="d", build=["true"])
    assert built["manifest"]["build_of"] == first["release"] != second["release"]
    failed, dummy = deploy(config_digest="e", build=["false"])
    again, built = deploy(config_digest="e", build=["false"])
    assert built["failed"], "what was never finished is not copied"


# --- the same on all hosts --------------------------------------------------------------------------------------------

def test_requirements_are_resolved_for_all_hosts(host, deploy, call, origin, tmp_path):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "support"))
    import index as packages

    (tmp_path / "wheels").mkdir()
    packages.wheel(tmp_path / "wheels", "alpha", "1.0")
    (origin / "requirements.txt").write_text("alpha\n")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "two")
    common = {"dependencies": {"wheelhouse": str(tmp_path / "wheels")}}
    info = deploy.look()
    plan = releases.plan({"web1": info, "web2": info}, deploy.now)
    asked = {"name": "shop", "release": plan["release"], "revision": plan["revision"], "source": {"repo": f"file://{origin}"},
             "lease": {"token": "mine", "by": "me@here"}, "platforms": plan["platforms"], "lock_only": True, **common}
    assert call(release_build.main, check=True, **asked)["lock"] == {}
    answer = call(release_build.main, **asked)
    app = host.App("shop")
    assert not answer["changed"] and answer["lock"]["text"] == "alpha==1.0\n" and answer["lock"]["platforms"] == [info["platform"]]
    assert not os.path.exists(app.paths.release(plan["release"])) and [name for name in os.listdir(app.paths.build) if name.startswith(".")] == []
    # By now the index has a newer one.
    packages.wheel(tmp_path / "wheels", "alpha", "2.0")
    step, built = deploy(lock=answer["lock"], **common)
    lock = pathlib.Path(app.paths.release(step["release"]), ".venv/pyweb-lock.txt").read_text()
    assert lock == "alpha==2.0\n", "a wheelhouse with other wheels is another input"
    # A host that joins is given what the release was built with; so is one that builds where another copies.
    for given in ({**asked, "release": step["release"]}, {**asked, "config_digest": "d"}):
        assert call(release_build.main, **given)["lock"]["text"] == lock


def test_packages_that_are_missing(deploy):
    assert deploy.look(system_packages=["dpkg", "no-such-package"])["missing_packages"] == ["no-such-package"]
    assert deploy.look()["missing_packages"] == []


# --- hooks ------------------------------------------------------------------------------------------------------------

def test_hooks_of_a_build_run_in_their_order(host, deploy):
    names = ("before_fetch", "after_fetch", "before_build", "after_build")
    log = host.root / "log"
    hooks = {name: [
        f"echo $PYWEB_PHASE $PYWEB_RELEASE $(basename $PWD) >> {log}", {"command": f"test -e built && echo built >> {log} || true"},
    ] for name in names}
    step, dummy = deploy(hooks=hooks, build=["touch built"])
    release = step["release"]
    assert log.read_text().splitlines() == [
        f"before_fetch {release} build", f"after_fetch {release} {release}", f"before_build {release} {release}", f"after_build {release} {release}", "built",
    ]


def test_hooks_of_the_application_s_user_run_in_the_sandbox_of_its_processes(host, deploy, sandboxed):
    app, log = host.App("shop"), host.root / "log"
    step, dummy = deploy(env={"GREETING": "one"})
    hook = f"echo $PYWEB_PHASE $PYWEB_RELEASE $GREETING $TOKEN '$PYWEB_FAILURE' >> {log}"
    hooks.run(app, {"before_activate": [hook, "true"]}, "before_activate", step["release"])
    hooks.run(app, {"on_failure": [hook]}, "on_failure", None, PYWEB_FAILURE="it's $HOME")
    assert log.read_text().splitlines() == [f"before_activate {step['release']} one hunter22 $PYWEB_FAILURE", "on_failure $PYWEB_FAILURE"]
    assert len(sandboxed) == 3 and all(argv[0] == "systemd-run" for argv in sandboxed)
    for argv in sandboxed:
        assert {"--property=User=shop", "--property=NoNewPrivileges=yes", "--property=ProtectSystem=strict"} <= set(argv)
    places = [app.paths.release(step["release"])] * 2 + [app.paths.path]
    assert [f"--property=WorkingDirectory={where}" in argv for argv, where in zip(sandboxed, places)] == [True] * 3
    # A unit of the release keeps it from being pruned; one without is no release.
    assert [[item for item in argv if item.startswith("--unit=")][0].count(".") for argv in sandboxed] == [4, 4, 3]
    with pytest.raises(BuildError, match=r"^hook before_activate 'echo why; exit 4' failed \(exit status 4\)\.\nwhy$"):
        hooks.run(app, {"before_activate": ["echo why; exit 4"]}, "before_activate", step["release"])


def test_a_hook_that_fails(host, deploy, sandboxed):
    log = host.root / "log"
    step, failed = deploy(hooks={"after_build": ["echo why; exit 4"], "on_failure": [f"echo $PYWEB_FAILURE > {log}; exit 5"]})
    assert failed["msg"].startswith(f"shop: release {step['release']} was not built: hook after_build 'echo why; exit 4' failed (exit status 4).\nwhy\n"
                                    "And after that, hook on_failure ")
    assert log.read_text() == "hook after_build 'echo why; exit 4' failed (exit status 4).\n"
    assert host.App("shop").store.manifest(step["release"])["state"] == "failed"


# --- room -------------------------------------------------------------------------------------------------------------

def test_a_build_makes_room_first(host, deploy, monkeypatch):
    app = host.App("shop")
    for day in (1, 2, 3, 4):
        host.release(app, f"2026110{day}T000000Z-1a2b3c4", state="superseded", live=day == 4)
    app.store.update("20261102T000000Z-1a2b3c4", pinned=True)
    monkeypatch.setattr(prune, "free", lambda app: 10 * (6 - len(app.store.manifests())))
    deploy(keep_free=30)
    assert list(app.store.manifests())[:3] == ["20261102T000000Z-1a2b3c4", "20261103T000000Z-1a2b3c4", "20261104T000000Z-1a2b3c4"], "the oldest that may go"
    deploy(config_digest="d", keep_free=1000)
    assert list(app.store.manifests())[:2] == ["20261102T000000Z-1a2b3c4", "20261104T000000Z-1a2b3c4"], "the pinned and the live one stay"


# --- what the source says that runs -----------------------------------------------------------------------------------

def test_a_procfile_goes_with_its_release(host, deploy, origin):
    (origin / "Procfile").write_text("web: serve\nworker: work\nrelease: python migrate.py\n")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "two")
    app = host.App("shop")
    found = app.store.manifest(deploy(procfile={"defined": ["worker"], "web": True})[0]["release"])["procfile"]
    assert list(found["processes"]) == ["web"] and found["release"] == "python migrate.py"
    # A copy for another configuration reads it anew; who does not ask for it has none.
    copied = app.store.manifest(deploy(config_digest="d", procfile={"defined": [], "web": True})[0]["release"])
    assert list(copied["procfile"]["processes"]) == ["web", "worker"] and copied["build_of"]
    assert "procfile" not in app.store.manifest(deploy(config_digest="e")[0]["release"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_procfile_as_editors_of_windows_write_it(host, deploy, origin, encoding):
    (origin / "Procfile").write_bytes("web: serve\r\n# für alle\r\nworker: work\r\n".encode(encoding))
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "two")
    found = host.App("shop").store.manifest(deploy(procfile={"defined": []})[0]["release"])["procfile"]
    assert {name: process["command"] for name, process in found["processes"].items()} == {"web": "serve", "worker": "work"}


@pytest.mark.parametrize("text, wanted, sentence", [
    (None, {"defined": []}, "pyweb_apps.shop.processes is empty, and the source has no Procfile with a process: define at least one."),
    ("worker: x", {"defined": [], "web": True},
     "pyweb_apps.shop.site has nothing to serve: define pyweb_apps.shop.processes.web, or a line web in the Procfile."),
    ("web: serve\nclock: tick", {"defined": [], "web": True, "hosts": 2}, "which starts jobs by the clock and would do so on each of 2 hosts"),
    ("web: serve\nbroken", {"defined": [], "web": True}, "line 2 of the Procfile is 'broken': name: command is needed."),
])
def test_a_source_that_does_not_say_it(host, deploy, origin, text, wanted, sentence):
    if text:
        (origin / "Procfile").write_text(text)
        git(origin, "add", "-A")
        git(origin, "commit", "-q", "-m", "two")
    step, built = deploy(procfile=wanted)
    assert built["failed"] and sentence in built["msg"] and host.App("shop").store.manifest(step["release"])["state"] == "failed"


# --- once more, for a restart -----------------------------------------------------------------------------------------

def test_a_copy_of_the_live_release(host, deploy):
    app = host.App("shop")
    files = json.dumps({"conf/passwords.ini": {"content": "[a]\r\n", "build": False}})
    step, built = deploy(env={"GREETING": "two\r\nlines"}, files=files, build=["echo built > out.txt"])
    live, copy = step["release"], "20261122T000000Z-1a2b3c4"
    assert built["changed"]
    # As an older version of this collection has recorded them.
    process = {"command": "work", "kind": "command", "stop_timeout": 5}
    app.store.update(live, state="active", pinned=True, runtime={"manager": "systemd", "processes": {"worker": process}})
    os.symlink(app.paths.release(live), app.paths.current)
    pathlib.Path(app.paths.release(live), "app.py").write_text("VERSION = 'by hand'\n")
    again.copy(app, {"release": copy, "action": "restart", "lease": {"by": "she@there"}, "keep_free": 0})
    target, manifest, original = pathlib.Path(app.paths.release(copy)), app.store.manifest(copy), app.store.manifest(live)
    assert (target / "app.py").read_text() == "VERSION = 'by hand'\n" and os.readlink(target / ".pyweb") == app.paths.sockets(copy)
    assert os.path.samefile(target / "out.txt", f"{app.paths.release(live)}/out.txt")
    assert os.readlink(target / "conf/passwords.ini") == f"{app.paths.files(copy)}/conf/passwords.ini"
    assert (target / "conf/passwords.ini").read_bytes() == b"[a]\r\n"
    given = pathlib.Path(app.paths.meta(copy), "environment").read_bytes()
    assert given == pathlib.Path(app.paths.meta(live), "environment").read_bytes() and b"GREETING=two\r\nlines\0" in given
    assert json.loads(pathlib.Path(app.paths.meta(copy), "launch.json").read_text())["env"]["PYWEB_RELEASE"] == copy
    assert (manifest["state"], manifest["by"], manifest["copy_of"]) == ("built", "she@there", live) and "pinned" not in manifest
    assert all(manifest[key] == original[key] for key in ("revision", "config_digest", "secrets_digest", "build_digest", "environment", "contents"))
    worker = manifest["runtime"]["processes"]["worker"]
    assert worker["command"] == "work" and worker["count"] == 1 and worker["network"]
    # What somebody has changed by hand is restarted, but no later release is made from it.
    assert not app.contents.as_built(copy)


def test_a_damaged_release_is_not_copied(host, deploy):
    app = host.App("shop")
    step, _built = deploy(build=["echo built > out.txt"])
    live = step["release"]
    app.store.update(live, state="active", runtime={"manager": "systemd", "processes": {}})
    os.symlink(app.paths.release(live), app.paths.current)
    pathlib.Path(app.paths.release(live), "out.txt").write_text("")
    app.contents.forget(live)
    with pytest.raises(HostError, match="is damaged: 1 of its"):
        again.copy(app, {"release": "20261122T000000Z-1a2b3c4", "action": "restart", "lease": {"by": "me"}, "keep_free": 0})
    assert list(app.store.manifests()) == [live]
