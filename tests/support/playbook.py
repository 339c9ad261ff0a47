# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run playbooks from a test, the way that a person does."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import yaml

CHECKOUT = pathlib.Path(__file__).parents[2]
RECAP = re.compile(r"^(\S+)\s+: (ok=\d+.*)$", re.MULTILINE)


@dataclasses.dataclass
class Outcome:
    status: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in figures.split())}
            for host, figures in RECAP.findall(self.output.partition("PLAY RECAP")[2])
        }

    @property
    def changed(self) -> int:
        return sum(figures["changed"] for figures in self.recap.values())

    @property
    def faults(self) -> dict[str, list[str]]:
        """What failed tasks said, by host."""
        found: dict[str, list[str]] = {}
        blocks = re.findall(r"^fatal: \[(\S+)\]: (?:FAILED|UNREACHABLE)! => *\n((?:(?: .*)?\n)*)", self.output, re.MULTILINE)
        for host, block in blocks:
            found.setdefault(host, []).append(str(yaml.safe_load(block)["msg"]))
        return found

    @property
    def messages(self) -> list[str]:
        return [message for messages in self.faults.values() for message in messages]


def environment(**more: str) -> dict[str, str]:
    """As in a checkout, whatever directory and environment the test runs in."""
    ours = {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Molecule's own steps say which tasks took long; here that would only stand between a failure and its reader.
    inherited = {name: value for name, value in os.environ.items() if name != "ANSIBLE_CALLBACKS_ENABLED"}
    return {**inherited, **ours, "PATH": path, **more}


def play(playbook: str | os.PathLike, *arguments: str, env: dict[str, str] | None = None, cwd: str | os.PathLike | None = None, **variables: object) -> Outcome:
    """One of our playbooks by its name, or any by its path; variables go in as --extra-vars."""
    path = CHECKOUT / "playbooks" / f"{playbook}.yml" if re.fullmatch(r"\w+", str(playbook)) else playbook
    command = ["ansible-playbook", str(path), *arguments]
    if variables:
        command += ["--extra-vars", json.dumps(variables)]
    done = subprocess.run(
        command, cwd=cwd or CHECKOUT, env=env or environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout)


def family(pid: int) -> list[int]:
    """A process and all that it has started; Ansible's workers are in groups of their own."""
    pairs = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pairs.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
    found = [pid]
    for parent in found:
        found += [child for child, its in pairs if its == parent]
    return found
