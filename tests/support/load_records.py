# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors ask, what they get, and what comes of it: requests, answers, samples and the result of a load."""

from __future__ import annotations

import collections
import dataclasses
import math
import time
import typing


KINDS = {
    "h1": "HTTP/1.1, kept connections",
    "h1-new": "HTTP/1.1, new connections",
    "h2": "HTTP/2, kept connections",
    "h2-new": "HTTP/2, new connections",
}


class Failed(Exception):
    """A visitor would have noticed."""


class Closed(Failed):
    """The server closed the connection before it answered anything."""


class NotProcessed(Exception):
    """The server has said that it did not begin with this request: sending it again is safe."""


@dataclasses.dataclass
class Request:
    method: str
    path: str
    body: bytes = b""
    expect: bytes = b""
    # Seconds that the application takes by itself: they are no latency.
    wait: float = 0


@dataclasses.dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    # When its first line was there.
    began: float = 0


class Sample(typing.NamedTuple):
    """One answered request, in seconds since the epoch."""

    due: float
    latency: float
    release: str
    answered: float


@dataclasses.dataclass
class Socket:
    """One WebSocket that the server has ended; code is that of its close frame, None where there was none."""

    release: str
    opened: float
    ended: float
    code: int | None
    messages: int


@dataclasses.dataclass
class Release:
    """When a release answered, in seconds since the epoch."""

    requests: int = 0
    first: float = math.inf
    last: float = -math.inf


@dataclasses.dataclass
class Failure:
    time: float
    kind: str
    method: str
    path: str
    reason: str
    release: str


class Result:
    """What has happened so far."""

    def __init__(self) -> None:
        self.started = time.time()
        self.ended: float | None = None
        self.failed = 0
        self.retried = 0
        self.connections = 0
        self.samples: list[Sample] = []
        self.sockets: list[Socket] = []
        self.messages = 0
        self.failures: list[Failure] = []
        self.reasons: collections.Counter[str] = collections.Counter()
        self.kinds: collections.Counter[tuple[str, str]] = collections.Counter()
        self.statuses: collections.Counter[int] = collections.Counter()
        self.releases: dict[str, Release] = {}

    @property
    def requests(self) -> int:
        return sum(self.kinds.values())

    @property
    def seconds(self) -> float:
        return (self.ended or time.time()) - self.started

    def count(self, kind: str = "", method: str = "") -> int:
        """Requests of one kind (`h1`, `h1-new`, `h2`, `h2-new`; default all) and one method (default all)."""
        return sum(n for (k, m), n in self.kinds.items() if kind in ("", k) and method in ("", m))

    def percentile(self, percent: float, windows: typing.Iterable[tuple[float, float]] | None = None) -> float:
        """Seconds within which that many percent of the answered requests were complete, of those that were due in one of the windows."""
        within = None if windows is None else list(windows)
        ordered = sorted(
            sample.latency for sample in self.samples if within is None or any(since <= sample.due < until for since, until in within)
        )
        if not ordered:
            return math.nan
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    def as_dict(self) -> dict[str, typing.Any]:
        milliseconds = {f"p{p}": round(self.percentile(p) * 1000, 1) for p in (50, 90, 99, 100)} if self.samples else {}
        return {
            "requests": self.requests,
            "failed": self.failed,
            "retried": self.retried,
            "connections": self.connections,
            "seconds": round(self.seconds, 2),
            "per_second": round(self.requests / self.seconds, 1) if self.seconds else 0,
            "started": self.started,
            "milliseconds": milliseconds,
            "kinds": {f"{kind} {method}": n for (kind, method), n in sorted(self.kinds.items())},
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "releases": {name: dataclasses.asdict(release) for name, release in self.releases.items()},
            "messages": self.messages,
            "sockets": [dataclasses.asdict(socket) for socket in self.sockets],
            "reasons": dict(self.reasons.most_common()),
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
        }

    def summary(self) -> str:
        lines = [
            f"{self.requests:,} requests in {self.seconds:.1f} s, {self.failed:,} failed",
            f"  {self.count(method='GET'):,} GET, {self.count(method='POST'):,} POST; "
            + "; ".join(f"{text}: {self.count(kind):,}" for kind, text in KINDS.items() if self.count(kind)),
        ]
        if self.samples:
            p50, p99, longest = (self.percentile(p) * 1000 for p in (50, 99, 100))
            lines.append(f"  half were answered within {p50:.0f} ms, 99% within {p99:.0f} ms, the slowest took {longest:.0f} ms")
        for name, release in sorted(self.releases.items(), key=lambda item: item[1].first):
            since, until = release.first - self.started, release.last - self.started
            lines.append(f"  release {name} answered {release.requests:,} of them, from second {since:.1f} to {until:.1f}")
        if self.messages:
            codes = collections.Counter(str(socket.code or "no close frame") for socket in self.sockets)
            ended = ", ".join(f"{times} x {code}" for code, times in codes.items())
            lines.append(f"  {self.messages:,} messages came back on WebSockets; ended by the server: {ended or 'none'}")
        if self.retried:
            lines.append(f"  {self.retried:,} sent again: on a connection that the server had closed, or named by its GOAWAY as not processed")
        for reason, times in self.reasons.most_common(10):
            lines.append(f"  FAILED {times:,} x {reason}")
        for failure in self.failures[:5]:
            at = failure.time - self.started
            lines.append(f"    second {at:.2f}: {failure.method} {failure.path} ({KINDS.get(failure.kind, failure.kind)}) {failure.reason}")
        return "\n".join(lines)
