# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites of nginx as people have written them, from what C(nginx -T) prints. Pure: no I/O."""

from __future__ import annotations

import dataclasses
import os
import re

from ansible_collections.pyweb.stack.plugins.module_utils._nginx_config import TOKEN

_FILE = re.compile(r"^# configuration file (\S+):$", re.MULTILINE)
# What a site of ours has by itself, or what has no counterpart that anybody would miss.
_USUAL = {
    "listen", "server_name", "ssl_certificate", "ssl_certificate_key", "root", "location", "client_max_body_size", "access_log", "error_log", "server_tokens",
    "ssl_protocols", "ssl_ciphers", "ssl_prefer_server_ciphers", "ssl_session_cache", "ssl_session_timeout", "ssl_session_tickets", "ssl_dhparam", "http2",
    "keepalive_timeout", "charset", "index", "gzip", "gzip_types", "gzip_vary", "gzip_proxied", "include", "ssl", "sendfile", "tcp_nopush",
}
_USUAL_PLACE = {
    "proxy_pass", "proxy_set_header", "proxy_http_version", "proxy_redirect", "proxy_buffering", "proxy_read_timeout", "proxy_send_timeout",
    "proxy_connect_timeout", "include", "alias", "root", "expires", "access_log", "log_not_found", "try_files", "add_header", "gzip_static", "autoindex",
    "proxy_headers_hash_max_size", "proxy_headers_hash_bucket_size",
}


@dataclasses.dataclass
class Block:
    """A directive with its arguments, and what is between its braces."""

    name: str
    args: list[str]
    inside: list[Block] = dataclasses.field(default_factory=list)

    def all(self, name: str) -> list[Block]:
        return [block for block in self.inside if block.name == name]

    def first(self, name: str) -> str:
        """The first argument of the first directive of this name, else nothing."""
        return next((block.args[0] for block in self.all(name) if block.args), "")


@dataclasses.dataclass
class Site:
    """What several server blocks of one file say of one application."""

    # The file that has it.
    file: str
    # Names that visitors use, without wildcards and patterns.
    domains: list[str]
    # Upstream addresses, as C(127.0.0.1:8000) or C(unix:/run/shop.sock).
    upstreams: list[str]
    certificate: str = ""
    key: str = ""
    # Addresses and the absolute paths that nginx serves there.
    static: dict[str, str] = dataclasses.field(default_factory=dict)
    body_size: str = ""
    read_timeout: str = ""
    # Directives that an entry for this collection has to be looked at for.
    others: list[str] = dataclasses.field(default_factory=list)
    # How many server blocks of other applications the file has.
    strangers: int = 0


def parse(text: str) -> list[Block]:
    """The blocks of a configuration file, one in the other; a brace that nobody closes ends with the file."""
    top = Block("", [])
    stack, words = [top], []
    for token in TOKEN.finditer(text):
        if token[3] == "}":
            stack = stack[:-1] or [top]
        elif token[3] and words:
            block = Block(words[0], words[1:])
            stack[-1].inside.append(block)
            if token[3] == "{":
                stack.append(block)
        elif not token[3] and not token[0].startswith("#"):
            words.append(next(word for word in (token[1], token[2], token[4]) if word is not None))
        if token[3]:
            words = []
    return top.inside


def files(printed: str) -> dict[str, str]:
    """What C(nginx -T) prints, by file."""
    parts = _FILE.split(printed)
    return dict(zip(parts[1::2], parts[2::2]))


def _servers(blocks: list[Block]) -> list[Block]:
    found = [block for block in blocks if block.name == "server"]
    return found + [server for block in blocks if block.name == "http" for server in block.all("server")]


def _upstreams(blocks: list[Block]) -> dict[str, list[str]]:
    found = {}
    for block in [*blocks, *(inner for outer in blocks if outer.name == "http" for inner in outer.inside)]:
        if block.name == "upstream" and block.args:
            found[block.args[0]] = [server.args[0] for server in block.all("server") if server.args]
    return found


def _locations(block: Block) -> list[Block]:
    found = block.all("location")
    return found + [inner for location in found for inner in _locations(location)]


def _passes(server: Block, upstreams: dict[str, list[str]]) -> list[str]:
    """Where a server block passes requests to: addresses, with upstreams resolved."""
    found: list[str] = []
    for location in _locations(server):
        target = re.sub(r"^https?://", "", location.first("proxy_pass"))
        name = target.rstrip("/") if target.startswith("unix:") else target.partition("/")[0]
        # http://unix:/run/shop.sock:/path/ has its path after a colon.
        name = re.sub(r"(^unix:[^:]+):.*$", r"\1", name)
        for address in upstreams.get(name, [name] if name else []):
            if address not in found:
                found.append(address)
    return found


def _static(server: Block) -> dict[str, str]:
    """Prefix locations that nginx answers from files, and where these lie."""
    found = {}
    for location in _locations(server):
        words = [word for word in location.args if word not in ("=", "^~")]
        if location.first("proxy_pass") or len(words) != 1 or not words[0].startswith("/") or words[0].startswith("/.well-known"):
            continue
        alias, root = location.first("alias"), location.first("root")
        if alias:
            found[words[0]] = alias
        elif (root or server.first("root")) and (root or words[0] != "/"):
            found[words[0]] = os.path.join(root or server.first("root"), words[0].lstrip("/"))
    return found


def _to_https(block: Block) -> bool:
    """What certbot writes: a name that is sent to https."""
    return block.name == "if" and all(inner.name == "return" and inner.args[1:2] == ["https://$host$request_uri"] for inner in block.inside)


def _others(server: Block) -> list[str]:
    found = [" ".join([block.name, *block.args]) for block in server.inside if block.name not in _USUAL and block.name != "return" and not _to_https(block)]
    for location in _locations(server):
        inner = [" ".join([block.name, *block.args]) for block in location.inside if block.name not in _USUAL_PLACE | {"return", "location"}]
        found += [f"location {' '.join(location.args)}: {text}" for text in inner]
    return found


def _is_theirs(server: Block, upstreams: dict[str, list[str]], addresses: list[str], path: str) -> bool:
    places = [server.first("root"), *_static(server).values()]
    return bool(set(_passes(server, upstreams)) & set(addresses)) or any(place == path or place.startswith(f"{path}/") for place in places)


def find(printed: str, addresses: list[str], path: str) -> list[Site]:
    """The sites, one for each file, that pass requests to one of C(addresses) or serve files below C(path)."""
    texts = {file: parse(text) for file, text in files(printed).items()}
    upstreams = {name: servers for blocks in texts.values() for name, servers in _upstreams(blocks).items()}
    sizes = [block.first("client_max_body_size") for blocks in texts.values() for block in blocks if block.name == "http"]
    found = []
    for file, blocks in texts.items():
        servers = _servers(blocks)
        theirs = [server for server in servers if _is_theirs(server, upstreams, addresses, path)]
        if not theirs:
            continue
        names = {name for server in theirs for block in server.all("server_name") for name in block.args}
        # Those that send visitors to https, or to the name without www.
        theirs += [server for server in servers if server not in theirs and server.all("server_name")
                   and ({name for block in server.all("server_name") for name in block.args} & names or server.all("return"))]
        site = Site(file, [], [], strangers=len(servers) - len(theirs))
        for server in theirs:
            site.domains += [name for block in server.all("server_name") for name in block.args
                             if name not in site.domains and re.fullmatch(r"[A-Za-z0-9.-]*[A-Za-z0-9]", name) and name != "localhost"]
            site.upstreams += [address for address in _passes(server, upstreams) if address not in site.upstreams]
            site.certificate = site.certificate or server.first("ssl_certificate")
            site.key = site.key or server.first("ssl_certificate_key")
            site.static.update(_static(server))
            site.body_size = site.body_size or server.first("client_max_body_size")
            site.read_timeout = site.read_timeout or next((place.first("proxy_read_timeout") for place in _locations(server)
                                                           if place.first("proxy_read_timeout")), "")
            site.others += [text for text in _others(server) if text not in site.others]
        site.body_size = site.body_size or next((size for size in sizes if size), "")
        found.append(site)
    return found
