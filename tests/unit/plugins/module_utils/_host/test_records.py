# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of what a host keeps."""

from __future__ import annotations

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._declared.process import HEALTH, PROCESS
from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError
from ansible_collections.pyweb.stack.plugins.module_utils._host.records import SCHEMA, Health, Process, check_schema


@pytest.mark.parametrize("record, declared", [(Process, {*PROCESS, "kind"}), (Health, {*HEALTH})])
def test_a_record_has_what_is_declared(record, declared):
    assert set(record.__annotations__) == declared


@pytest.mark.parametrize("written", [{}, {"schema": SCHEMA}])
def test_what_this_code_has_written_is_read(written):
    check_schema(written, "/manifest.json")


@pytest.mark.parametrize("schema", [SCHEMA + 1, "2", None])
def test_what_newer_code_has_written_is_refused(schema):
    with pytest.raises(HostError, match=r"^/manifest.json has schema .*, written by a newer pyweb.stack; .*: upgrade the collection and deploy again\.$"):
        check_schema({"schema": schema}, "/manifest.json")
