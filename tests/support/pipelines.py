# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the pipelines of examples/ci as a forge's runner would: a new container for each job, and each of its commands in it.

What stands for what: the image of the runner is Debian 13 with Python, and with git and ssh where GitHub's own has them; actions/checkout is what it
is documented to do with C(persist-credentials: false), a checkout of the commit without credentials; names are those of the test's internet. The
first job of a forge installs Ansible, which the others find in C($HOME/ansible), as on a runner of one's own. Of GitHub's expressions there are
lookups, C(==), C(!=) and C(&&); of GitLab's rules C(==) and C(&&). Anything else in a pipeline is an error here. Docker is that of this machine, by
its socket, also where GitLab's job has it as a service; there is no registry, so a job finds the image C(debian:13) under another name (DEBIAN_IMAGE).
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess
import textwrap
import uuid
from typing import Any

import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CI = CHECKOUT / "examples" / "ci"
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
VARIABLE = re.compile(r"\$(\w+)")
# What the forges' images have besides Python; GitLab's job installs the rest by itself.
PACKAGES = {"github": "python3-venv git openssh-client docker-cli", "gitlab": "python3-venv"}
SOCKET = pathlib.Path("/var/run/docker.sock")
# The variables by which GitLab's job finds its service.
SERVICE = {"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_TLS_CERTDIR", "DOCKER_CERT_PATH"}
# A container of its own makes the cgroups that a test host has, wherever this machine has older ones, and then does what it is asked to.
DEBIAN = r"""FROM %s
RUN sed -e "s|exec /sbin/init'|exec \"\$@\"' sh \"\$@\"|" -e 's|exec env -u TEST_HOST_KEY /sbin/init|exec "$@"|' \
    /usr/local/sbin/test-host-init >/usr/local/sbin/entry && chmod 0755 /usr/local/sbin/entry
ENTRYPOINT ["/usr/local/sbin/entry"]
"""


@dataclasses.dataclass
class Job:
    """What became of a job: the status of its last command, and all that its log has."""

    name: str
    status: int
    output: str


@dataclasses.dataclass(frozen=True)
class Push:
    """What has happened in the repository: a commit on a branch; with C(number) a pull or merge request of it, about which C(action) is told."""

    commit: str
    branch: str = "main"
    number: int | None = None
    action: str = ""


class Runner:
    def __init__(self, image: str, names: dict[str, str], authority: pathlib.Path, secrets: dict[str, dict[str, str]]) -> None:
        """C(image) is that of a test host; C(names) leads to addresses; C(secrets) are those of each environment of the pipeline."""
        self.image, self.names, self.authority, self.secrets = image, names, authority, secrets
        self.volume = f"pyweb-runner-{uuid.uuid4().hex[:12]}"
        # All that have run, in the order of their ends.
        self.jobs: list[Job] = []

    def close(self) -> None:
        """What the jobs have shared goes, and what they have left on this machine."""
        subprocess.run(["docker", "image", "rm", "--force", "shop-test"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["docker", "volume", "rm", "--force", *(f"{self.volume}-{forge}" for forge in PACKAGES)], check=False, stdout=subprocess.DEVNULL)

    def _image(self, forge: str) -> str:
        name = f"pyweb-stack/runner:{forge}-{self.image.rpartition('-')[2]}"
        recipe = (f"FROM {self.image}\nRUN apt-get update -qq && apt-get install -qq -y --no-install-recommends {PACKAGES[forge]} && "
                  "rm -rf /var/lib/apt/lists/* && useradd --create-home --shell /bin/bash runner\n")
        subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=recipe, text=True, check=True, stdout=subprocess.DEVNULL)
        return name

    def debian(self) -> str:
        """What stands for C(debian:13), from which jobs make hosts of their own."""
        name = f"pyweb-stack/runner:debian13-{self.image.rpartition('-')[2]}"
        subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=DEBIAN % self.image, text=True, check=True, stdout=subprocess.DEVNULL)
        return name

    def run(self, forge: str, name: str, commit: str, scripts: list[tuple[str, dict[str, str], str]], docker: bool = False) -> Job:
        """A container with a checkout of the commit, and in it scripts for bash: what each is called, its environment, its text. One that fails ends it.

        C(docker): it may make containers.
        """
        user, home = ("runner", "/home/runner") if forge == "github" else ("root", "/root")
        container = f"pyweb-runner-{uuid.uuid4().hex[:12]}"
        engine = [f"--volume={SOCKET}:{SOCKET}", f"--group-add={SOCKET.stat().st_gid}", f"--env=DEBIAN_IMAGE={self.debian()}"] if docker else []
        hosts = [f"--add-host={host}:{address}" for host, address in self.names.items()]
        subprocess.run(["docker", "run", "--detach", "--rm", "--name", container, "--label", "pyweb.stack=test-host", *hosts, *engine,
                        "--volume", f"{self.authority}:/usr/local/share/ca-certificates/forge.crt:ro", "--volume", f"{self.volume}-{forge}:{home}/ansible",
                        self._image(forge), "sleep", "infinity"], check=True, stdout=subprocess.DEVNULL)
        output = ""
        try:
            prepare = (f"update-ca-certificates >/dev/null 2>&1; chown {user}: {home}/ansible; install -d -o {user} /work; "
                       # GitLab's runner fetches by a helper image of its own.
                       "command -v git >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends git >/dev/null; }; "
                       f"runuser -u {user} -- git clone --quiet https://git.example.com/shop.git /work/shop && "
                       f"runuser -u {user} -- git -C /work/shop checkout --quiet --detach {commit}")
            subprocess.run(["docker", "exec", container, "bash", "-c", prepare], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for title, environment, script in scripts:
                variables = {"HOME": home, "CI": "true", "ANSIBLE_NOCOLOR": "1", "PIP_NO_COMPILE": "1", **environment}
                given = [f"--env={key}={value}" for key, value in variables.items()]
                done = subprocess.run(["docker", "exec", "--user", user, "--workdir", "/work/shop", *given, container, "bash", "-e", "-c", script],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                output += f"--- {title}\n{done.stdout}"
                if done.returncode:
                    break
            self.jobs.append(Job(name, done.returncode, output))
            return self.jobs[-1]
        finally:
            subprocess.run(["docker", "rm", "--force", container], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # --- GitHub Actions ---------------------------------------------------------------------------------------------------

    def github(self, workflow: str, push: Push, approved: tuple[str, ...] = (), earlier: list[Job] | None = None) -> list[Job]:
        """The jobs of a workflow, in their order; an environment that is not approved (production) waits, so its job does not run.

        C(earlier): those of the same workflow and push that have run before it was approved.
        """
        content = yaml.safe_load((CI / "github" / f"{workflow}.yml").read_text(encoding="utf-8"))
        if not _triggered(content[True], push):
            return []
        before = {job.name: job for job in earlier or []}
        done: dict[str, Job] = {}
        for name, job in content["jobs"].items():
            if name in before:
                continue
            environment = job.get("environment")
            if isinstance(environment, dict):
                environment = environment["name"]
            # Without an environment, a job has no secrets.
            context = _context(push, self.secrets[environment] if environment else {})
            needed = [job["needs"]] if "needs" in job else []
            if any(need not in before | done or (before | done)[need].status for need in needed) or not _holds(job.get("if"), context):
                continue
            if environment == "production" and environment not in approved:
                continue
            commit, scripts = push.commit, []
            defaults = {"GITHUB_SHA": push.commit, **_filled(job.get("env"), context)}
            for step in job["steps"]:
                if "uses" in step:
                    assert step["uses"] == "actions/checkout@v4" and step["with"].pop("persist-credentials") is False
                    ref = _filled(step["with"], context).pop("ref", None)
                    commit = f"origin/{ref}" if ref else commit
                else:
                    where = job["defaults"]["run"]["working-directory"]
                    scripts.append((step["name"], {**defaults, **_filled(step.get("env"), context)}, f"cd {where}\n{step['run']}"))
            # Runners of GitHub's have Docker.
            done[name] = self.run("github", name, commit, scripts, docker=not environment)
        return list(done.values())

    # --- GitLab CI --------------------------------------------------------------------------------------------------------

    def gitlab(self, push: Push, manual: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> list[Job]:
        """The jobs of the pipeline, stage by stage; those that wait for somebody run where C(manual) names them. Those of C(without) count as done."""
        content = yaml.safe_load((CI / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8"))
        variables = {"CI_COMMIT_SHA": push.commit, "CI_DEFAULT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push", "CI_PROJECT_PATH": "team/shop"}
        if push.number is None:
            variables["CI_COMMIT_BRANCH"] = push.branch
        else:
            variables |= {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": str(push.number),
                          "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "team/shop"}
        done: list[Job] = []
        jobs = [(name, job) for name, job in content.items() if isinstance(job, dict) and "script" in job]
        for name, job in sorted(jobs, key=lambda item: content["stages"].index(item[1]["stage"])):
            rule = next((rule for rule in job["rules"] if _rule_holds(rule["if"], variables)), None)
            if not rule or (name not in manual and (rule.get("when") == "manual" or manual)) or any(before.status for before in done):
                continue
            if name in without:
                continue
            base = content[job["extends"]] if "extends" in job else {}
            environment = _expanded(job["environment"]["name"], variables).partition("/")[0] if "environment" in job else None
            own = {key: _expanded(value, variables) for key, value in {**base.get("variables", {}), **job.get("variables", {})}.items() if key not in SERVICE}
            # One shell runs all commands of a job.
            script = "\n".join([*base.get("before_script", []), *job["script"]])
            secrets = self.secrets[environment] if environment else {}
            done.append(self.run("gitlab", name, push.commit, [(name, {**variables, **own, **secrets}, script)], docker="services" in job))
        return done


def typed() -> list[str]:
    """The blocks of docs/ci.md that are typed to set it up."""
    text = (CHECKOUT / "docs" / "ci.md").read_text(encoding="utf-8").partition("## Set it up")[2].partition("\n## ")[0]
    return [textwrap.dedent(block) for block in re.findall(r"^    ```\n(.*?)^    ```$", text, re.MULTILINE | re.DOTALL)]


def _triggered(on: dict[str, Any], push: Push) -> bool:
    if push.number is None:
        return push.branch in on.get("push", {}).get("branches", [])
    return push.action in on.get("pull_request", {}).get("types", [])


def _context(push: Push, secrets: dict[str, str]) -> dict[str, str]:
    """What expressions may look up."""
    found = {f"secrets.{name}": value for name, value in secrets.items()}
    found |= {"github.sha": push.commit, "github.repository": "team/shop", "github.event.action": push.action}
    if push.number is not None:
        found |= {"github.event.number": str(push.number), "github.event.pull_request.head.sha": push.commit,
                  "github.event.pull_request.head.repo.full_name": "team/shop", "github.event.pull_request.base.ref": "main"}
    return found


def _filled(mapping: dict[str, str] | None, context: dict[str, str]) -> dict[str, str]:
    """Values with their expressions looked up; what is not there is an error, unlike at GitHub, where it is empty."""
    return {key: EXPRESSION.sub(lambda found: context[found[1]], value) for key, value in (mapping or {}).items()}


def _holds(condition: str | None, context: dict[str, str]) -> bool:
    def value(word: str) -> str:
        return word[1:-1] if word.startswith("'") else context[word]

    for part in condition.split(" && ") if condition else []:
        left, operator, right = part.split()
        if (value(left) == value(right)) != {"==": True, "!=": False}[operator]:
            return False
    return True


def _expanded(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: variables.get(found[1], ""), text)


def _rule_holds(condition: str, variables: dict[str, str]) -> bool:
    for part in condition.split(" && "):
        left, operator, right = part.split()
        assert operator == "=="
        if _expanded(left, variables) != _expanded(right, variables).strip('"'):
            return False
    return True
