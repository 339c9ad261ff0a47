# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A team with a repository of its own: the application, and examples/ci copied into it, with its hosts, keys and passwords filled in."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import httpx
import pytest
import testinfra

from pipelines import CHECKOUT, CI, Push, Runner, typed
from plugin import address, live
from reader import published

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]
AUTHORITY = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "authority.crt"
STAGES = {"staging": "staging1", "production": "web1", "review": "review1"}


class Team:
    def __init__(self, directory: pathlib.Path) -> None:
        self.clone, self.directory = directory / "shop", directory
        self.hosts = {name: testinfra.get_host(f"ansible://pipelines-{name}", ansible_inventory=INVENTORY, sudo=True) for name in (*STAGES, "forge")}
        self.forge = address("pipelines-forge")
        shutil.copytree(CHECKOUT / "tests" / "apps" / "django", self.clone)
        shutil.copytree(CI / "deploy", self.clone / "deploy")
        self.git("init", "--quiet", "--initial-branch=main")
        (self.clone / ".gitignore").write_text("__pycache__/\n")
        secrets = {stage: {"VAULT_PASSWORD": os.urandom(16).hex(), "SSH_PRIVATE_KEY": self.account(stage)} for stage in STAGES}
        self.fill(secrets)
        self.publish(published(directory / "stack"), "pyweb/stack")
        image = subprocess.run([CHECKOUT / "scripts" / "test-host", "image", "debian13"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        names = {f"{host}.example.com": address(f"pipelines-{stage}") for stage, host in STAGES.items()}
        self.runner = Runner(image, {**names, "git.example.com": self.forge, "github.com": self.forge}, AUTHORITY, secrets)

    def git(self, *arguments: str) -> str:
        # Such as GIT_SSL_CAINFO, which would win.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(["git", "-c", "user.name=jo", "-c", "user.email=jo@example.com", *arguments], cwd=self.clone, env=environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def publish(self, repository: pathlib.Path, name: str, *refs: str) -> None:
        self.git("-C", str(repository), "-c", f"http.sslCAInfo={AUTHORITY}", "-c", f"http.curloptResolve=git.example.com:443:{self.forge}",
                 "push", "--quiet", "--force", f"https://git.example.com/{name}.git", *(refs or ("HEAD:refs/heads/main",)))

    def key(self, name: str) -> tuple[str, str]:
        """A new key: its private and its public half."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.directory / name], check=True)
        return (self.directory / name).read_text().rstrip("\n"), (self.directory / f"{name}.pub").read_text()

    def account(self, stage: str) -> str:
        """The private half of the key that opens a stage's account, which is made by the commands of docs/ci.md."""
        private, public = self.key(f"ci-{stage}")
        commands = re.findall(r"^ssh admin@\S+ '(.+)'(?: < ~/\.ssh/ci-staging\.pub)?$", typed()[0], re.MULTILINE)
        assert len(commands) == 3
        for command in commands:
            self.hosts[stage].check_output("printf %s %s | runuser -u admin -- sh -c %s", "%s", public, command)
        return private

    @staticmethod
    def scanned(host, name: str) -> str:
        """The line of known_hosts, from the host itself."""
        return f"{name} {' '.join(host.check_output('cat /etc/ssh/ssh_host_ed25519_key.pub').split()[:2])}"

    def fill(self, secrets: dict[str, dict[str, str]]) -> None:
        deploy = self.clone / "deploy"
        with (deploy / "known_hosts").open("a") as file:
            file.writelines(f"{self.scanned(self.hosts[stage], f'{host}.example.com')}\n" for stage, host in STAGES.items())
        main = deploy / "group_vars" / "pyweb" / "main.yml"
        text, changed = re.subn(r'known_hosts: \[".*"\]', f'known_hosts: ["{self.scanned(self.hosts["forge"], "git.example.com")}"]', main.read_text())
        assert changed == 1
        main.write_text(text)
        # Let's Encrypt does not know these names.
        (deploy / "group_vars" / "pyweb" / "authority.yml").write_text("nginx_acme: {directory: 'https://git.example.com:14000/dir'}\n")
        # A fleet needs the challenge dns, and is shown elsewhere.
        production = deploy / "production.yml"
        assert "        web2.example.com:\n" in production.read_text()
        production.write_text(production.read_text().replace("        web2.example.com:\n", ""))
        key, public = self.key("shop-reads")
        self.hosts["forge"].check_output("printf %s %s | install -o git -m 600 /dev/stdin /home/git/.ssh/authorized_keys", "%s", public)
        for stage in STAGES:
            vault = deploy / "group_vars" / stage / "vault.yml"
            text = vault.read_text().replace("replace this with a long random text", os.urandom(32).hex())
            vault.write_text(re.sub(r"  -----BEGIN.*-----END[^\n]*", "\n".join(f"  {line}" for line in key.splitlines()), text, flags=re.DOTALL))
            subprocess.run(["ansible-vault", "encrypt", str(vault.relative_to(deploy))], cwd=deploy, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "ANSIBLE_CONFIG": str(deploy / "ansible.cfg"), "VAULT_PASSWORD": secrets[stage]["VAULT_PASSWORD"]})

    def commit(self, text: str, branch: str = "main", **more: object) -> Push:
        """The next version says C(text) on its page."""
        self.git("checkout", "--quiet", "-B", branch)
        (self.clone / "shop" / "urls.py").write_text(
            f"from django.http import HttpResponse\nfrom django.urls import path\n\nurlpatterns = [path('', lambda request: HttpResponse('{text}'))]\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", text)
        self.publish(self.clone, "shop", f"HEAD:refs/heads/{branch}")
        return Push(self.git("rev-parse", "HEAD"), branch, **more)

    def page(self, stage: str, name: str) -> tuple[int, str]:
        with httpx.Client(verify=False, timeout=60) as client:
            answer = client.get(f"https://{address(f'pipelines-{stage}')}/", headers={"Host": name}, extensions={"sni_hostname": name})
        return answer.status_code, answer.text

    def live(self, stage: str, app: str = "shop") -> str:
        return live(self.hosts[stage], app)


@pytest.fixture(scope="session")
def team(tmp_path_factory):
    made = Team(tmp_path_factory.mktemp("team"))
    yield made
    made.runner.close()
