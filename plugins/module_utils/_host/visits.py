# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's access log of a site, in both of the formats that the role nginx writes."""

from __future__ import annotations

import calendar
import collections
import contextlib
import datetime
import glob
import gzip
import json
import os
import re
import time
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

LOG = "/var/log/nginx/{name}.access.log"
TEXT = re.compile(r'\S+ - .* \[(?P<time>[^\]]+)\] "(?P<request>.*?)" (?P<status>\d{3}) \d+ .* release=(?P<release>\S+) time=\S+ upstream=.*')
STATUS = re.compile(r"(?P<sign>>=|<=|>|<|=|)\s*(?P<number>[1-5]\d\d)|(?P<kind>[1-5])xx", re.IGNORECASE)


class Visit(t.TypedDict):
    """One line of an access log."""

    time: float  # seconds since 1970
    status: int
    release: str  # that has answered; - where none has
    line: str  # as it is in the file


def statuses(wanted: str) -> t.Callable[[int], bool]:
    """What C(>=500), C(404) or C(5xx) means. Raises HostError for anything else."""
    found = STATUS.fullmatch(wanted.strip())
    if not found:
        raise HostError(f"status is {wanted!r}: a status of HTTP with or without a sign before it is needed, such as >=500, 404 or 5xx.")
    if found["kind"]:
        return lambda status: status // 100 == int(found["kind"])
    number = int(found["number"])
    compared: dict[str, t.Callable[[int], bool]] = {
        ">=": lambda status: status >= number, "<=": lambda status: status <= number,
        ">": lambda status: status > number, "<": lambda status: status < number,
    }
    return compared.get(found["sign"], lambda status: status == number)


def parsed(line: str) -> Visit | None:
    """Pure: one line; None for one that somebody else's format has written."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if line.startswith("{"):
            told = json.loads(line)
            return {"time": datetime.datetime.fromisoformat(told["time"]).timestamp(), "status": int(told["status"]), "release": str(told["release"]),
                    "line": line}
        found = TEXT.fullmatch(line)
        if found:
            moment, zone = found["time"].split(" ")
            east = (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60) * (-1 if zone[0] == "-" else 1)
            # Not by the month's name in the language of whoever runs this.
            day, month, rest = moment.split("/", 2)
            number = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split().index(month) + 1
            return {"time": calendar.timegm(time.strptime(f"{day}/{number:02}/{rest}", "%d/%m/%Y:%H:%M:%S")) - east, "status": int(found["status"]),
                    "release": found["release"], "line": line}
    return None


def files(name: str, since: float, root: str = "") -> list[str]:
    """The log and what logrotate has put away, the oldest first; not those that were last written before C(since)."""
    found = []
    for path in glob.glob(glob.escape(root + LOG.format(name=name)) + "*"):
        with contextlib.suppress(OSError):
            changed = os.stat(path).st_mtime
            if changed >= since:
                found.append((changed, path))
    return [path for dummy, path in sorted(found)]


def visits(name: str, since: float, until: float, wanted: t.Callable[[Visit], bool], count: int, root: str = "") -> list[Visit]:
    """The last C(count) visits between two times that are wanted, the oldest first."""
    last: collections.deque[Visit] = collections.deque(maxlen=count)
    for path in files(name, since, root):
        opened = gzip.open if path.endswith(".gz") else open
        with contextlib.suppress(FileNotFoundError), opened(path, "rt", encoding="utf-8", errors="replace") as file:
            for line in file:
                visit = parsed(line.rstrip("\n"))
                if visit and since <= visit["time"] <= until and wanted(visit):
                    last.append(visit)
    return list(last)
