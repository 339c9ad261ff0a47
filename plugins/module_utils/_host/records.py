# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of what a host keeps, as JSON. Times are UTC as 20261120T201500Z, durations seconds, unless a key says otherwise."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import HostError

# Written with every manifest. Raised when code of before could no longer read what is written.
SCHEMA = 1


class Health(t.TypedDict, total=False):
    """How a web process is asked whether it is well."""

    path: str
    host: str | None  # the Host header; by default the site's domain
    status: list[int] | None  # accepted statuses; by default all below 500
    body: str | None  # a text that the answer must hold
    successes: int  # good answers in a row
    timeout: float  # seconds until a start counts as failed


class Process(t.TypedDict, total=False):
    """One entry of pyweb_apps.<name>.processes, with all defaults filled in."""

    kind: str  # wsgi, asgi or command: which of the next three is set
    wsgi: str | None  # module:callable
    asgi: str | None
    command: str | None
    server: str | None  # gunicorn or uvicorn, for wsgi and asgi
    worker_class: str | None
    workers: int | None
    threads: int | None
    max_requests: int | None
    timeout: int | None  # seconds after which gunicorn ends a worker that is silent
    options: list[str]  # further arguments of the server
    count: int  # instances of a command
    singleton: bool  # never two at a time, in the whole fleet
    stop_timeout: float  # seconds to end in order
    schedule: str | None  # systemd.time(7): a command that runs by the clock
    address: str | None  # address:port for somebody else's reverse proxy
    health: Health | None  # of web
    memory: str | None  # systemd.resource-control(5), such as 512M
    cpu: str | None  # such as 150%
    tasks: int | None
    files: int | None
    writable: list[str] | None  # below shared/, or absolute
    hosts: list[str] | None  # groups or hosts of the inventory that it runs on
    network: str | None  # yes, local or no
    devices: list[str] | None  # paths, or groups of devices such as char-alsa
    jit: bool


class Site(t.TypedDict, total=False):
    """Where nginx serves the application."""

    domain: str
    path: str  # of the domain, below which the application is; empty for all of it
    port: int
    files: bool  # files alone, no process


class Runtime(t.TypedDict, total=False):
    """How a release runs on this host; fixed by its first activation."""

    manager: str  # a name in managers.MANAGERS
    processes: dict[str, Process]
    site: Site | None
    socket_group: str  # may connect to the socket
    applications: int  # of this host, which share its processors


class Override(t.TypedDict):
    """A number that somebody has scaled a process to, beside the inventory."""

    option: str  # workers or count
    number: int
    instead_of: int | None  # what the inventory had then; None for the default
    by: str  # user@host
    since: str


class Manifest(t.TypedDict, total=False):
    """One release: /var/lib/pyweb/<name>/releases/<release>/manifest.json."""

    schema: int
    app: str
    release: str
    state: str  # building, built, failed, active, superseded, bad, damaged; gone where its files were removed
    contents: dict[str, t.Any]  # contents.Measure of what the build has left
    created: str
    activated: str
    ended: str
    error: str | None  # one sentence
    by: str  # who built it, user@host
    revision: str
    kind: str  # of its source
    config_digest: str
    build_digest: str
    secrets_digest: str
    environment: str  # the shared environment that its .venv is a clone of
    python: str
    python_version: str
    static: dict[str, str]  # address to directory
    config: dict[str, list[str]]  # build steps, names in build_env, shared paths
    procfile: dict[str, t.Any] | None
    pinned: bool
    copy_of: str  # the release that a restart has made it from, directly or not
    replaced_by: str | None  # the copy that a restart has put in its place
    runtime: Runtime
    scale: dict[str, Override]  # by process; its numbers are in the runtime


class Instance(t.TypedDict):
    """One process of a release as it is now."""

    name: str  # worker-2
    state: str  # active; otherwise as the process manager calls it
    since: float | None  # seconds that it has been up
    restarts: int | None  # None where the process manager does not count them
    memory: int | None  # bytes


class Switch(t.TypedDict):
    """A switch under way: /var/lib/pyweb/<name>/switch.json. Gone when it is completed or returned from."""

    release: str
    # "from": the release that was live, or None
    action: str  # activate, rollback, restart or scale
    by: str
    since: str
    token: str | None  # of the lease


class Lease(t.TypedDict, total=False):
    """Who deploys, between the steps of a deploy: /var/lib/pyweb/<name>/lease.json."""

    token: str
    by: str  # user@host
    place: str  # machine and process namespace of the controller
    pid: int
    start: str  # tells the process from a later one with its pid
    since: str
    until: float  # seconds since 1970
    takes_over: str | None  # token of a dead run of the same controller


def check_schema(record: t.Mapping[str, t.Any], path: str) -> None:
    """Refuse what newer code has written in a shape that this code does not know."""
    schema = record.get("schema", SCHEMA)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise HostError(f"{path} has schema {schema!r}, written by a newer pyweb.stack; this one reads up to {SCHEMA}: "
                        "upgrade the collection and deploy again.")
