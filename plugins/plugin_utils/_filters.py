# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads this collection's filters once for all tasks of a run.

Ansible runs each task of each host in a process of its own, forked from the main one. There it finds a filter by loading all files in
plugins/filter/ with what they import; it keeps no bytecode of collections, so every such process compiled them anew (0.11 s each, and
0.13 s for Ansible's own filters, with ansible-core 2.19). Action plugins are imported by the main process, when it comes to their first
task, also when that is skipped: what they load, all processes have that are made later. So the first task of each playbook is one of ours.
"""

from __future__ import annotations

import importlib
import pkgutil

from ansible.plugins.loader import filter_loader

from ansible_collections.pyweb.stack.plugins import filter as ours


def load() -> None:
    """For the modules that action plugins import."""
    filter_loader.get("ansible.builtin.default")
    for _finder, name, _is_package in pkgutil.iter_modules(ours.__path__):
        importlib.import_module(f"{ours.__name__}.{name}")
