# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file by which a host finds itself. Whether it is found by name is for the scenario acme."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._tls import reach


@pytest.mark.parametrize("before", [None, 0o750], ids=["nothing was there", "a directory that nginx could not enter"])
def test_nginx_may_read_it_whatever_the_umask(tmp_path, before):
    if before:
        (tmp_path / ".well-known").mkdir(mode=before)
    old = os.umask(0o077)
    try:
        with reach.Probe(str(tmp_path)) as probe:
            assert stat.S_IMODE(os.stat(probe.path).st_mode) == 0o644
            for directory in (".well-known", ".well-known/acme-challenge"):
                assert stat.S_IMODE((tmp_path / directory).stat().st_mode) == 0o755
    finally:
        os.umask(old)
    assert not os.path.exists(probe.path)
