# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of units for systemd: one for each process of a release, and one timer for each scheduled job."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.layout import Layout
from ansible_collections.pyweb.stack.plugins.module_utils._host.sandbox import sandbox

# Units of local databases, caches and brokers, as Debian and their makers name them: processes start after these and end before
# them, so that a worker that finishes its task at a shutdown still has its broker. A unit that a host lacks counts for nothing.
BACKING_SERVICES = ("postgresql.service mariadb.service mysql.service redis-server.service valkey-server.service memcached.service "
                    "rabbitmq-server.service mongod.service elasticsearch.service opensearch.service")

UNIT = """# Written once for this release; the next deploy writes new ones.
[Unit]
Description={app} {instance} ({release})
After=network.target {services}
# However long what it needs is away, a database say: it comes back by itself.
StartLimitIntervalSec=0

[Service]
{kind}
ExecStart=/usr/bin/python3 -IS {meta}/launch {process}
KillMode=mixed
# A master starts a new worker for one that wanted too much memory; the others serve on.
OOMPolicy=continue
TimeoutStopSec={stop}
SyslogIdentifier={app}-{instance}
{sandbox}"""


TIMER = """# Belongs to the live release; written at each switch that changes it.
[Unit]
Description={app} {job} by the clock ({release})

[Timer]
OnCalendar={calendar}
Persistent=yes
AccuracySec=1s
Unit={unit}
"""


def unit_text(paths: Layout, release: str, instance: str, process: t.Mapping[str, t.Any]) -> str:
    """The unit of one process of a release."""
    return UNIT.format(
        services=BACKING_SERVICES, app=paths.name, instance=instance, process=re.sub(r"-\d+$", "", instance), release=release, meta=paths.meta(release),
        # The server's own graceful end comes first, then the manager's.
        kind="Type=oneshot" if process.get("schedule") else "Type=exec\nRestart=always\nRestartSec=1",
        stop=process["stop_timeout"] + 5, sandbox=sandbox(paths, release, process, paths.sockets(release)),
    )


def timer_text(paths: Layout, release: str, job: str, calendar: str) -> str:
    """The timer of a scheduled job, which starts the job's unit of this release."""
    return TIMER.format(app=paths.name, job=job, release=release, calendar=calendar, unit=f"{paths.instance(release, job)}.service")
