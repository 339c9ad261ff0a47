# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role nginx refuses in C(nginx_sites) and beside it before it looks at the host. Pure: no I/O.

In Python, since each rule in Jinja has to be compiled in each run, which took longer than a round trip.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ansible_collections.pyweb.stack.plugins.plugin_utils._sites import is_network

Site = dict[str, t.Any]

DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*")
URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
MEMBER = re.compile(r"https?://([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]):[0-9]{1,5}")
FILE = r"[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*"
PATH = re.compile(rf"(/{FILE}|/\.{FILE})+")
TIME = re.compile(r"[1-9][0-9]*(ms|s|m|h|d)")
HASHED = re.compile(r"([$](apr1|5|6|y|2[aby])[$]|[{]SSHA[}])[^: ]+")
STATUSES = ("403", "404", "413", "429", "503", "504")


class Rule(t.NamedTuple):
    """Values that break it, and the two halves of the sentence around them."""

    variable: str
    wrong: list[t.Any]
    remedy: str


def mismatched(pattern: str | re.Pattern[str], values: t.Iterable[t.Any]) -> list[str]:
    return [str(value) for value in values if not re.fullmatch(pattern, str(value))]


def _no_networks(values: t.Iterable[t.Any]) -> list[str]:
    return [str(value) for value in values if not is_network(str(value))]


def _repeated(values: t.Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def names(sites: t.Iterable[Site]) -> list[str]:
    return [site["name"] for site in sites]


def sentences(rules: t.Iterable[Rule]) -> list[str]:
    """One for each rule that is broken, with the variable, its values and the remedy."""
    found = []
    for rule in rules:
        if rule.wrong:
            values = "', '".join(dict.fromkeys(map(str, rule.wrong)))
            found.append(f"{rule.variable} is '{values}': {rule.remedy}.")
    return found


def _all(sites: list[Site], option: str) -> list[t.Any]:
    """The items of a list, or of a mapping's keys, of all sites."""
    return [item for site in sites for item in site[option]]


def paths(sites: list[Site]) -> list[str]:
    """All paths on the host that sites name, but for certificates."""
    found = [path for item in _all(sites, "static") for path in item["paths"]]
    for site in sites:
        found += [site[option] for option in ("root", "assets") if site[option]]
        found += map(str, site["error_pages"].values())
        if site["upstream"].startswith("unix:"):
            found.append(site["upstream"].removeprefix("unix:"))
    return found


def _identity(given: list[Site], sites: list[Site], server_of: dict[str, str]) -> list[Rule]:
    domains = _all(sites, "domains")
    whole = {site["name"]: site["domains"] for site in sites}
    return [
        Rule("The name of an item of nginx_sites", mismatched("[a-z][a-z0-9-]{0,30}", names(given)),
             "begin with a small letter, then small letters, digits and dashes, 31 in all at most"),
        Rule("The name of several items of nginx_sites", _repeated(names(given)), "give every site a name of its own"),
        Rule("A site without domains in nginx_sites", names(site for site in sites if not site["domains"]), "give it domains, the canonical one first"),
        Rule("A domain in nginx_sites", [name for name in domains if not DOMAIN.fullmatch(name) and not ADDRESS.fullmatch(name)],
             "write a host name in small letters or an address, without scheme, port or path"),
        Rule("A domain that nginx_sites has more than once",
             _repeated(domain + (site["path"] if site["path"] != "/" else "") for site in sites for domain in site["domains"]),
             "leave it to one site, or give another one a path of its own"),
        Rule("A path of nginx_sites", mismatched(r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", (site["path"] for site in sites)),
             "write / or a path such as /api, without a slash at its end"),
        Rule("A domain of a site with path in nginx_sites",
             [name for site in sites if site["path"] != "/" for name in site["domains"] if name not in whole[server_of[site["name"]]]],
             "give such a site domains of one site alone, of the one that has / of them"),
        Rule("A site with canonical in nginx_sites whose first domain is no name of its own",
             [site["domains"][0] for site in sites if site["canonical"] and site["domains"][:1] and site["domains"][0].startswith("*")],
             "write the canonical name first"),
    ]


def _requests(sites: list[Site], server: dict[str, t.Any]) -> list[Rule]:
    probes = _all(sites, "probes")
    targets = [target for site in sites for target in site["redirects"].values()]
    headers = [(name, value) for site in sites for name, value in site["headers"].items()]
    return [
        Rule("A path of probes in nginx_sites", mismatched(URL_PATH, probes), "write a path such as /healthz"),
        Rule("A path of probes that nginx_sites has more than once", _repeated(probes), "leave it to one site"),
        Rule("A path of probes in nginx_sites with nginx_server.default_server being false", [] if server["default_server"] else probes,
             "let default_server be true, since probes come without the name of a site"),
        Rule("A path in redirects, access or streams of nginx_sites",
             mismatched(URL_PATH, [*_all(sites, "redirects"), *_all(sites, "access"), *_all(sites, "streams")]), "write a path such as /old/"),
        Rule("A path that a site of nginx_sites has in several of redirects, static, streams and access",
             [path for site in sites for path in _twice(site)], "leave it to one of them"),
        Rule("A target of redirects in nginx_sites", mismatched(r"""/[^\s"$;{}]*|https?://[^\s"$;{}]+""", targets),
             "write a path or an address with https://, without spaces, quotes and $"),
        Rule("A header in nginx_sites",
             [*mismatched("[A-Za-z0-9-]+", (name for name, value in headers)), *(value for name, value in headers if re.search(r"[$\\\n\r]", str(value)))],
             "write its name with letters, digits and dashes, and its value on one line without $ and backslashes"),
        Rule("A header in nginx_sites whose value is true or false", [name for name, value in headers if isinstance(value, bool)],
             "write the word in quotes, such as 'on'"),
        Rule("The rate of requests in limits of nginx_sites",
             mismatched("[1-9][0-9]*r/[sm]", (site["limits"]["requests"] for site in sites if site["limits"]["requests"])),
             "write a rate such as 10r/s or 30r/m"),
        Rule("A status in error_pages of nginx_sites", [status for status in map(str, _all(sites, "error_pages")) if status not in STATUSES],
             "write one with which nginx itself answers, 403, 404, 413, 429, 503 or 504"),
        Rule("A retry_after in nginx_sites", [site["retry_after"] for site in sites if int(site["retry_after"]) < 1], "write seconds, such as 300"),
        Rule("A client_max_body_size in nginx_sites", mismatched("[0-9]+[kKmMgG]?", (site["client_max_body_size"] for site in sites)),
             "write a number with k, m or g"),
    ]


def _twice(site: Site) -> list[str]:
    """Paths for which nginx would have two locations. One for a path alone goes with one for all that begins with it."""
    static = list(dict.fromkeys(item["url"] for item in site["static"]))
    below = [path for path in [*site["redirects"], *static] if path.endswith("/") and path != "/"]
    below += [path for path in dict.fromkeys([*site["streams"], *site["access"]]) if path not in static or path in site["streams"]]
    alone = [path for path in [*site["redirects"], *static] if not path.endswith("/") or path == "/"]
    return _repeated(below) + _repeated(alone)


def _access(sites: list[Site]) -> list[Rule]:
    rules = [(path, rule if isinstance(rule, dict) else {}) for site in sites for path, rule in site["access"].items()]
    users = [(str(name), str(password)) for path, rule in rules for name, password in (rule.get("users") or {}).items()]
    return [
        Rule("An address in access of nginx_sites", _no_networks(item for path, rule in rules for item in rule.get("allow") or []),
             "write an address or a network, such as 192.0.2.0/24"),
        Rule("A user in access of nginx_sites", mismatched(r'[^:\s"]+', (name for name, password in users)), "write a name without colons and spaces"),
        Rule("The password of a user in access of nginx_sites", [name for name, password in users if not HASHED.fullmatch(password)],
             "give what 'openssl passwd -6' prints, not the password itself"),
        Rule("A path of access in nginx_sites with neither allow nor users, or with other options",
             [*(option for path, rule in rules for option in rule if option not in ("allow", "users")), *(path for path, rule in rules if not rule)],
             "give allow, users or both"),
        Rule("A path of access other than / of a site without upstream in nginx_sites",
             [path for site in sites if not site["upstream"] for path in site["access"] if path != "/"], "protect the whole site"),
    ]


def _files(given: list[Site], sites: list[Site]) -> list[Rule]:
    static = _all(sites, "static")
    return [
        Rule("A site with both upstream and members in nginx_sites",
             names(site for site in given if site.get("upstream") and site.get("members")), "keep one of the two"),
        Rule("A site with neither upstream nor root in nginx_sites", names(site for site in sites if not site["upstream"] and not site["root"]),
             "give upstream for an application or root for a directory"),
        Rule("A site with both upstream and root in nginx_sites", names(site for site in sites if site["upstream"] and site["root"]),
             "keep one of the two, and use static for files beside an application"),
        Rule("A site with assets or fallback but without root in nginx_sites",
             names(site for site in sites if (site["assets"] or site["fallback"]) and not site["root"]), "give root, the directory of the site"),
        Rule("A fallback in nginx_sites", mismatched(rf"{FILE}(/{FILE})*", (site["fallback"] for site in sites if site["fallback"])),
             "write the path of a file in root, such as index.html"),
        Rule("An upstream in nginx_sites",
             mismatched(r"unix:/\S+|http://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?",
                        (site["upstream"] for site in sites if site["upstream"] and not site["members"])),
             "write unix:/path/of/socket or http://host:port"),
        Rule("An item of members in nginx_sites", mismatched(MEMBER, _all(sites, "members")),
             "write an address and its port, such as http://10.0.0.11:80, or with https:// for TLS"),
        Rule("A site of nginx_sites whose members are asked partly with TLS and partly without",
             names(site for site in sites if len({str(member).partition(":")[0] for member in site["members"]}) > 1), "ask all of them in one way"),
        Rule("The url of static files in nginx_sites", mismatched(r"(/[A-Za-z0-9._~-]+)+/?", (item["url"] for item in static)),
             "write it with a slash at both ends, such as /static/, or as that of a single file, such as /robots.txt"),
        Rule("A url of a single file of static in nginx_sites with several paths",
             [item["url"] for item in static if not item["url"].endswith("/") and len(item["paths"]) > 1],
             "give one path, or write the url with a slash at its end"),
        Rule("A url of static files that a site has more than once",
             _repeated(f"{site['name']} {item['url']}" for site in sites for item in site["static"]), "list all of its directories in one item's paths"),
        Rule("A url of static files without paths in nginx_sites", [item["url"] for item in static if not item["paths"]],
             "give at least one directory in paths"),
    ]


def _host(sites: list[Site], server: dict[str, t.Any], files: list[str]) -> list[Rule]:
    places = [*paths(sites), *files]
    return [
        Rule("log_max_size in nginx_server", mismatched("[1-9][0-9]*[kMG]", [server["log_max_size"]] if server["log_max_size"] else []),
             "write a number with k, M or G, or nothing"),
        Rule("A path in nginx_sites", mismatched(PATH, places), "write an absolute path of letters, digits and ._@+~- without a slash at the end"),
        Rule("A path in nginx_sites below a directory in which everybody may write",
             [path for path in places if re.match("/(tmp|var/tmp|dev/shm)/", path)], "put it somewhere else"),
        Rule("A group in nginx_sites", mismatched("[a-z_][a-z0-9_-]{0,31}", _all(sites, "groups")), "write the name of a group"),
        Rule("A read_timeout in nginx_sites or worker_shutdown_timeout in nginx_server",
             mismatched(TIME, [*(site["read_timeout"] for site in sites), server["worker_shutdown_timeout"]]), "write a number and its unit, such as 60s"),
        Rule("An item of balancers in nginx_server", [item for item in server["balancers"] if not ADDRESS.fullmatch(str(item))],
             "write an address, such as 10.0.0.10"),
        Rule("An item of trusted_proxies in nginx_server or nginx_sites", _no_networks([*server["trusted_proxies"], *_all(sites, "trusted_proxies")]),
             "write an address or a network, such as 192.0.2.0/24"),
    ]


def faults(
    given: list[Site], sites: list[Site], server: dict[str, t.Any], server_of: dict[str, str], files: list[str], without_http3: str = "",
) -> list[str]:
    """One sentence for each rule that is broken, with the variable, its values and the remedy.

    C(given) is nginx_sites as it was given, C(sites) those that are to be present, each with its defaults, C(server_of) whose server each is in,
    C(files) the certificates and keys that sites name, and C(without_http3) the name of the system if its nginx has no HTTP/3.
    """
    rules = [
        *_identity(given, sites, server_of), *_requests(sites, server), *_access(sites), *_files(given, sites), *_host(sites, server, files),
        Rule("A site with http3 in nginx_sites", names(site for site in sites if site["http3"]) if without_http3 else [],
             f"nginx of {without_http3} has no HTTP/3, so take it out or serve the site from Debian 13"),
    ]
    return sentences(rules)
