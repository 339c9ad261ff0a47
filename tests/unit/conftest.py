# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ansible_collections.pyweb.stack importable under plain pytest, from any checkout."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

COLLECTIONS = str(Path(__file__).resolve().parents[2] / ".collections")

# ansible-test does both itself.
if not any(isinstance(finder, _AnsibleCollectionFinder) for finder in sys.meta_path):
    sys.path.insert(0, COLLECTIONS)  # for what a test starts in a process of its own
    _AnsibleCollectionFinder(paths=[COLLECTIONS])._install()
