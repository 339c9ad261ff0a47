# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user writes in C(site), and what role nginx is given for it. Pure: no I/O.

Its options are declared in module_utils/_declared/site.py.
"""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils._paths import relative

DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
TARGET = re.compile(r"""(/|https?://[^/])[^\s"$;{}]*""")
NETWORK = re.compile(r"[0-9a-f.:]+(/[0-9]{1,3})?")
HASHED_PASSWORD = re.compile(r"(\$(apr1|5|6|y|2[aby])\$|\{SSHA\})[^:\s]+")
# What nginx itself answers with; 502 is 503 for visitors.
OWN_ERRORS = ("403", "404", "413", "429", "503", "504")
# Options that role nginx has by the same name.
PASSED = (
    "probes", "canonical", "redirects", "headers", "access", "streams", "client_max_body_size", "read_timeout", "extra_config", "retry_after",
    "trusted_proxies", "http3",
)


def address_of(text: str) -> str | None:
    """The address that C(text) is, as a browser writes it but without brackets; None for a name."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return None


def is_network(text: str) -> bool:
    """Is C(text) an address or a network, as nginx takes it?"""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return bool(NETWORK.fullmatch(text))


def canonical(domains: list[str]) -> str:
    """The name by which the host asks its own nginx for a site; an address, in brackets if it has colons, if the site has nothing else."""
    name = next((domain for domain in domains if not address_of(domain)), domains[0]).replace("*.", "www.", 1)
    return f"[{name}]" if ":" in name else name


def nearest_name(text: str) -> str:
    """The host name that is meant by one with other letters than a to z, capitals, a scheme, a port or a path; an example where none is."""
    try:
        name = re.sub(r"^https?://|(:[0-9]+)?(/.*)?$", "", text).rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    return name if DOMAIN.fullmatch(name) else "shop.example.com"


def checked_site(where: str, site: dict) -> dict:
    if not site["domains"]:
        raise AppsError(f"{where}.domains is empty: at least one domain is needed.")
    site["domains"] = [address_of(domain) or domain for domain in site["domains"]]
    for domain in site["domains"]:
        if not address_of(domain) and (not DOMAIN.fullmatch(domain) or len(domain) > 253):
            raise AppsError(f"{where}.domains has {domain!r}: a host name in lower case is needed, such as {nearest_name(domain)}, or an address.")
        # 192.0.2.300 and 192.0.2.010 would be names that nobody can ask for, and no browser sends the interface of fe80::1%eth0.
        if "%" in domain or re.fullmatch(r"[0-9.]+", domain) and not address_of(domain):
            raise AppsError(f"{where}.domains has {domain!r}, which is no address that visitors can ask for: write one such as 192.0.2.10 or 2001:db8::10.")
    site["path"] = (site["path"] or "").rstrip("/") or "/"
    if site["canonical"] and (site["domains"][0].startswith("*") or address_of(site["domains"][0])):
        raise AppsError(f"{where}.domains begins with {site['domains'][0]!r}: with canonical, the first has to be the name that all are sent to.")
    for path, target in site["redirects"].items():
        if not PATH.fullmatch(path) or not TARGET.fullmatch(str(target)):
            raise AppsError(f"{where}.redirects has {path!r}: {target!r}: a path and where to, a path or an address with https://, are needed.")
    for name, value in site["headers"].items():
        if isinstance(value, bool):
            raise AppsError(f"{where}.headers has {name!r}: {value}, which no header says: write the word in quotes, such as '{'on' if value else 'off'}'.")
        if not re.fullmatch("[A-Za-z0-9-]+", name) or not re.fullmatch(r"""[^$\\\n\r]*""", str(value)):
            raise AppsError(f"{where}.headers has {name!r}: {value!r}: a name, and one line without $ and backslashes are needed.")
    for path, rule in site["access"].items():
        _check_access(f"{where}.access[{path}]", path, rule, bool(site["root"]))
    for url, directory in site["static"].items():
        if not re.fullmatch(r"(/[\w.-]+)+/?", url) or ".." in url:
            raise AppsError(
                f"{where}.static has {url!r}: an address that begins and ends with / is needed, such as /static/, "
                "or that of a single file, such as /robots.txt."
            )
        site["static"][url] = relative(f"{where}.static[{url}]", str(directory))
    _check_tls(f"{where}.tls", site["domains"], site["tls"] or {})
    if site["root"]:
        site["root"] = relative(f"{where}.root", site["root"]) if site["root"] != "." else "."
    if site["fallback"]:
        if not site["root"]:
            raise AppsError(f"{where}.fallback goes with {where}.root: it is the file that answers where no other is there.")
        site["fallback"] = relative(f"{where}.fallback", site["fallback"].lstrip("/"))
    for status, page in site["error_pages"].items():
        site["error_pages"][status] = _error_page(f"{where}.error_pages[{status}]", status, str(page), site)
    return site


def _error_page(where: str, status: str, page: str, site: dict) -> str:
    if status not in OWN_ERRORS:
        raise AppsError(f"{where}: nginx itself answers with {', '.join(OWN_ERRORS)}; all else is the application's.")
    page = relative(where, page)
    if site["root"]:
        return page
    places = [directory for url, directory in site["static"].items() if url.endswith("/")]
    if not any(page.startswith(f"{directory}/") for directory in places):
        raise AppsError(f"{where} is {page!r}, which is in none of the directories of site.static ({', '.join(places) or 'none'}): nginx may read only these.")
    return page


def _check_tls(where: str, domains: list[str], tls: dict) -> None:
    source = tls.get("source") or ("files" if tls.get("certificate") else "self-signed")
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if tls.get(one) and not tls.get(other):
            raise AppsError(f"{where}.{other} is missing: {where}.{one} needs it.")
    if source == "files" and not tls.get("certificate"):
        raise AppsError(f"{where}.certificate is missing: with the source 'files' the path of a file on the host is needed, and the key's as well.")
    if source != "files" and tls.get("certificate"):
        raise AppsError(f"{where}.certificate goes with the source 'files', but {where}.source is {source!r}.")
    if source == "acme":
        for domain in domains:
            if address_of(domain):
                raise AppsError(f"{where}.source is 'acme', but {domain!r} is an address: authorities give certificates for names.")


def _check_access(where: str, path: str, rule: dict, files: bool) -> None:
    if not PATH.fullmatch(path) or (files and path != "/"):
        raise AppsError(f"{where}: a path that begins with / is needed; a site of files alone can be protected as a whole only.")
    if not isinstance(rule, dict) or not rule or set(rule) - {"allow", "users"}:
        raise AppsError(f"{where} is {rule!r}: a mapping with allow, users or both is needed.")
    if not isinstance(rule.get("allow") or [], list) or not isinstance(rule.get("users") or {}, dict):
        raise AppsError(f"{where}: allow is a list such as [192.0.2.0/24], and users a mapping of names and hashed passwords.")
    for item in rule.get("allow") or []:
        if not is_network(str(item)):
            raise AppsError(f"{where}.allow has {item!r}: an address or a network such as 192.0.2.0/24 is needed.")
    for name, password in (rule.get("users") or {}).items():
        if not re.fullmatch(r"""[^:\s"]+""", str(name)) or not HASHED_PASSWORD.fullmatch(str(password)):
            raise AppsError(f"{where}.users.{name} is not a hashed password: give what 'openssl passwd -6' prints, not the password itself.")


def _static(path: str, url: str, directory: str, shared: list[str]) -> dict:
    """Media lie in a shared directory; static files in the release, and the hashed ones of the last releases beside it."""
    if any(directory == item or directory.startswith(f"{item}/") for item in shared):
        return {"url": url, "paths": [f"{path}/shared/{directory}"], "uploads": True}
    if not url.endswith("/"):
        return {"url": url, "paths": [f"{path}/current/{directory}"]}
    return {"url": url, "paths": [f"{path}/current/{directory}", f"{path}/assets{url.rstrip('/')}"]}


def _released(path: str, page: str, site: dict) -> str:
    """Where nginx finds a page of the live release; those of a site of files are in its root."""
    return f"{path}/current/{site['root']}/{page}".replace("/./", "/") if site["root"] else f"{path}/current/{page}"


def sliced(name: str, path: str, site: dict, shared: list[str], server: str | None = None) -> dict:
    """The item of C(nginx_sites) for a checked C(site) of the application C(name), which lies in C(path) and runs in C(server), if in one of ours.

    gunicorn takes the path of a site off each request by itself: it refuses one whose path does not begin with SCRIPT_NAME.
    """
    return {
        "domains": site["domains"],
        **({"path": site["path"], "keep_path": server == "gunicorn"} if site["path"] != "/" else {}),
        **({"root": f"{path}/current/{site['root']}".removesuffix("/."), "assets": f"{path}/assets", "fallback": site["fallback"] or ""}
           if site["root"] else
           {"upstream": f"unix:{path}/current/.pyweb/web.sock"}),
        "static": [_static(path, url, directory, shared) for url, directory in site["static"].items()],
        "groups": [f"{name}-web"],
        **({"error_pages": {status: _released(path, page, site) for status, page in site["error_pages"].items()}} if site["error_pages"] else {}),
        **({"tls": {option: value for option, value in site["tls"].items() if value is not None}} if site.get("tls") else {}),
        **({"limits": {option: value for option, value in site["limits"].items() if value is not None}} if site.get("limits") else {}),
        **{option: site[option] for option in PASSED if site.get(option)},
    }
