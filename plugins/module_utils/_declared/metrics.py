# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics that a host offers to Prometheus."""

from __future__ import annotations

from .option import Options

# Where Debian's prometheus-node-exporter reads text files.
DIRECTORY = "/var/lib/prometheus/node-exporter"

METRICS: Options = {
    "state": {
        "type": "str", "choices": ["present", "absent"], "default": "present",
        "description": "V(absent) removes the timer and the file of metrics. The node exporter stays.",
    },
    "exporter": {
        "type": "bool", "default": True,
        "description": "Whether Debian's C(prometheus-node-exporter) is installed. V(false) is for hosts that have a node exporter of another make; "
                       "O(directory) then says where that reads text files.",
    },
    "directory": {
        "type": "str", "default": DIRECTORY,
        "description": "Directory in which the node exporter looks for text files, its C(--collector.textfile.directory).",
    },
    "interval": {
        "type": "int", "default": 60, "minimum": 15,
        "description": "Seconds between two looks, 15 at the least. Each look makes one health check of each application, directly and through nginx.",
    },
}
