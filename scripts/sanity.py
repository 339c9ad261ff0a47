# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test sanity on what this checkout holds now, with the Python environment that calls it.

scripts/sanity.py [options of ansible-test sanity]

ansible-test wants a git checkout in .../ansible_collections/pyweb/stack, so it gets a copy of all
files that are tracked or new. What it installs and caches stays in .cache/ansible-test.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
HOME = CHECKOUT / ".cache" / "ansible-test"

# Stands in for the script with which ansible-test puts pip into its environments, where that
# cannot be downloaded: Python's own pip installs the version that is asked for.
GET_PIP = '''\
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
'''

# ansible-test says this of a test that it leaves out, and passes all the same.
UNRUN = re.compile(r"Required program .* not found.*|Skipping sanity test .* missing .*")


def copy_checkout(copy: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    ).stdout
    for name in listed.decode().split("\0"):
        source = CHECKOUT / name
        if name and (source.is_file() or source.is_symlink()):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name, follow_symlinks=False)
    for command in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", *command], cwd=copy, check=True)


def keep_pip_settings() -> None:
    """ansible-test runs pip in an environment without PIP_… and, here, without the user's own pip.conf."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    lines = ["[global]"]
    for line in listed.stdout.splitlines():
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        if section in ("global", "install", ":env:") and option != "config-file":
            values = str(ast.literal_eval(value)).split("\n")
            lines.append(f"{option} = " + "\n    ".join(part for part in values if part))
    target = HOME / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(dict.fromkeys(lines)) + "\n")


def run(copy: Path, options: list[str]) -> tuple[int, str]:
    """Shows what ansible-test says while it says it, and returns it."""
    command = [str(Path(sys.executable).with_name("ansible-test")), "sanity", "--requirements", "--local", "--color", "no"]
    # Only the Python that runs this: others may be found in the PATH and yet not run (pyenv's are like that).
    command += ["--python", "%d.%d" % sys.version_info[:2]]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    process = subprocess.Popen(
        [*command, *options],
        cwd=copy,
        env={**os.environ, "HOME": str(HOME), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        print(line, end="", flush=True)
        said.append(line)
    return process.wait(), "".join(said)


def main() -> int:
    HOME.mkdir(parents=True, exist_ok=True)
    keep_pip_settings()
    with tempfile.TemporaryDirectory(dir=HOME, prefix="run-") as root:
        copy = Path(root, "ansible_collections", "pyweb", "stack")
        copy_checkout(copy)
        code, said = run(copy, sys.argv[1:])
        missing = re.search(r"manually downloaded and saved to: (\S+)", said)
        if code != 0 and missing:
            print("==> That download is not to be had here; Python's own pip does it instead", flush=True)
            Path(missing.group(1)).write_text(GET_PIP)
            code, said = run(copy, sys.argv[1:])
    unrun = UNRUN.search(said)
    if code == 0 and unrun:
        print(f"==> ansible-test left a test out: {unrun.group(0)}", flush=True)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
