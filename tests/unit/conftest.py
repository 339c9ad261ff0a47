# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ansible_collections.pyweb.stack importable under plain pytest, from any checkout; and what many tests need."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

COLLECTIONS = str(Path(__file__).resolve().parents[2] / ".collections")

# ansible-test does both itself.
if not any(isinstance(finder, _AnsibleCollectionFinder) for finder in sys.meta_path):
    sys.path.insert(0, COLLECTIONS)  # for what a test starts in a process of its own
    _AnsibleCollectionFinder(paths=[COLLECTIONS])._install()


@pytest.fixture
def serving():
    """Lets servers of http.server or socketserver answer until the test is over; returns the address of each, as HOST:PORT."""
    running = []

    def serving(server):
        # The default looks only twice a second whether it is to end.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return f"127.0.0.1:{server.server_address[1]}"

    yield serving
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
