# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a role, as they are written and as its templates see them, without a host."""

from __future__ import annotations

import pathlib

import yaml

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def variables(role):
    directory = CHECKOUT / "roles" / role / "vars"
    files = sorted(directory.glob("main.yml")) + sorted(directory.glob("main/*.yml"))
    return {key: value for file in files for key, value in yaml.safe_load(file.read_text(encoding="utf-8")).items()}


def seen(role, name, **more):
    """A variable of a role as its templates see it."""
    def trusted(value):
        if isinstance(value, str):
            return trust_as_template(value)
        if isinstance(value, dict):
            return {key: trusted(item) for key, item in value.items()}
        return [trusted(item) for item in value] if isinstance(value, list) else value

    own = {key: trusted(value) for key, value in variables(role).items()}
    return Templar(loader=DataLoader(), variables={**own, **more}).template(own[name])
