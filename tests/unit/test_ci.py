# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines in examples/ci are what GitHub and GitLab take, their commands are there, and so is what they rely on."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from ansible_collections.pyweb.stack.plugins.plugin_utils._apps import resolve

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import guides  # noqa: E402

CI = CHECKOUT / "examples" / "ci"
BIN = pathlib.Path(sys.executable).parent
GITHUB = sorted(CI.glob("github/*.yml"))
GITLAB = CI / "gitlab" / "gitlab-ci.yml"


def jobs():
    """Of all pipelines, as the name of the job, its own keys, and its commands by step."""
    found = []
    for path in GITHUB:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            found.append((f"{path.stem}-{name}", job, [step["run"] for step in job["steps"] if "run" in step]))
    content = yaml.safe_load(GITLAB.read_text())
    for name, job in content.items():
        if isinstance(job, dict) and "script" in job:
            # One shell runs all of them.
            before = content[job["extends"]]["before_script"] if "extends" in job else []
            found.append((f"gitlab-{name}", job, ["\n".join([*before, *job["script"]])]))
    return found


JOBS = jobs()
# Those that speak to hosts; the others have no secrets, and a host of their own.
DEPLOYS = [(name, job) for name, job, _commands in JOBS if "environment" in job]
COMMANDS = [(f"{name}-{number}", command) for name, _job, commands in JOBS for number, command in enumerate(commands)]


@pytest.mark.parametrize("arguments", [
    ["--builtin-schema", "vendor.github-workflows", *map(str, GITHUB)],
    ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(GITLAB)],
], ids=["github", "gitlab"])
def test_the_schema_is_kept(arguments):
    done = subprocess.run([BIN / "check-jsonschema", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _command in COMMANDS])
def test_every_command_is_sound(name, command):
    """What comes from outside reaches a command by the environment alone: a branch may have any name."""
    assert "${{" not in command
    # Both forges end a script at the first command that fails.
    done = subprocess.run([BIN / "shellcheck", "--shell", "bash", "-"], input=f"set -e\n{command}", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for call in guides.called(command):
        assert guides.wrong(call) == []


def test_the_commands_are_found():
    assert len(GITHUB) == 3 and sum(bool(guides.called(command)) for _name, command in COMMANDS) >= 8


def test_only_tests_are_no_deploys():
    assert {name for name, _job, _commands in JOBS} - {name for name, _job in DEPLOYS} == {"test-molecule", "gitlab-molecule"}
    assert all("secrets." not in str(job) for name, job, _commands in JOBS if "molecule" in name)


@pytest.mark.parametrize(("name", "job"), DEPLOYS, ids=[name for name, _job in DEPLOYS])
def test_one_deploy_at_a_time(name, job):
    if name.startswith("gitlab-"):
        assert job["resource_group"]
        return
    workflow = yaml.safe_load((CI / "github" / f"{name.partition('-')[0]}.yml").read_text())
    assert (job.get("concurrency") or workflow.get("concurrency"))["cancel-in-progress"] is False
    assert workflow["permissions"] == {"contents": "read"} and job["environment"]


def variables(stage, **environment):
    done = subprocess.run(
        [BIN / "ansible", "-i", CI / "deploy" / f"{stage}.yml", "pyweb[0]", "-c", "local", "-m", "ansible.builtin.debug"]
        + ["-a", "msg={{ [pyweb_apps, pyweb_app_overrides | default({}), groups, nginx_server | default({})] | to_json }}"],
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), **environment},
        capture_output=True, text=True, check=True)
    apps, overrides, groups, server = json.loads(json.loads(done.stdout.partition("=>")[2])["msg"])
    return {app["name"]: app for app in resolve(apps, overrides, host=groups["pyweb"][0], groups=groups)}, server


@pytest.mark.parametrize(("stage", "domain"), [("staging", "shop.staging.example.com"), ("production", "shop.example.com")])
def test_stages(stage, domain):
    apps, _server = variables(stage)
    assert {name: app["site"]["domains"] for name, app in apps.items()} == {"shop": [domain]}
    assert apps["shop"]["app"]["env"]["ALLOWED_HOSTS"] == domain


def test_a_review_application_is_one_of_its_own():
    apps, server = variables("review", REVIEW_NUMBER="12")
    assert {name: app["site"]["domains"] for name, app in apps.items()} == {"shop-pr-12": ["pr-12.review.example.com"]}
    app = apps["shop-pr-12"]["app"]
    assert app["env"] == {"DJANGO_SETTINGS_MODULE": "shop.settings", "ALLOWED_HOSTS": "pr-12.review.example.com"}
    assert re.fullmatch("[0-9a-f]{64}", app["secrets"]["SECRET_KEY"]) and app["keep_releases"] == 2
    assert apps["shop-pr-12"]["appserver"]["processes"]["web"]["wsgi"] == "shop.wsgi:application"
    # Each run knows one of them, and leaves the others alone.
    assert server == {"unlisted_sites": "keep"}


def test_the_execution_environment_can_be_built(tmp_path):
    """As far as without a registry: its definition is taken, and it has what the collection depends on."""
    definition = CI / "execution-environment.yml"
    done = subprocess.run([BIN / "ansible-builder", "create", "--file", definition, "--context", tmp_path / "context"],
                          cwd=CI, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    collections = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())["collections"]
    assert [item["name"] for item in collections] == [f"{yaml.safe_load((CHECKOUT / 'galaxy.yml').read_text())['repository']}.git"]
    core = yaml.safe_load(definition.read_text())["dependencies"]["ansible_core"]["package_pip"]
    oldest = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["requires_ansible"].removesuffix(".0")
    assert core == f"ansible-core{oldest}"
