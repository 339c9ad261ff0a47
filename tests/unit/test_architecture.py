# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host package is a house of floors: a file imports from its own floor or one below, nothing goes in circles, no file is long."""

from __future__ import annotations

import ast
import graphlib
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
TOP = PLUGINS / "module_utils"
PREFIX = "ansible_collections.pyweb.stack.plugins.module_utils."
LONGEST = 400

# From the top down. A name without a dot is a file or a directory of plugins/module_utils/_host/.
FLOORS = [
    {"module", "cli"},
    {"steps"},
    {"prune", "hooks", "build", "backup"},
    {"app"},
    {"switch"},
    {"health", "jobs", "guard", "oneoff"},
    {"processes"},
    {"launcher", "managers"},
    {"units"},
    {"sandbox"},
    {"servers"},
    {"environments"},
    {"locks", "sources"},
    {"fetch", "commands", "shell"},
    {"contents"},
    {"store", "secrets", "lock", "traffic"},
    {"system"},
    {"package", "privileges", "http", "supervisord", "programs", "machine", "certificate", "visits", "proxy"},
    {"scaling"},
    {"identity"},
    {"records", "layout", "files", "releases", "hints", "progress", "logged"},
    {"errors"},
]
LEVEL = {name: len(FLOORS) - number for number, names in enumerate(FLOORS) for name in names}


def imported(path: Path) -> set[str]:
    """Modules of plugins/module_utils that a file imports when it is loaded, by their dotted names below it."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX.rstrip(".")):
            base = (node.module or "")[len(PREFIX):]
            for alias in node.names:
                name = f"{base}.{alias.name}".lstrip(".")
                names.add(name if (TOP / (name.replace(".", "/") + ".py")).exists() or (TOP / name.replace(".", "/")).is_dir() else base)
    return names


def module(path: Path) -> str:
    return ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted((TOP / "_host").rglob("*.py"))
GRAPH = {module(path): imported(path) for path in FILES}


@pytest.mark.parametrize("name", GRAPH)
def test_imports_point_one_way(name):
    if name == "_host":
        return
    own = name.split(".")[1]
    for other in GRAPH[name]:
        if other.startswith("_host."):
            floor = other.split(".")[1]
            assert floor == own or LEVEL[floor] <= LEVEL[own], f"{name} is below {other} and imports it"


def test_nothing_goes_in_circles():
    graphlib.TopologicalSorter({name: others & set(GRAPH) - {name} for name, others in GRAPH.items()}).prepare()


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_host_needs_python_alone(path):
    """Nothing of Ansible: units and timers start this code without it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            name = node.module or ""
            assert name.startswith(PREFIX.rstrip(".")) or name.split(".")[0] in sys.stdlib_module_names, name
        for alias in node.names if isinstance(node, ast.Import) else []:
            # tomli is tomllib before Python 3.11 had it; the role python installs it on the one system that needs it.
            assert alias.name.split(".")[0] in {*sys.stdlib_module_names, "tomli"}, alias.name


def test_no_file_of_plugin_code_is_long():
    long = {str(path.relative_to(CHECKOUT)): count for path in PLUGINS.rglob("*.py")
            if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST}
    assert long == {}
