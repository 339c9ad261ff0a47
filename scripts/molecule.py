# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Molecule scenarios, several at a time, and says in one line each how they went.

scripts/molecule.py [SCENARIO...]      without names: every directory molecule/*/ with a molecule.yml

A scenario with a file FULL takes long: without names, it runs only when PYWEB_FULL is set (make test-full sets it).

PYWEB_JOBS says how many run at a time (default: one per processor, two at most, since each
scenario starts two or three systemd hosts and a machine allows few of those).
"""

from __future__ import annotations

import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LOGS = CHECKOUT / ".cache" / "molecule"
TAIL = 80
# What Ansible and pytest begin a line with that says what is wrong.
FAULT = re.compile(r"\[ERROR\]|fatal: |failed: |E   |FAILED |ERROR ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
output = threading.Lock()


faults: dict[str, list[str]] = {}


def run(scenario: str) -> bool:
    log = LOGS / f"{scenario}.log"
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "MOLECULE_COMMAND_BORDERS": "false",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }
    began = time.monotonic()
    with log.open("w") as file:
        code = subprocess.run(
            [f"{programs}/molecule", "test", "--scenario-name", scenario],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    seconds = round(time.monotonic() - began)
    with output:
        print(f"molecule {scenario:<12} {'passed' if code == 0 else 'FAILED'}  {seconds // 60}:{seconds % 60:02} min", flush=True)
        if code != 0:
            lines = COLOUR.sub("", log.read_text(errors="replace")).splitlines()
            # Where it failed; the hosts' journals follow it.
            failed = [number for number, line in enumerate(lines) if "An error occurred during the" in line]
            end = failed[0] + 1 if failed else len(lines)
            print("\n".join(f"    {line}" for line in lines[max(0, end - TAIL) : end]))
            faults[scenario] = [line[:400] for line in lines[:end] if FAULT.match(line)][-6:]
            print(f"    all of it, with the hosts' journals: {log.relative_to(CHECKOUT)}", flush=True)
    return code == 0


def main() -> int:
    found = sorted(path.parent.name for path in CHECKOUT.glob("molecule/*/molecule.yml"))
    full = os.environ.get("PYWEB_FULL")
    names = sys.argv[1:] or [name for name in found if full or not (CHECKOUT / "molecule" / name / "FULL").exists()]
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"there is no scenario '{unknown[0]}'; there are {', '.join(found)}", file=sys.stderr)
        return 2
    # The longest first: the whole then takes little longer than its longest part.
    names.sort(key=lambda name: (name != "story", name))
    LOGS.mkdir(parents=True, exist_ok=True)

    # Once, before two scenarios want the same.
    for system in ("debian12", "debian13"):
        if subprocess.run([CHECKOUT / "scripts" / "test-host", "image", system], stdout=subprocess.DEVNULL, check=False).returncode:
            return 1

    jobs = int(os.environ.get("PYWEB_JOBS", min(2, os.cpu_count() or 1)))
    print(f"==> {len(names)} scenarios, {jobs} at a time; logs in {LOGS.relative_to(CHECKOUT)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        passed = list(pool.map(run, names))
    # Once more at the end, where people look first.
    for scenario, said in faults.items():
        print(f"molecule {scenario}: " + "\n    ".join(said or ["see above"]))
    print(f"molecule: {sum(passed)} passed, {len(passed) - sum(passed)} failed", flush=True)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
