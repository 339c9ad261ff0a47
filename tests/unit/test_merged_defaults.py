# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles that merge what a user gives into the defaults of a group merge it into the published defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"


@pytest.mark.parametrize("role", ["hardening", "python"])
def test_merged_defaults_are_the_published_ones(role):
    published = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    variables = [file for name in ("main.yml", "main/main.yml") if (file := ROLES / role / "vars" / name).exists()]
    merged = yaml.safe_load(variables[0].read_text(encoding="utf-8"))[f"__{role}_defaults"]
    assert merged == {name: value for name, value in published.items() if isinstance(value, dict)}
