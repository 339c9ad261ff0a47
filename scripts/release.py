# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a release of what is committed, in a clone, and tries it as those do who install it (make release).

The version is that of galaxy.yml. In the clone the fragments become the changelog, which is committed and tagged. The tarball of that is
installed beside ansible-core 2.19, and beside the newest where this machine has a Python for it, verified, loaded and called; Galaxy's importer
checks it. Nothing is published, and this checkout stays as it is: the end says what to type.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
WORK = CHECKOUT / ".cache" / "release"
BIN = Path(sys.executable).parent
IMPORTER = "galaxy-importer==0.4.44"
# The oldest ansible-core that is supported, on the oldest Python; the newest one on any that it takes.
OLDEST = "ansible-core>=2.19,<2.20"
NEWEST_NEEDS = ("3.14", "3.13", "3.12")
# Tests of modules need hosts, and are ours to run; code is checked by ansible-lint and sanity in this checkout.
IMPORTER_CONFIG = """\
[galaxy-importer]
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = False
RUN_ANSIBLE_TEST = False
CHECK_REQUIRED_TAGS = True
CHECK_CHANGELOG = True
"""


class Refused(Exception):
    """Why there is no release, in one sentence."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def run(*command: str | Path, cwd: Path = WORK, **environment: str) -> str:
    """The output of a command. Raises Refused with it when the command fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Refused(f"'{' '.join(str(word) for word in command)}' failed:\n{done.stdout[-4000:]}")
    return done.stdout


def clean() -> None:
    changed = run("git", "status", "--porcelain", cwd=CHECKOUT)
    if changed:
        raise Refused(f"the checkout has changes that are not committed: commit or remove them first.\n{changed}")


def cut(clone: Path) -> str:
    """The version, with its changelog committed and tagged in the clone."""
    run("git", "clone", "--quiet", "--no-hardlinks", CHECKOUT, clone)
    version = yaml.safe_load((clone / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Refused(f"version in galaxy.yml is {version}: X.Y.Z is needed.")
    if run("git", "tag", "--list", f"v{version}", cwd=clone).strip():
        raise Refused(f"there is a tag v{version} already: raise version in galaxy.yml.")
    fragments = sorted(path.stem for path in clone.glob("changelogs/fragments/*.yml"))
    if version not in fragments:
        raise Refused(f"changelogs/fragments/{version}.yml is missing: write a release_summary, for people.")
    say(f"Changelog of {version}, from {len(fragments)} fragments")
    run(BIN / "antsibull-changelog", "lint", cwd=clone)
    # It calls ansible-doc, for the plugins that are new.
    run(BIN / "antsibull-changelog", "release", cwd=clone, PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    (clone / "changelogs" / ".plugin-cache.yaml").unlink(missing_ok=True)
    run("git", "add", "--all", cwd=clone)
    identity = [part for key in ("user.name", "user.email") for part in ("-c", f"{key}={run('git', 'config', key, cwd=CHECKOUT).strip()}")]
    run("git", *identity, "commit", "--quiet", f"--message=release: {version}", cwd=clone)
    run("git", *identity, "tag", "--annotate", f"--message=pyweb.stack {version}", f"v{version}", cwd=clone)
    return version


def build(clone: Path, version: str) -> Path:
    say("Tarball")
    run(BIN / "ansible-galaxy", "collection", "build", "--force", "--output-path", WORK, clone)
    tarball = WORK / f"pyweb-stack-{version}.tar.gz"
    with tarfile.open(tarball) as archive:
        changelog = archive.extractfile("CHANGELOG.md")
        if changelog is None or f'id="v{version.replace(".", "-")}"' not in changelog.read().decode():
            raise Refused(f"CHANGELOG.md in {tarball.name} does not name v{version}.")
    return tarball


def pythons() -> Iterator[Path]:
    """A Python that the newest ansible-core takes, if this machine has one."""
    for number in NEWEST_NEEDS:
        found = [Path(name) for name in (shutil.which(f"python{number}"),) if name]
        for candidate in [*found, *sorted(Path.home().glob(f".pyenv/versions/{number}.*/bin/python"))]:
            if subprocess.run([candidate, "-c", "pass"], capture_output=True, check=False).returncode == 0:
                yield candidate
                return


def environment(name: str, python: Path, *packages: str) -> Path:
    """The directory of the programs of a new virtual environment with C(packages)."""
    folder = WORK / name
    run(BIN / "uv", "venv", "--quiet", "--clear", "--python", python, folder)
    run(BIN / "uv", "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages)
    return folder / "bin"


def tried(name: str, python: Path, core: str, tarball: Path) -> None:
    """The tarball beside an ansible-core, in an empty home, with what it depends on as this checkout has it."""
    programs = environment(name, python, core)
    number = run(programs / "python", "-c", "import ansible.release; print(ansible.release.__version__)").strip()
    say(f"Installed beside ansible-core {number}, verified, loaded and called")
    home, collections = WORK / f"{name}-home", WORK / f"{name}-collections"
    shutil.rmtree(collections, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    settings = home / "ansible.cfg"
    settings.touch()
    clean_slate = {"HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONFIG": str(settings), "ANSIBLE_NOCOLOR": "1"}
    run(programs / "ansible-galaxy", "collection", "install", "--offline", "--no-deps", "-p", collections, tarball, **clean_slate)
    run(programs / "ansible-galaxy", "collection", "verify", "--offline", "pyweb.stack", **clean_slate)
    brought = Path(run(BIN / "python", "-c", "import ansible_collections; print(ansible_collections.__path__[0])").strip())
    for depends in yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]:
        where = Path(*depends.split("."))
        (collections / "ansible_collections" / where.parent).mkdir(exist_ok=True)
        (collections / "ansible_collections" / where).symlink_to(brought / where)
    installed = collections / "ansible_collections" / "pyweb" / "stack"
    for kind in ("module", "filter", "lookup", "callback", "role"):
        listed = run(programs / "ansible-doc", "--list", "--type", kind, "pyweb.stack", **clean_slate)
        if "pyweb.stack." not in listed:
            raise Refused(f"ansible-doc of ansible-core {number} lists no {kind} of pyweb.stack:\n{listed}")
    inventory = installed / "inventories" / "example" / "staging.yml"
    playbooks = [f"pyweb.stack.{path.stem}" for path in sorted((installed / "playbooks").glob("*.yml"))]
    run(programs / "ansible-playbook", "--syntax-check", "-i", inventory, *playbooks, **clean_slate)
    shown = run(programs / "ansible-playbook", "-i", inventory, "pyweb.stack.show", "-e", "app=shop", **clean_slate)
    if "shop.wsgi:application" not in shown:
        raise Refused(f"the playbook show does not show the example's application:\n{shown[-4000:]}")


def imported(tarball: Path) -> None:
    say("Galaxy's importer")
    programs = environment("importer", BIN / "python", IMPORTER)
    (WORK / "importer.cfg").write_text(IMPORTER_CONFIG, encoding="utf-8")
    said = run(programs / "python", "-m", "galaxy_importer.main", tarball, GALAXY_IMPORTER_CONFIG=str(WORK / "importer.cfg"),
               PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    (WORK / "importer.log").write_text(said, encoding="utf-8")
    faults = [line for line in said.splitlines() if re.match(r"(ERROR|WARNING)\b", line)]
    print("\n".join(f"    {line}" for line in faults), flush=True)
    if "Importer processing completed successfully" not in said or any(line.startswith("ERROR") for line in faults):
        raise Refused("Galaxy's importer refuses the tarball; all of it: .cache/release/importer.log")


def main() -> int:
    try:
        WORK.mkdir(parents=True, exist_ok=True)
        clean()
        clone = WORK / "checkout"
        shutil.rmtree(clone, ignore_errors=True)
        version = cut(clone)
        tarball = build(clone, version)
        tried("oldest", BIN / "python", OLDEST, tarball)
        newer = list(pythons())
        for python in newer:
            tried("newest", python, "ansible-core", tarball)
        if not newer:
            raise Refused("there is no Python 3.12 or newer here, which the newest ansible-core needs: install one.")
        imported(tarball)
    except Refused as refused:
        print(f"release: {refused}", file=sys.stderr)
        return 1
    print(f"\npyweb.stack {version} is whole: {tarball.relative_to(CHECKOUT)}\n\nTo publish it:\n"
          f"  git pull --ff-only {clone.relative_to(CHECKOUT)} HEAD && git fetch {clone.relative_to(CHECKOUT)} tag v{version}\n"
          f"  git push --follow-tags\n  ansible-galaxy collection publish {tarball.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
