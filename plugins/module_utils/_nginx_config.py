# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nginx's configuration says, also one that nginx refuses: what others have there, and what they need.

The functions are pure, except for read(), answers(), and foreign(), which asks where links lead.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import re
import socket
import typing as t

# Comments, quoted and bare words, and what ends a directive.
TOKEN = re.compile(r"""\#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([;{}])|((?:[^\s;{}"'\\]|\\.)(?:[^\s;{}\\]|\\.|\$\{)*)""", re.DOTALL)
OURS = re.compile(r"/etc/nginx/(conf\.d/pyweb(\.site\.[a-z0-9-]+)?\.conf|modules-enabled/90-pyweb\.conf|pyweb/.*)")

# Directives by where their arguments have a path that nginx writes to: a file, or a directory.
_FILES = ("access_log", "error_log", "pid", "lock_file")
_CACHES = ("proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path")
_TEMPORARY = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")
_STORES = ("dav_methods", "proxy_store", "fastcgi_store", "uwsgi_store", "scgi_store")
# Where relative paths begin, in Debian's build.
PREFIX = "/usr/share/nginx"
# What the sandbox lets nginx write to anyway.
WRITABLE = ("/run", "/var/run", "/var/log/nginx", "/var/lib/nginx", "/var/cache/nginx", "/dev")
# Where our sites listen.
WEB = ("80", "443")
# One address with a port of the web, in a directive listen.
ONE_ADDRESS = re.compile(r"(?!unix:|\*|0\.0\.0\.0|\[::\])([^\s:]*[^\s:0-9][^\s:]*|\[[0-9A-Fa-f:.]+\])(?::(\d+))?")
# What we write outside of servers, and what nginx refuses when it is there twice.
ONCE = ("server_names_hash_bucket_size", "server_names_hash_max_size", "variables_hash_max_size", "worker_rlimit_nofile", "worker_shutdown_timeout")
# A line in the file of a site, see site.conf.j2 of role nginx.
RECORD = re.compile(r"^# For runs of another inventory: (\{.*\})$", re.MULTILINE)
RECORD_SCHEMA = 1
SHARED_TEMPORARY = re.compile(r"(unix:)?/(var/)?tmp/")


@dataclasses.dataclass(frozen=True)
class Directive:
    """One directive: the file that has it, its name and its arguments."""

    file: str
    name: str
    args: tuple[str, ...]
    # Which server of the file it is in, counted from 1; 0 outside of them, also in a file that a server includes.
    server: int = 0


@dataclasses.dataclass(frozen=True)
class Foreign:
    """What the configuration of others asks for."""

    # Directories outside of WRITABLE that nginx writes to.
    writes: list[str]
    # Do they use /tmp or /var/tmp, such as a socket there?
    temporary: bool
    # Names of their servers.
    names: list[str]
    # Directives that may be there once only, and that we would write, too.
    tuned: list[str]
    # Addresses at which their servers alone are asked: nginx takes servers that listen at every address only where none has this one.
    addresses: list[str]
    # Files with the default server of port 80 or 443 at every address. There can be one only.
    defaults: list[str]


def directives(file: str, text: str) -> list[Directive]:
    """The directives in the C(text) of a C(file)."""
    found: list[Directive] = []
    words: list[str] = []
    # The server of each block that is open.
    blocks, servers = [0], 0
    for token in TOKEN.finditer(text):
        if token[3]:
            if words:
                found.append(Directive(file, words[0], tuple(words[1:]), blocks[-1]))
            if token[3] == "{":
                servers += words == ["server"]
                blocks.append(servers if words == ["server"] else blocks[-1])
            elif token[3] == "}" and len(blocks) > 1:
                blocks.pop()
            words = []
        elif not token[0].startswith("#"):
            words.append(next(word for word in (token[1], token[2], token[4]) if word is not None))
    return found


def read(path: str = "/etc/nginx/nginx.conf") -> list[Directive]:
    """All directives of a file and of those that it includes; nothing where there is none."""
    found: list[Directive] = []
    waiting, seen = [path], {path}
    while waiting:
        file = waiting.pop(0)
        try:
            with open(file, encoding="utf-8", errors="replace") as stream:
                here = directives(file, stream.read())
        except OSError:
            continue
        found += here
        for item in here:
            if item.name == "include" and item.args:
                more = sorted(glob.glob(os.path.join(os.path.dirname(path), item.args[0])))
                waiting += [name for name in more if name not in seen]
                seen.update(more)
    return found


def user_of(config: t.Iterable[Directive]) -> str:
    """The user of the worker processes; empty if the configuration does not say it."""
    return next((item.args[0] for item in config if item.name == "user" and item.args), "")


def includes(config: t.Iterable[Directive], file: str = "/etc/nginx/nginx.conf") -> list[str]:
    """What nginx.conf itself includes."""
    return [item.args[0] for item in config if item.name == "include" and item.file == file and item.args]


def names_of(config: t.Iterable[Directive]) -> list[str]:
    """Server names, without those that are no domain."""
    found = {name.lower() for item in config if item.name == "server_name" for name in item.args} - {"_", "", "localhost"}
    # .example.org stands for two names.
    return sorted(found - (short := {name for name in found if name.startswith(".")}) | {name[1:] for name in short} | {f"*{name}" for name in short})


def foreign(config: t.Iterable[Directive]) -> Foreign:
    theirs = [item for item in config if not OURS.fullmatch(item.file)]
    writes = {path for item in theirs for path in _written(item, theirs)}
    return Foreign(
        writes=sorted(path for path in writes if not any(path == top or path.startswith(f"{top}/") for top in WRITABLE)),
        temporary=any(SHARED_TEMPORARY.match(word.removeprefix("http://")) for item in theirs for word in item.args),
        names=names_of(_on_the_web(theirs)),
        tuned=sorted({item.name for item in theirs} & set(ONCE)),
        addresses=sorted({address for item in theirs if item.name == "listen" and item.args for address in _one_address(item.args[0])}),
        defaults=sorted({item.file for item in theirs if item.name == "listen" and item.args and _is_default(item.args)}),
    )


def _on_the_web(config: list[Directive]) -> list[Directive]:
    """Without servers that listen at other ports than ours alone."""
    ports: dict[tuple[str, int], set[str]] = {}
    for item in config:
        if item.server and item.name in ("listen", "include") and item.args:
            ports.setdefault((item.file, item.server), set()).add(_port(item))
    return [item for item in config if not ports.get((item.file, item.server), set(WEB)).isdisjoint(WEB)]


def _port(item: Directive) -> str:
    """Of a directive listen; what a server includes may have one, too, and nginx's default is 80. Empty for a socket."""
    if item.args[0].startswith("unix:"):
        return ""
    found = re.fullmatch(r"(?:.*:)?(\d+)", item.args[0])
    return found[1] if found and item.name == "listen" else "80"


def _is_default(listen: tuple[str, ...]) -> bool:
    everywhere = re.fullmatch(r"(?:(?:\*|0\.0\.0\.0|\[::\])(?::|$))?(\d*)", listen[0])
    return everywhere is not None and everywhere[1] in ("", *WEB) and not {"default_server", "default"}.isdisjoint(listen[1:])


def _one_address(listen: str) -> list[str]:
    found = ONE_ADDRESS.fullmatch(listen)
    return [f"{found[1]}:{found[2] or 80}"] if found and found[2] in (None, *WEB) else []


def _written(item: Directive, theirs: list[Directive]) -> t.Iterator[str]:
    """Directories that a directive makes nginx write to."""
    path = item.args[0] if item.args else ""
    if item.name == "listen" and path.startswith("unix:"):
        yield os.path.dirname(path.removeprefix("unix:"))
    # DAV and proxy_store write to the site itself.
    if item.name in ("root", "alias") and path.startswith("/") and "$" not in path:
        if any(other.file == item.file and other.name in _STORES and other.args[:1] != ("off",) for other in theirs):
            yield path.rstrip("/") or "/"
    if not re.match(r"[/\w.]", path) or item.name in _FILES and re.match("off$|stderr$|syslog:|memory:", path):
        return
    # Of a relative path, too; some names of files begin with a variable.
    path = os.path.join(PREFIX, path)
    if item.name in _FILES and "$" in path:
        yield os.path.dirname(path.partition("$")[0])
    elif item.name in _FILES:
        yield os.path.dirname(path)
        # A log may be a link to a larger disk.
        if not path.startswith("/dev/"):
            yield os.path.dirname(os.path.realpath(path))
    elif item.name in _CACHES + _TEMPORARY:
        yield path.rstrip("/")


def quic(config: t.Iterable[Directive]) -> list[Directive]:
    """Where servers listen for HTTP/3."""
    return [item for item in config if item.name == "listen" and "quic" in item.args[1:]]


def record_of(site: str) -> dict[str, t.Any]:
    """The record of a site of ours, as plugin_utils/_site_changes.py declares it; C(site) is the text of its file.

    Empty where it has none, or where another version of this collection has written it in another way.
    """
    found = RECORD.search(site)
    record: dict[str, t.Any] = json.loads(found[1]) if found else {}
    return record if record.get("schema") == RECORD_SCHEMA else {}


def reaches(site: str) -> tuple[str, str]:
    """What a site of ours stands in front of: C(socket), C(port) or C(root), and which; C(site) is the text of its file."""
    found = re.search(r"^\s*server (?:unix:(\S+)|(\S+:\d+|\S+)) max_fails=0;", site, re.MULTILINE)
    if found:
        return ("socket", found[1]) if found[1] else ("port", found[2])
    root = re.search(r"^\s*root (\S+);", site, re.MULTILINE)
    return ("root", root[1]) if root else ("", "")


def answers(kind: str, place: str, timeout: float = 0.5) -> bool:
    """Does an application stand there? A directory is one when it belongs to a live release."""
    if kind == "root":
        return "/current" in place and os.path.isdir(place)
    if kind not in ("socket", "port"):
        return False
    host, dummy, port = place.rpartition(":")
    try:
        if kind == "port":
            socket.create_connection((host.strip("[]"), int(port)) if host else (place, 80), timeout).close()
        else:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(timeout)
                client.connect(place)
    except OSError:
        return False
    return True
