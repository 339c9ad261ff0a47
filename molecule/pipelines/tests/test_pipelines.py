# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines of examples/ci do what docs/ci.md says of them: each of their commands is run, against hosts with pinned keys."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import re
import subprocess

import httpx
import pytest

from pipelines import typed
from plugin import until

NAMES = {"staging": "shop.staging.example.com", "production": "shop.example.com"}


def well(*jobs):
    assert jobs and all(job.status == 0 for job in jobs), "\n".join(job.output[-6000:] for job in jobs)
    return [job.name for job in jobs]


@pytest.fixture(scope="module")
def first(team):
    """The first version, and the hosts of two stages set up once, as docs/ci.md has it: from a machine of the team's, which has the keys."""
    push = team.commit("one")
    _account, encrypt, once = typed()
    install = "".join(line for line in encrypt.splitlines(keepends=True) if "VAULT" not in line and "ansible-vault" not in line)
    assert install.count("\n") == 3 and once.count("\n") == 1

    def at_home(stage, commands):
        key = f'umask 077\nmkdir -p ~/.ssh\nprintf "%s\\n" "$SSH_PRIVATE_KEY" >~/.ssh/ci-{stage}\n'
        # What is in ~/ansible stays for the next job.
        script = f"{key}test -d ~/ansible/bin || python3 -m venv ~/ansible\n. ~/ansible/bin/activate\n{commands}"
        return team.runner.run("github", stage, push.commit, [("Set it up", team.runner.secrets[stage], script)])

    well(at_home("staging", install))
    with concurrent.futures.ThreadPoolExecutor(len(NAMES)) as pool:
        well(*pool.map(lambda stage: at_home(stage, f"{install}{once.replace('staging', stage)}"), NAMES))
    for stage, name in NAMES.items():
        assert team.page(stage, name) == (200, "one")
    return push


def test_a_push_goes_to_staging_and_waits_for_production(team, first):
    push = team.commit("two")
    jobs = team.runner.github("deploy", push)
    assert well(*jobs) == ["staging"]
    assert team.page("staging", NAMES["staging"]) == (200, "two") and team.page("production", NAMES["production"]) == (200, "one")
    assert team.live("staging").endswith(push.commit[:7])
    assert well(*team.runner.github("deploy", push, approved=("production",), earlier=jobs)) == ["production"]
    assert team.page("production", NAMES["production"]) == (200, "two") and team.live("production").endswith(push.commit[:7])


def test_gitlab_s_pipeline_does_the_same(team, first):
    push = team.commit("three")
    assert well(*team.runner.gitlab(push)) == ["staging"]
    assert team.page("staging", NAMES["staging"]) == (200, "three") and team.page("production", NAMES["production"]) == (200, "two")
    assert well(*team.runner.gitlab(push, manual=("production",))) == ["production"]
    assert team.page("production", NAMES["production"]) == (200, "three")


def test_what_is_not_well_stays_in_staging_s_pipeline(team, first):
    push = team.commit("four' + 1 + '")
    (job,) = team.runner.github("deploy", push, approved=("production",))
    assert job.name == "staging" and job.status != 0 and "answers 500" in job.output, job.output[-6000:]
    assert team.page("staging", NAMES["staging"]) == (200, "three")


def test_another_branch_is_nobody_s_deploy(team, first):
    push = team.commit("idea", branch="idea")
    assert team.runner.github("deploy", push) == [] and team.runner.gitlab(push) == []


def test_a_host_with_another_key_is_not_spoken_to(team, first):
    known = team.clone / "deploy" / "known_hosts"
    team.git("checkout", "--quiet", "main")
    lines = known.read_text()
    keys = {line.split()[0]: line.split()[2] for line in lines.splitlines() if not line.startswith("#")}
    known.write_text(lines.replace(keys["staging1.example.com"], keys["review1.example.com"]))
    before = team.live("staging")
    (job,) = team.runner.github("deploy", team.commit("five"), approved=("production",))
    assert job.status != 0 and "REMOTE HOST IDENTIFICATION HAS CHANGED" in job.output, job.output[-6000:]
    assert team.live("staging") == before
    known.write_text(lines)
    team.commit("the right key again")


@pytest.mark.parametrize(("forge", "number"), [("github", 12), ("gitlab", 13)])
def test_a_review_application_comes_and_goes(team, forge, number):
    def pipeline(push, last=False):
        if forge == "github":
            return team.runner.github("review", dataclasses.replace(push, action="closed" if last else "opened"))
        return team.runner.gitlab(push, manual=("remove-review",) if last else (), without=("molecule",))

    app, domain, review = f"shop-pr-{number}", f"pr-{number}.review.example.com", team.hosts["review"]
    team.git("checkout", "--quiet", "main")
    push = team.commit(f"review {number}", branch=f"idea-{number}", number=number)
    assert well(*pipeline(push)) == (["start"] if forge == "github" else ["review"])
    assert team.page("review", domain) == (200, f"review {number}") and team.live("review", app).endswith(push.commit[:7])
    push = team.commit(f"review {number} again", branch=f"idea-{number}", number=number)
    well(*pipeline(push))
    assert team.page("review", domain) == (200, f"review {number} again")
    # The one of the other forge's test stays as it is, whatever becomes of this one.
    if number == 13:
        well(*team.runner.github("review", dataclasses.replace(team.commit("beside", branch="idea-12", number=12), action="reopened")))
    assert well(*pipeline(push, last=True)) == (["remove"] if forge == "github" else ["remove-review"])
    assert not review.file(f"/srv/{app}").exists and not review.user(app).exists
    with pytest.raises(httpx.ConnectError, match="UNRECOGNIZED_NAME"):
        team.page("review", domain)
    if number == 13:
        assert team.page("review", "pr-12.review.example.com") == (200, "beside")


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_a_request_is_tested_with_molecule(team, forge):
    """On a host that comes and goes with the job, by whoever wrote it: the job has no secret."""
    team.git("checkout", "--quiet", "main")
    push = team.commit("to be tested", branch="tested", number=21, action="opened")
    if forge == "github":
        jobs = team.runner.github("test", push)
    else:
        jobs = team.runner.gitlab(push, without=("review",))
    assert well(*jobs) == ["molecule"]
    (job,) = jobs
    assert "shop-test" in job.output.partition("PLAY RECAP")[2] and "Ask for the first page" in job.output, job.output[-6000:]
    assert subprocess.run(["docker", "container", "inspect", "shop-test"], check=False, capture_output=True).returncode != 0


def test_what_does_not_work_fails_the_test(team):
    team.git("checkout", "--quiet", "main")
    push = team.commit("five' + 1 + '", branch="broken", number=22, action="opened")
    (job,) = team.runner.github("test", push)
    assert job.status != 0 and "answers 500" in job.output, job.output[-6000:]
    subprocess.run(["docker", "rm", "--force", "--volumes", "shop-test"], check=True, capture_output=True)


def test_two_deploys_at_once(team, first):
    """By two forges, which know nothing of each other: the second one says in one sentence who deploys, and the first one is not disturbed."""
    team.git("checkout", "--quiet", "main")
    main, staging = team.clone / "deploy" / "group_vars" / "pyweb" / "main.yml", team.hosts["staging"]
    lines = main.read_text()
    # The first one builds until it is told to go on.
    wait = "  hooks: {after_build: ['for i in $(seq 900); do test -e /srv/go && break; sleep 1; done']}\n"
    main.write_text(lines.replace("  preset: django\n", f"  preset: django\n{wait}"))
    assert main.read_text() != lines
    one, two = team.commit("slow one"), team.commit("slow two")
    main.write_text(lines)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        deploy = pool.submit(team.runner.github, "deploy", one)
        try:
            until(lambda: deploy.done() or staging.file("/var/lib/pyweb/shop/lease.json").exists, 600)
            assert not deploy.done(), deploy.result()[0].output[-6000:]
            (refused,) = team.runner.gitlab(two)
        finally:
            staging.check_output("touch /srv/go")
        assert well(*deploy.result()) == ["staging"]
    assert refused.status != 0 and refused.output.count("fatal: [") == 1, refused.output[-6000:]
    assert re.search(r"shop: .{,80} has been deploying since \w+: wait for it to end", " ".join(refused.output.split())), refused.output[-6000:]
    assert team.page("staging", NAMES["staging"]) == (200, "slow one") and team.live("staging").endswith(one.commit[:7])
    # The second one once more, as its forge has a button for.
    assert well(*team.runner.gitlab(two)) == ["staging"] and team.page("staging", NAMES["staging"]) == (200, "slow two")


def test_nothing_that_is_secret_is_in_a_log(team, first):
    """Whatever the tests above had run: what was well and what failed."""
    secrets = [text for stage in team.runner.secrets.values() for text in (stage["VAULT_PASSWORD"], *stage["SSH_PRIVATE_KEY"].splitlines()[1:-1])]
    assert team.runner.jobs and len(secrets) > 10
    for job in team.runner.jobs:
        assert job.output and not [secret for secret in secrets if secret in job.output], job.name
